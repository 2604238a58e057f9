"""The client address that is sent to a node with each request."""

import secrets
from functools import cache, lru_cache
from ipaddress import IPv6Address

from proxy.access.client_address import parse_address

_DOCUMENTATION = int(IPv6Address("2001:db8::"))
"""The network that RFC 3849 reserves for documentation: no packet on the Internet comes from there."""


@cache
def own_address() -> str:
    """Return the address for the proxy's own requests, unique to this process.

    A node charges each address for its load. Without their own address, health checks, shared subscriptions and the
    like would be charged to the proxy's address, which on the node's own host is 127.0.0.1, together with local
    clients; once these are throttled, the node would appear to be down. No client has an address in the documentation
    network; the last 64 bits are random, so that several proxies do not share one either.
    """
    return str(IPv6Address(_DOCUMENTATION | secrets.randbits(64)))


def client_headers(client: str | None, *, forwarded: bool) -> dict[str, str]:
    """The headers that name the client, or the proxy itself for None, to a node.

    `forwarded`: also as `Forwarded` (RFC 7239), the only one that Clio reads (`ProxyIpResolver`), and trusts from the
    addresses in its `server.proxy.ips` or with the secret `X-Proxy-Token`. Raises ValueError if `client` is not an IP
    address.
    """
    address = own_address() if client is None else forwarded_for(client)
    headers = {"X-Forwarded-For": address}
    if forwarded:
        headers["Forwarded"] = f'for="[{address}]"' if ":" in address else f"for={address}"
    return headers


@lru_cache(maxsize=4096)
def forwarded_for(client: str) -> str:
    """Return a client's IP address in the form for `X-Forwarded-For`.

    rippled (`extractIpAddrFromField` in `src/xrpld/rpc/detail/Role.cpp`) reads an IPv6 address with or without
    brackets, and ends an IPv4 address at a colon. Only the bare address is read alike everywhere. A zone (`%eth0`)
    means nothing to another host, and an IPv4 client of a dual-stack listener (`::ffff:192.0.2.1`) becomes IPv4, so
    that it is charged as one client.

    Raises ValueError if `client` is not an IP address.
    """
    address = parse_address(client)
    if address is None:
        raise ValueError(f"{client!r} does not appear to be an IP address")
    return str(address)
