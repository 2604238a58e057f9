"""Clients' IP addresses: the one place that parses them, finds a request's client, and groups addresses for limits."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_CACHED = 10_000
"""Addresses whose parsed form is cached."""


@lru_cache(_CACHED)
def parse_address(text: str) -> Address | None:
    """The IP address in `text`, None if it is not one.

    A zone (`fe80::1%eth0`) is dropped, as it means nothing to another host. `::ffff:192.0.2.1` is how a socket for
    both families writes 192.0.2.1; it becomes the IPv4 address, so that it matches IPv4 networks.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


@lru_cache(_CACHED)
def network_of(text: str, ipv4_bits: int, ipv6_bits: int) -> str | None:
    """The network that the address is in, `192.0.2.0/24` or `2001:db8::/64`; None if `text` is not an address."""
    address = parse_address(text)
    if address is None:
        return None
    return str(ip_network((address, ipv4_bits if address.version == 4 else ipv6_bits), strict=False))


@lru_cache(_CACHED)
def limit_key(address: str) -> str:
    """The key under which limits count `address`: itself, or its IPv6 /64 network, which one customer usually has."""
    known = parse_address(address)
    if known is None:
        return address
    return str(known) if known.version == 4 else str(ip_network((known, 64), strict=False))


class NetworkSet:
    """A set of IP networks; `address in networks` accepts an address as text, and is False for any other text."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self._contains = lru_cache(_CACHED)(self._look_up)

    def __contains__(self, address: str) -> bool:
        return self._contains(address)

    def _look_up(self, address: str) -> bool:
        known = parse_address(address)
        return known is not None and _is_in(known, self._networks)


def client_address(peer: str, headers: Mapping[str, str], trusted_proxies: Sequence[Network]) -> str:
    """The client's address: `peer`, or the address that a trusted proxy at `peer` received the request from.

    `headers`: names in lower case, the values of a repeated header joined by commas.

    Reads `X-Forwarded-For`, or else the `for=` of `Forwarded` (RFC 7239), from the right and takes the first address
    that is not a trusted proxy: everything further left may have been written by the client. If all are trusted, it
    takes the leftmost; if one on the way cannot be read (`unknown`, an obfuscated `_name`), the peer. If both headers
    are present the first one decides, because proxies that do not know `Forwarded` pass it on unchanged.
    """
    if not trusted_proxies:
        return _normalize_hop(peer)
    nearest, address = peer, _parse_hop(peer)
    if address is not None and _is_in(address, trusted_proxies):
        for hop in reversed(_forwarded_for(headers)):
            address = _parse_hop(hop)
            if address is None:
                return _normalize_hop(peer)
            nearest = hop
            if not _is_in(address, trusted_proxies):
                break
    return _normalize_hop(nearest)


def _forwarded_for(headers: Mapping[str, str]) -> list[str]:
    """The hops that the headers name, the client's end first."""
    if "x-forwarded-for" in headers:
        return headers["x-forwarded-for"].split(",")
    hops = []
    for element in headers.get("forwarded", "").split(","):
        pairs = (pair.partition("=") for pair in element.split(";"))
        # An element without `for` is a hop whose address is unknown.
        hops.append(next((value for name, _, value in pairs if name.strip().lower() == "for"), ""))
    return hops


@lru_cache(_CACHED)
def _parse_hop(text: str) -> Address | None:
    """`192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`, each also in quotes; None for anything else."""
    text = text.strip(" \t")
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1].strip(" \t")
    if text.startswith("["):
        text, bracket, port = text[1:].partition("]")
        if not bracket or (port and not _is_port(port)):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(f":{port}"):
            return None
    return parse_address(text)


@lru_cache(_CACHED)
def _normalize_hop(text: str) -> str:
    """The address in `text` alone; `text` itself if there is none."""
    address = _parse_hop(text)
    return text if address is None else str(address)


def _is_port(text: str) -> bool:
    return text[:1] == ":" and text[1:].isascii() and text[1:].isdigit() and len(text) <= 6


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
