"""Compresses messages, each by itself or with the context of earlier ones (RFC 7692)."""

import asyncio
import zlib

from proxy.http.websocket_frames import END_OF_BLOCK
from proxy.http.websocket_handshake import Compression

_BUSY_MESSAGES, _BUSY_SECONDS = 100, 10.0


class Deflate:
    """Compresses the messages of one session.

    With context, a stream message becomes a quarter as long, in half the time; but zlib needs 95 kB from the first
    message on, and 210 kB later. So each message is compressed by itself until there are enough that context pays.
    After that none is: the context includes everything sent since.
    """

    __slots__ = ("_began", "_context", "_messages", "_negotiated")

    def __init__(self, negotiated: Compression) -> None:
        self._negotiated = negotiated
        self._context: zlib._Compress | None = None
        self._began = 0.0
        self._messages = 0

    def compress(self, message: bytes) -> bytes:
        """The payload of a compressed message. May be called in another thread, for one message at a time."""
        packer = self._context or self._packer()
        return (packer.compress(message) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(END_OF_BLOCK)

    def count(self) -> None:
        """Note that a message is about to be compressed: often enough, and context is used from then on."""
        if self._context is not None or self._negotiated.alone:
            return
        now = asyncio.get_running_loop().time()
        if now - self._began > _BUSY_SECONDS:
            self._began, self._messages = now, 0
        self._messages += 1
        if self._messages > _BUSY_MESSAGES:
            self._context = self._packer()

    def _packer(self) -> "zlib._Compress":
        return zlib.compressobj(zlib.Z_BEST_SPEED, wbits=-self._negotiated.window_bits)
