"""Builds request heads from what llhttp reports: header by header, or from the cache of heads parsed before.

A client sends nearly the same head with every request, and many clients send the same one: most need not be parsed
again.
"""

from functools import lru_cache

import httptools

from proxy.http.request import Head

MAX_HEAD_BYTES = 32_768
"""Largest head of a request, in bytes."""
_MAX_HEADERS = 100
_VERSIONS = frozenset({"1.0", "1.1"})
_MAX_CACHED_BYTES = 2_048
_CACHED_HEADS = 1_024


class MalformedRequest(Exception):
    """The client sent invalid HTTP/1 or exceeded a limit; the message says why, and quotes nothing that was sent."""


class HeadParser:
    """Collects the parts of a head from the parser's callbacks. The methods raise MalformedRequest."""

    __slots__ = ("_count", "_headers", "_size", "_target")

    def __init__(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._count = 0
        self._size = 0

    def on_url(self, part: bytes) -> None:
        """A part of the target."""
        self._target += part
        self._grow(len(part))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. Values of one that is sent repeatedly are joined by commas (RFC 9110, 5.3)."""
        self._grow(len(name) + len(value))
        headers = self._headers
        self._count += 1
        if self._count > _MAX_HEADERS:
            raise MalformedRequest("there are too many headers")
        key = name.decode("ascii").lower()
        text = value.decode(errors="surrogateescape")
        headers[key] = f"{headers[key]},{text}" if key in headers else text

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_HEAD_BYTES:
            raise MalformedRequest("the head is too large")

    def build(self, parser: httptools.HttpRequestParser) -> Head:
        """Return the head that `parser` has completed, and begin the next one."""
        version = parser.get_http_version()
        if version not in _VERSIONS:
            raise MalformedRequest("the HTTP version is neither 1.0 nor 1.1")
        coding = self._headers.get("transfer-encoding")
        if coding is not None and coding.rpartition(",")[2].strip(" \t").lower() != "chunked":
            # llhttp refuses it as well, but only after it has reported the head.
            raise MalformedRequest("the last transfer coding is not chunked")
        head = Head(
            parser.get_method().decode("ascii"),
            self._target,
            self._headers,
            is_1_1=version == "1.1",
            keep_alive=parser.should_keep_alive(),
        )
        self._target, self._headers, self._count, self._size = b"", {}, 0, 0
        return head


def parse_cached_head(data: bytes) -> tuple[Head, int] | None:
    """Return the head at the beginning of `data`, which is complete requests, and its length in bytes.

    None for a head that has to be parsed step by step: it is incomplete, too long for the cache, has a chunked body or
    an Upgrade header, or is not valid HTTP.
    """
    end = data.find(b"\r\n\r\n", 0, _MAX_CACHED_BYTES) + 4
    head = _parse(data[:end]) if end > 4 else None
    return None if head is None else (head, end)


@lru_cache(_CACHED_HEADS)
def _parse(data: bytes) -> Head | None:
    if data.count(b"\n") != data.count(b"\r\n"):  # the parser may find an earlier end of the head
        return None
    single = _SingleHeadParser()
    parser = single.parser = httptools.HttpRequestParser(single)
    try:
        parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    finally:
        del single.parser
    head = single.head
    if head is None or head.wants_websocket or "transfer-encoding" in head.headers:
        return None
    head.is_shared = True
    return head


class _SingleHeadParser(HeadParser):
    """Parses one head."""

    parser: httptools.HttpRequestParser
    head: Head | None = None

    def on_headers_complete(self) -> None:
        self.head = self.build(self.parser)
