"""Flow control of reading from one client: not under backpressure, and with pauses if it sends very small pieces."""

import asyncio
from typing import cast

_SMALL_PIECE_BYTES = 64
_SMALL_PIECES = 25
_THROTTLE_SECONDS = 0.1
"""Pieces of a request smaller than the first, in bytes, are counted. After the second number of them between two checks
of the time limits, reading pauses after each further one for the third, in seconds. A piece costs as much as about a
thousand bytes."""


class ReadControl:
    """Pauses reading from one connection, and resumes it."""

    __slots__ = ("_loop", "_pausing", "_small_pieces", "_throttle", "_transport")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._pausing = False
        self._small_pieces = 0
        self._throttle: asyncio.TimerHandle | None = None  # ends a pause because of small pieces

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Control this transport."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self) -> None:
        """Release the transport."""
        self._transport = None
        self._end_throttle()

    def pause(self) -> None:
        """Stop reading until `resume`."""
        if self._transport is not None:
            self._pausing = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Resume reading."""
        transport = self._transport
        if self._pausing and self._throttle is None and transport is not None and not transport.is_closing():
            self._pausing = False
            transport.resume_reading()

    def received_part(self, size: int) -> None:
        """Note that `size` bytes have arrived, and that the request is still incomplete; this may pause reading."""
        if size >= _SMALL_PIECE_BYTES:
            return
        self._small_pieces += 1
        if self._small_pieces > _SMALL_PIECES and self._throttle is None:
            self.pause()
            self._throttle = self._loop.call_later(_THROTTLE_SECONDS, self.end_throttle)

    def end_throttle(self) -> None:
        """End a pause because of small pieces."""
        self._end_throttle()
        self.resume()

    def check(self) -> None:
        """Restart the count of small pieces: called regularly."""
        self._small_pieces = 0

    @property
    def is_paused(self) -> bool:
        """Whether reading is paused by backpressure: a delay that is not the client's fault."""
        return self._pausing and self._throttle is None

    def _end_throttle(self) -> None:
        if self._throttle is not None:
            self._throttle.cancel()
            self._throttle = None
