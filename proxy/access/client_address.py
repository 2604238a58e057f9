"""Clients' addresses as the limits count them: an IPv6 network of 64 bits as one, and some networks not at all."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from proxy.access.method_policy import Network

_REMEMBERED = 10_000


@lru_cache(_REMEMBERED)
def limit_key(address: str) -> str:
    """What `address` is counted as: itself, or for IPv6 the network of 64 bits that a single customer is given."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return address
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ip_network((known, 64), strict=False))


class NetworkSet:
    """The clients that limits per address do not hold for."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self._holds = lru_cache(_REMEMBERED)(self._look)

    def __contains__(self, address: str) -> bool:
        return self._holds(address)

    def _look(self, address: str) -> bool:
        try:
            known = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(known, IPv6Address) and known.ipv4_mapped is not None:
            known = known.ipv4_mapped
        return any(known in network for network in self._networks)
