"""A node's HTTP response, and a fast path for one that arrives in one piece with a head that was parsed before."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import httptools

from proxy.nodes.large_responses import Room

_WITHOUT_BODY = frozenset({204, 304})
_MOST_REMEMBERED_BYTES = 1_024
_REMEMBERED = 1_024


@dataclass(slots=True)
class NodeResponse:
    """A node's complete response: HTTP status, `Content-Type` and `Content-Encoding` ("" for none), body.

    `has_length`: its length was declared, not only marked by the end of the connection. `room`: that for a large one,
    for as long as its body is in use.
    """

    status: int
    content_type: str
    body: bytes
    content_encoding: str = ""
    has_length: bool = True
    room: Room | None = None


def parse_cached(data: bytes, most_bytes: int) -> tuple[NodeResponse, bool] | None:
    """The response, if `data` is exactly one complete response, and whether the connection stays open after it."""
    end = data.find(b"\r\n\r\n", 0, _MOST_REMEMBERED_BYTES) + 4
    head = _read_head(data[:end]) if end > 4 else None
    if head is None or len(data) - end != head.length or head.length > most_bytes:
        return None
    return NodeResponse(head.status, head.content_type, data[end:], head.content_encoding), head.keep_alive


class _Head(NamedTuple):
    """The head of a usual response, which declares its length."""

    status: int
    content_type: str
    content_encoding: str
    length: int
    keep_alive: bool


@lru_cache(_REMEMBERED)
def _read_head(data: bytes) -> _Head | None:
    """Most heads equal earlier ones, except for the length and the second; None for an unusual one."""
    if data.count(b"\n") != data.count(b"\r\n"):  # the parser may see its end earlier than this does
        return None
    headers: dict[bytes, bytes] = {}
    parser = httptools.HttpResponseParser(_Headers(headers))
    try:
        parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    status, length = parser.get_status_code(), int(headers.get(b"content-length", 0))
    if status < 200 or status in _WITHOUT_BODY or b"transfer-encoding" in headers or not length:
        return None
    return _Head(
        status,
        headers.get(b"content-type", b"").decode("latin-1"),
        headers.get(b"content-encoding", b"").decode("latin-1"),
        length,
        parser.should_keep_alive(),
    )


class _Headers:
    """Collects headers for the parser."""

    def __init__(self, headers: dict[bytes, bytes]) -> None:
        self._headers = headers

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value
