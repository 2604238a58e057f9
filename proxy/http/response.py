"""The response to an HTTP request: always with a complete body, which may be encoded while it is sent."""

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

JSON = "application/json; charset=UTF-8"
TEXT = "text/plain; charset=utf-8"
SERVER = "xrpl-version-proxy"
"""The `Server` header of every response."""
RETRY_SECONDS = 1
"""The `Retry-After` header of every response with status 429 or 503."""
REQUEST_ID = "X-Request-Id"
"""The header with the id of a request, of its response and, from a trusted proxy, of the request itself."""

_PHRASES = {int(status): status.phrase for status in HTTPStatus}
_NO_CONTENT = 204
_TRY_LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_LARGE_BYTES = 65_536
"""A body of this size or more is not copied behind its head."""


class BodyEncoder(Protocol):
    """Encodes a body while it is sent.

    `held_bytes`: memory that this takes until then.
    """

    held_bytes: int

    async def encode(self, piece: memoryview, *, is_last: bool) -> bytes:
        """Return the bytes to send after those of the pieces before; there may be none yet."""


class Response:
    """An HTTP response.

    `headers`: those in addition to `Server`, `Content-Type`, `Content-Length`, `Date`, `Connection`, `Retry-After` and
    `X-Request-Id`; more may be added until it is sent.
    """

    __slots__ = ("body", "content_type", "encoder", "headers", "keep_alive", "status")

    def __init__(
        self, status: int, body: bytes = b"", content_type: str = JSON, headers: dict[str, str] | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = {} if headers is None else headers
        self.keep_alive = True
        """Whether the connection may stay open after it."""
        self.encoder: BodyEncoder | None = None
        """Encodes the body, whose length is then unknown: sent in chunks, or to HTTP/1.0 until the connection ends."""

    def encode(self, *, is_1_1: bool, keep_alive: bool, with_body: bool, request_id: str = "") -> tuple[bytes, ...]:
        """Return the bytes to write, for a client of HTTP/1.1 or 1.0; the response to `HEAD` is without its body."""
        body, headers = self.body, tuple(self.headers.items()) if self.headers else ()
        head = _head(self.status, self.content_type, is_1_1, keep_alive, headers, int(time.time()))
        # The rest is not in the cached head, because it differs each time.
        own = f"{REQUEST_ID}: {request_id}\r\n" if request_id else ""
        if self.status == _NO_CONTENT:
            return (head + f"{own}\r\n".encode("ascii"),)
        length = f"Content-Length: {len(body)}\r\n"
        if self.encoder is not None:
            length = "Transfer-Encoding: chunked\r\n" if is_1_1 else ""
        end = f"{own}{length}\r\n".encode("ascii")
        if not with_body:
            return (head + end,)
        if len(body) < _LARGE_BYTES and self.encoder is None:
            return (b"".join((head, end, body)),)
        return (head + end, body)


@lru_cache(256)
def _head(
    status: int,
    content_type: str,
    is_1_1: bool,
    keep_alive: bool,
    headers: tuple[tuple[str, str], ...],
    second: int,
) -> bytes:
    lines = [f"HTTP/1.{int(is_1_1)} {status} {_PHRASES.get(status, '')}", f"Server: {SERVER}"]
    lines.append(f"Date: {formatdate(second, usegmt=True)}")
    if status != _NO_CONTENT:
        lines.append(f"Content-Type: {content_type}")
    if status in _TRY_LATER:
        lines.append(f"Retry-After: {RETRY_SECONDS}")
    if keep_alive != is_1_1:
        lines.append("Connection: keep-alive" if keep_alive else "Connection: close")
    lines += [f"{name}: {value}" for name, value in headers]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
