"""A node's HTTP answer as it came; and a whole one behind a head that was read before, taken at once."""

from functools import lru_cache
from typing import NamedTuple

import httptools

_WITHOUT_BODY = frozenset({204, 304})
_MOST_REMEMBERED_BYTES = 1_024
_REMEMBERED = 1_024


class NodeResponse(NamedTuple):
    """A node's whole answer, as it came: HTTP status, `Content-Type` and `Content-Encoding` ("" for none), body.

    `framed`: its length was told, not only by closing the connection.
    """

    status: int
    content_type: str
    body: bytes
    content_encoding: str = ""
    has_length: bool = True


def parse_cached(data: bytes, most_bytes: int) -> tuple[NodeResponse, bool] | None:
    """The answer, if `data` is one, wholly, and nothing else, and whether the connection keeps open after it."""
    end = data.find(b"\r\n\r\n", 0, _MOST_REMEMBERED_BYTES) + 4
    head = _read_head(data[:end]) if end > 4 else None
    if head is None or len(data) - end != head.length or head.length > most_bytes:
        return None
    return NodeResponse(head.status, head.content_type, data[end:], head.content_encoding), head.keep_alive


class _Head(NamedTuple):
    """What stands before the body of a usual answer, the length of which it tells."""

    status: int
    content_type: str
    content_encoding: str
    length: int
    keep_alive: bool


@lru_cache(_REMEMBERED)
def _read_head(data: bytes) -> _Head | None:
    """Most heads are the same as those that came before, but for the length and the second; None for an unusual one."""
    if data.count(b"\n") != data.count(b"\r\n"):  # the parser may see it end sooner than this does
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
