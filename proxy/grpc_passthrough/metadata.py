"""The metadata of calls and responses: what is forwarded, and what belongs to one connection or to the proxy."""

from collections.abc import Iterable
from urllib.parse import unquote

from proxy.access.client_address import client_address
from proxy.nodes.forwarded import forwarded_for

Metadata = tuple[tuple[str, str | bytes], ...]

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
_IDENTITY = frozenset({"forwarded", "x-forwarded-for", "x-proxy-token", "x-real-ip", "x-user"})
"""Set only by the proxy: nodes, and proxies in front of them, rely on these from trusted peers."""
_END_TO_END = frozenset({"grpc-trace-bin", "grpc-tags-bin", "grpc-status-details-bin", "grpc-previous-rpc-attempts"})
"""The `grpc-…` keys that are end to end; all others belong to one connection."""


def for_node(metadata: Iterable[tuple[str, str | bytes]], client: str) -> Metadata:
    """A client's metadata for the node, with the client's address as over HTTP."""
    passed = (pair for pair in metadata if _passes(pair[0]) and pair[0].lower() not in _IDENTITY)
    return (*passed, ("x-forwarded-for", forwarded_for(client)))


def for_client(metadata: Iterable[tuple[str, str | bytes]] | None) -> Metadata:
    """A node's initial metadata or trailers for the client."""
    return tuple(pair for pair in metadata or () if _passes(pair[0]))


def peer_and_headers(peer: str, metadata: Iterable[tuple[str, str | bytes]]) -> tuple[str, dict[str, str]]:
    """The IP address of `peer`, for example `ipv4:192.0.2.1:80`, and the call's metadata as HTTP headers."""
    headers: dict[str, str] = {}
    for key, value in metadata:
        if isinstance(value, str):
            name = key.lower()
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    return client_address(unquote(peer.partition(":")[2]), {}, ()), headers


def _passes(key: str) -> bool:
    name = key.lower()
    if name.startswith("grpc-"):
        return name in _END_TO_END
    return not name.startswith(":") and name not in _HOP_BY_HOP
