"""Lets connections that receive large messages at the same time read in rotation.

The event loop reads all that has arrived on a connection before it goes on, and does so for each connection: fifty
responses of 4 MB that arrive together would block it for a fifth of a second. In rotation one connection reads in each
iteration of the event loop.
"""

import asyncio
from collections import deque
from typing import Protocol

LARGE_BYTES = 65_536
"""Connections take part in the rotation when they receive a message from this size on."""


class Rotating(Protocol):
    """A connection in the rotation."""

    def pause_reading(self) -> None:
        """Read no more until `resume_reading`."""

    def resume_reading(self) -> None:
        """Read on, unless the connection is closed. Must not raise."""


class ReadRotation:
    """The connections that receive large messages at the moment. Create it within an event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._latest = 0
        """The `id` of the connection that the latest piece arrived on."""
        self._paused: deque[Rotating] = deque()

    def piece_received(self, connection: Rotating) -> None:
        """A piece of a large message has arrived on `connection`: pause it until its next turn.

        Not if the piece before arrived on it too: a single connection is not slowed down.
        """
        latest, self._latest = self._latest, id(connection)
        if latest in (0, self._latest):
            return
        connection.pause_reading()
        self._paused.append(connection)
        if len(self._paused) == 1:
            self._loop.call_soon(self._resume_next)

    def _resume_next(self) -> None:
        self._paused.popleft().resume_reading()
        if self._paused:
            self._loop.call_soon(self._resume_next)
