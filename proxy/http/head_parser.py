"""Reads the heads of requests, which llhttp takes apart: bit by bit, or at once one that was read before.

A client sends nearly the same head with each request, and many clients the same: most need not be read again.
"""

from functools import lru_cache

import httptools

from proxy.http.request import Head

MOST_HEAD_BYTES = 32_768
_MOST_HEADERS = 100
_VERSIONS = frozenset({"1.0", "1.1"})
_MOST_REMEMBERED_BYTES = 2_048
_REMEMBERED = 1_024


class MalformedRequest(Exception):  # noqa: N818 - what it is
    """What the client sends is no HTTP/1, or more of it than is taken."""


class HeadParser:
    """Takes the parts of a head as the parser tells them. The methods raise NotHttp."""

    __slots__ = ("_headers", "_size", "_target")

    def __init__(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._size = 0

    def on_url(self, part: bytes) -> None:
        """A part of what the request is for."""
        self._target += part
        self._grow(len(part))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self._grow(len(name) + len(value))
        headers = self._headers
        if len(headers) >= _MOST_HEADERS:
            raise MalformedRequest
        key = name.decode("ascii").lower()
        told = value.decode(errors="surrogateescape")
        headers[key] = f"{headers[key]},{told}" if key in headers else told

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MOST_HEAD_BYTES:
            raise MalformedRequest

    def build(self, parser: httptools.HttpRequestParser) -> Head:
        """The head, of which `parser` has told all parts; the next one may follow."""
        version = parser.get_http_version()
        if version not in _VERSIONS:
            raise MalformedRequest
        head = Head(
            parser.get_method().decode("ascii"),
            self._target,
            self._headers,
            is_1_1=version == "1.1",
            keep_alive=parser.should_keep_alive(),
        )
        self._target, self._headers, self._size = b"", {}, 0
        return head


def parse_cached_head(data: bytes) -> tuple[Head, int] | None:
    """The head that `data`, whole requests of a client, begins with, and where it ends.

    None for one that is best read bit by bit: of which more is to come, too long to be remembered, with a body whose
    length is not told, with a wish for another protocol, or no HTTP.
    """
    end = data.find(b"\r\n\r\n", 0, _MOST_REMEMBERED_BYTES) + 4
    head = _read(data[:end]) if end > 4 else None
    return None if head is None else (head, end)


@lru_cache(_REMEMBERED)
def _read(data: bytes) -> Head | None:
    if data.count(b"\n") != data.count(b"\r\n"):  # the parser may see it end sooner than this does
        return None
    reading = _SingleHeadParser()
    parser = reading.parser = httptools.HttpRequestParser(reading)
    try:
        parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    finally:
        del reading.parser
    head = reading.head
    return None if head is None or head.wants_websocket or "transfer-encoding" in head.headers else head


class _SingleHeadParser(HeadParser):
    """Reads a head by itself."""

    parser: httptools.HttpRequestParser
    head: Head | None = None

    def on_headers_complete(self) -> None:
        self.head = self.build(self.parser)
