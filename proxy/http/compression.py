"""gzip for large responses (RFC 9110, 8.4.1.3), in a separate thread."""

import asyncio
import re
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from proxy.http.response import Response

COMPRESSED_FROM = 65_536
"""Bytes from which a response is compressed: smaller ones are sent in a packet or a few dozen."""

_LEVEL = 1
"""120 MB/s; level 5 takes three times as long for 6 % fewer bytes."""
_PIECE_BYTES = 262_144
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

    async def compress(self, response: Response) -> float:
        """Compress the body of a response, unless too much is waiting; return the CPU seconds that took."""
        size = len(response.body)
        if self._closed or (self._waiting_bytes and self._waiting_bytes + size > _MAX_WAITING_BYTES):
            return 0.0
        self._waiting_bytes += size
        try:
            loop = asyncio.get_running_loop()
            compressed, seconds = await loop.run_in_executor(self._thread, self._compress, response.body)
        finally:
            self._waiting_bytes -= size
        if compressed is not None:
            response.body = compressed
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Vary"] = "Accept-Encoding"
        return seconds

    def close(self) -> None:
        """Compress nothing more; the thread ends after its current piece."""
        self._closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _compress(self, body: bytes) -> tuple[bytes | None, float]:
        """The compressed body, None if it is not wanted any more, and the CPU seconds that took."""
        began = time.thread_time()
        stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
        view, parts = memoryview(body), []
        for start in range(0, len(body), _PIECE_BYTES):
            if self._closed:
                return None, time.thread_time() - began
            parts.append(stream.compress(view[start : start + _PIECE_BYTES]))
        parts.append(stream.flush())
        return b"".join(parts), time.thread_time() - began
