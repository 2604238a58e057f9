"""How a node is told who the client is."""

from functools import lru_cache

from proxy.access.client_address import parse_address


@lru_cache(maxsize=4096)
def forwarded_for(client: str) -> str:
    """Return the value of `X-Forwarded-For` for a client's IP address.

    rippled (`extractIpAddrFromField` in `src/xrpld/rpc/detail/Role.cpp`) reads an IPv6 address with or without
    brackets, and ends an IPv4 address at a colon. The bare address is the one form that it and everything between
    reads alike. A zone (`%eth0`) means nothing to another host, and an IPv4 client of a dual-stack listener
    (`::ffff:192.0.2.1`) is given as IPv4, so that it is charged as the one client it is.

    Raises ValueError if `client` is not an IP address.
    """
    address = parse_address(client)
    if address is None:
        raise ValueError(f"{client!r} does not appear to be an IP address")
    return str(address)
