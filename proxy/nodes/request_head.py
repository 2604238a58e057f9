"""The head of an HTTP request to a node, as bytes."""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import SplitResult

from proxy.nodes.forwarded import client_headers


def request_head(url: SplitResult, headers: Mapping[str, str]) -> bytes:
    """The beginning of every request to `url`, with the configured `headers`.

    Nodes do not compress, and the request says so, so that a response's size on the wire is its size in memory.
    """
    target, host = target_and_host(url)
    own = {"Host": host, "Content-Type": "application/json", "Accept-Encoding": "identity"}
    return f"POST {target} HTTP/1.1\r\n".encode("ascii", "replace") + _lines({**headers, **own})


def target_and_host(url: SplitResult) -> tuple[str, str]:
    """The target of a request to `url`, and its `Host` header."""
    return (url.path or "/") + (f"?{url.query}" if url.query else ""), url.netloc.rpartition("@")[2]


@lru_cache(maxsize=4096)
def client_lines(client: str | None, forwarded: bool) -> bytes:
    """The header lines with the client's address: see `client_headers`."""
    return _lines(client_headers(client, forwarded=forwarded))


def _lines(headers: Mapping[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii", "replace")
