"""Receives the rest of a large body directly into its place: three copies and some reads fewer than in parts."""

import asyncio
from collections.abc import Callable
from typing import cast

_LARGE_BYTES = 65_536
"""Bytes to come from which on it pays to change the transport's protocol."""
_ARRIVED = 0.25
"""Share of a body that must have arrived, so that those of a slow node do not take memory for what is yet to come."""
_ALWAYS_BYTES = 8_000_000
"""Size of a body from which on that share does not matter, because its place grows as it arrives."""
_STEP_BYTES = 1_048_576
"""Bytes by which it grows: new memory takes the event loop half a millisecond per megabyte."""
_READ_BYTES = 131_072
"""Most bytes of it in one read: the event loop reads up to 32 times before it serves other connections."""


def pays(arrived: int, size: int) -> bool:
    """Whether to receive the rest of a body of `size` bytes by `LargeBody`."""
    return size - arrived >= _LARGE_BYTES and (arrived >= _ARRIVED * size or size >= _ALWAYS_BYTES)


class LargeBody(asyncio.BufferedProtocol):
    """The protocol of a node's connection while the rest of one body arrives.

    `begun`: what has arrived of it; `size`: of all of it, in bytes. `arrived` is called for each piece, with the bytes
    that are missing: with 0 or less it was the last one, and the transport needs another protocol. `lost` is called if
    the connection ends.
    """

    def __init__(
        self, begun: bytes, size: int, arrived: Callable[[int], None], lost: Callable[[Exception | None], None]
    ) -> None:
        self._size = size
        self._arrived = len(begun)
        # With room to notice that there is more.
        self._buffer = bytearray(size + 1 if size < _ALWAYS_BYTES else self._arrived)
        self._buffer[: self._arrived] = begun
        self._on_piece = arrived
        self._lost = lost

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the room for what arrives next."""
        if self._size < _ALWAYS_BYTES:
            return memoryview(self._buffer)[self._arrived :]
        if self._arrived == len(self._buffer):
            self._buffer += bytes(min(_STEP_BYTES, self._size + 1 - self._arrived))
        return memoryview(self._buffer)[self._arrived : self._arrived + _READ_BYTES]

    def buffer_updated(self, nbytes: int) -> None:
        """`nbytes` have arrived."""
        self._arrived += nbytes
        self._on_piece(self._size - self._arrived)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._lost(exc)

    def take(self) -> bytes:
        """Return the body, which is a bytearray. Not to be called by `arrived`: the transport still uses the buffer."""
        buffer, self._buffer = self._buffer, bytearray()
        del buffer[self._size :]
        return cast(bytes, buffer)
