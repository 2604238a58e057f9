"""Whether what a client is sent is compressed message by message, or each with what the ones before it have left."""

import asyncio

_BUSY_MESSAGES, _BUSY_SECONDS = 100, 10.0


class Deflate:
    """One session's choice, with a client that unpacks with a window of `bits` bits (0: it is sent nothing compressed).

    A message of a stream becomes a quarter as long, in half the time, where it may refer to those before it; but for
    that zlib keeps 95 kB from the first one on, and 210 later. So each is compressed alone until so many come that it
    pays. From then on none is any more: what refers back counts all that was sent since.
    """

    __slots__ = ("_began", "_bits", "_keeps", "_messages")

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._keeps = not bits
        self._began = 0.0
        self._messages = 0

    def next_window_bits(self) -> int | None:
        """How many bits to compress the next message with by itself; None where the connection has it otherwise."""
        if self._keeps:
            return None
        now = asyncio.get_running_loop().time()
        if now - self._began > _BUSY_SECONDS:
            self._began, self._messages = now, 0
        self._messages += 1
        self._keeps = self._messages > _BUSY_MESSAGES
        return None if self._keeps else self._bits
