"""A bound on the bytes of a node's large responses, from their arrival until they are passed on or translated.

It is for HTTP and WebSocket together. Without it, one client with a hundred concurrent requests for a ledger of 50 MB
would have the proxy hold them all.
"""

import asyncio
from typing import Protocol

from proxy.nodes.fair_queue import FairQueue

LARGE_BYTES = 1_048_576
"""Responses from this size on are counted; connections and their buffers bound the smaller ones."""


class Paused(Protocol):
    """A connection that reads no more of its response, until there is room for it."""

    def resume_reading(self) -> None:
        """Read on. Must not raise."""


class LargeResponses:
    """Room for `limit` bytes of large responses, shared fairly between client addresses: see FairQueue.

    The rest of a response for which there is no room is not read from the node meanwhile.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._room = FairQueue(limit)

    def begin(self, client: str, size: int, connection: Paused) -> "Room":
        """The room for a response of `size` bytes to `client`. Unless it is free, `connection` reads on later."""
        return Room(self._room, client, min(size, self._limit), connection)


class Room:
    """The room for one response. It is given back when nothing refers to this object any more."""

    __slots__ = ("_client", "_queue", "_size", "_waiter")

    def __init__(self, queue: FairQueue, client: str, size: int, connection: Paused) -> None:
        self._queue = queue
        self._client = client
        self._size = size
        self._waiter: asyncio.Future[None] | None = None
        if not queue.take(client, size):
            self._waiter = queue.enqueue(client, size)
            self._waiter.add_done_callback(lambda turn: None if turn.cancelled() else connection.resume_reading())

    @property
    def is_free(self) -> bool:
        """Whether there is room for the response."""
        return self._waiter is None or self._waiter.done()

    def resize(self, size: int) -> None:
        """Give back the room that the response, which has arrived, does not need: it has `size` bytes."""
        if size < self._size and self.is_free:
            self._queue.give_back(self._client, self._size - size)
            self._size = size

    def __del__(self) -> None:
        if self._waiter is None:
            self._queue.give_back(self._client, self._size)
        else:
            self._queue.leave(self._client, self._waiter, self._size)
