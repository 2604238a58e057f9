"""gzip for large responses (RFC 9110, 8.4.1.3), in a separate thread."""

import asyncio
import re
import time
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial

from proxy.http.response import Response

COMPRESSED_FROM = 65_536
"""Bytes from which a response is compressed: smaller ones are sent in a packet or a few dozen."""

_LEVEL = 1
"""120 MB/s; level 5 takes three times as long for 6 % fewer bytes."""
_MAX_WAITING_BYTES = 16_777_216
"""Bytes that may wait for the thread, about an eighth of a second: beyond it responses are sent as they are."""
_GZIP = re.compile(r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=([0-9.]+)\s*)?(?:,|$)", re.ASCII | re.IGNORECASE)


@lru_cache(256)
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client with this `Accept-Encoding` accepts gzip (RFC 9110, 12.5.3)."""
    found = _GZIP.search(accept_encoding)
    return found is not None and (found[1] is None or found[1].strip("0.") != "")


class Compressor:
    """Compresses the responses of one process. zlib runs without the interpreter's lock, next to the event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gzip")
        self._waiting_bytes = 0
        self._closed = False

    def apply(self, response: Response, spent: Callable[[float], None]) -> None:
        """Have the body of a response compressed while it is sent, unless too much is waiting.

        `spent`: is called with the CPU seconds of each piece.
        """
        if self._closed or self._waiting_bytes > _MAX_WAITING_BYTES:
            return
        response.encoder = GzipEncoder(self._compress, spent)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"

    def close(self) -> None:
        """Compress nothing more: all responses have been sent."""
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _compress(self, step: Callable[[], tuple[bytes, float]], size: int) -> tuple[bytes, float]:
        self._waiting_bytes += size
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, step)
        finally:
            self._waiting_bytes -= size


class GzipEncoder:
    """Compresses one body, a piece at a time, in the thread of the process: see BodyEncoder."""

    held_bytes = 262_144
    """zlib's state (`zconf.h`), for as long as the client takes."""

    def __init__(
        self,
        compress: Callable[[Callable[[], tuple[bytes, float]], int], Awaitable[tuple[bytes, float]]],
        spent: Callable[[float], None],
    ) -> None:
        self._compress = compress
        self._spent = spent
        self._stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)

    async def encode(self, piece: memoryview, *, is_last: bool) -> bytes:
        """Return the bytes to send after those of the pieces before; there may be none yet."""
        compressed, seconds = await self._compress(partial(self._encode, piece, is_last), len(piece))
        self._spent(seconds)
        return compressed

    def _encode(self, piece: memoryview, is_last: bool) -> tuple[bytes, float]:
        began = time.thread_time()
        compressed = self._stream.compress(piece)
        if is_last:
            compressed += self._stream.flush()
        return compressed, time.thread_time() - began
