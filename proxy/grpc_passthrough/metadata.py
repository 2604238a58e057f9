"""The metadata of calls and answers: what is passed on, and what belongs to one connection or to the proxy."""

from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from proxy.access.method_policy import Network, client_address
from proxy.nodes.forwarded import forwarded_for

Metadata = tuple[tuple[str, str | bytes], ...]

_ONE_CONNECTION = frozenset(
    {
        *("connection", "content-length", "content-type", "host", "keep-alive", "proxy-authenticate"),
        *("proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"),
    }
)
_WHO_ASKS = frozenset({"forwarded", "x-forwarded-for", "x-proxy-token", "x-real-ip", "x-user"})
"""What nodes, or proxies before them, believe of those whom they trust."""
_LIBRARY_KEEPS = frozenset({"grpc-trace-bin", "grpc-tags-bin", "grpc-status-details-bin", "grpc-previous-rpc-attempts"})
"""Of `grpc-…`, which is otherwise between two peers, what is told end to end."""


def for_node(metadata: Iterable[tuple[str, str | bytes]], client: str) -> Metadata:
    """A client's metadata for the node, which learns of the client as it does over HTTP."""
    passed = (pair for pair in metadata if _passes(pair[0]) and pair[0].lower() not in _WHO_ASKS)
    return (*passed, ("x-forwarded-for", forwarded_for(client)))


def for_client(metadata: Iterable[tuple[str, str | bytes]] | None) -> Metadata:
    """A node's initial metadata or trailers for the client."""
    return tuple(pair for pair in metadata or () if _passes(pair[0]))


def client_of(peer: str, metadata: Iterable[tuple[str, str | bytes]], trusted_proxies: Sequence[Network]) -> str:
    """The client's IP address: of `peer`, as `ipv4:192.0.2.1:80`, or what a trusted proxy there says."""
    address = unquote(peer.partition(":")[2])
    headers: dict[str, str] = {}
    for key, value in metadata:
        if isinstance(value, str):
            name = key.lower()
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    return client_address(address, headers, trusted_proxies)


def _passes(key: str) -> bool:
    name = key.lower()
    if name.startswith("grpc-"):
        return name in _LIBRARY_KEEPS
    return not name.startswith(":") and name not in _ONE_CONNECTION
