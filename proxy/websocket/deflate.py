"""Chooses between compressing each message by itself and with the context of earlier ones (RFC 7692)."""

import asyncio

_BUSY_MESSAGES, _BUSY_SECONDS = 100, 10.0


class Deflate:
    """One session's choice, for a client with a window of `bits` bits (0: nothing is compressed).

    With context, a stream message becomes a quarter as long, in half the time; but zlib needs 95 kB from the first
    message on, and 210 kB later. So each message is compressed by itself until there are enough that context pays.
    After that none is: the context includes everything sent since.
    """

    __slots__ = ("_began", "_bits", "_keeps", "_messages")

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._keeps = not bits
        self._began = 0.0
        self._messages = 0

    def next_window_bits(self) -> int | None:
        """The window bits to compress the next message by itself; None to use the connection's context."""
        if self._keeps:
            return None
        now = asyncio.get_running_loop().time()
        if now - self._began > _BUSY_SECONDS:
            self._began, self._messages = now, 0
        self._messages += 1
        self._keeps = self._messages > _BUSY_MESSAGES
        return None if self._keeps else self._bits
