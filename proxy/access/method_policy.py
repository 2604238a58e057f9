"""What is refused whoever asks: the administration of a node, its credentials, and having it post to a URL.

A node judges by the peer's address, which behind a proxy is the proxy's own, often one it trusts. So what a stranger
may not ask is decided here, as rippled decides it on a public port (`Role.cpp`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Literal

ADMIN_METHODS = frozenset(
    {
        "blacklist",
        "can_delete",
        "connect",
        "consensus_info",
        "fetch_info",
        "get_counts",
        "ledger_accept",
        "ledger_cleaner",
        "ledger_request",
        "log_level",
        "logrotate",
        "peer_reservations_add",
        "peer_reservations_del",
        "peer_reservations_list",
        "peers",
        "print",
        "shed",
        "stop",
        "unl_list",
        "validation_create",
        "validator_info",
        "validator_list_sites",
        "validators",
        "wallet_propose",
    }
)
"""Methods that rippled keeps for its administrators."""

OLD_ADMIN_METHODS = frozenset({"crawl_shards", "download_shard", "node_to_shard", "validation_seed"})
"""Those that only older rippleds have; to newer ones they are unknown, which is what a client is told there."""

SECRETS = ("secret", "seed", "seed_hex", "passphrase", "admin_password")
"""Members of a request that no answer, log or error may show."""

MASK = "<masked>"

Verdict = Literal["forbidden", "no_permission"]
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class MethodPolicy:
    """What the configuration lets through of what is refused otherwise."""

    allow_admin_methods: frozenset[str] = frozenset()
    allow_admin_credentials: bool = False
    allow_subscribe_url: bool = False
    node_may_trust_us_as_admin: bool = False
    """A node may take the proxy for its administrator, and so would what comes through it be."""

    def check(self, method: object, params: Mapping[str, Any]) -> Verdict | None:
        """None to let it pass; `forbidden` before the method is looked at further; `no_permission` as its result.

        `method` is any JSON value, `params` the request's parameters (of a WebSocket request all of it).
        """
        if not self.allow_admin_credentials and ("admin_user" in params or "admin_password" in params):
            return "forbidden"
        if not isinstance(method, str):
            return None
        if method in ADMIN_METHODS or (self.node_may_trust_us_as_admin and method in OLD_ADMIN_METHODS):
            return None if method in self.allow_admin_methods else "forbidden"
        if method in ("subscribe", "unsubscribe") and "url" in params and not self.allow_subscribe_url:
            return "no_permission"
        # Open to all, but voting on an amendment is the administrator's (`Feature1.cpp`).
        if method == "feature" and {"feature", "vetoed"} <= params.keys() and method not in self.allow_admin_methods:
            return "no_permission"
        return None


def masked(request: Mapping[str, Any]) -> dict[str, Any]:
    """`request` with its secrets masked as rippled masks them when it echoes a request: whatever they hold."""
    return {name: MASK if name in SECRETS else value for name, value in request.items()}


def client_address(peer: str, headers: Mapping[str, str], trusted_proxies: Sequence[Network]) -> str:
    """The address of the client: `peer`, or where a trusted proxy is the peer, what that says it got it from.

    `headers`: with names in lower case, and the values of one that was sent repeatedly joined by commas.

    Read from the right, the first address of `X-Forwarded-For`, else of the `for=` of `Forwarded` (RFC 7239), that is
    not a trusted proxy itself: what stands further left the client may have written. Where all are trusted it is the
    leftmost; with anything unreadable on the way (`unknown`, an obfuscated `_name`, no address) it is the peer. Where
    both headers are sent the first decides, because proxies that do not know `Forwarded` pass on what the client
    wrote there.
    """
    if not trusted_proxies:
        return _canonical(peer)
    address = _address(peer)
    if address is None or not _is_in(address, trusted_proxies):
        return peer if address is None else str(address)
    nearest = address
    for hop in reversed(_forwarded_for(headers)):
        forwarded = _address(hop)
        if forwarded is None:
            return str(address)
        nearest = forwarded
        if not _is_in(nearest, trusted_proxies):
            break
    return str(nearest)


@lru_cache(4096)
def _canonical(peer: str) -> str:
    """A peer's address in the one way to write it."""
    address = _address(peer)
    return peer if address is None else str(address)


def _forwarded_for(headers: Mapping[str, str]) -> list[str]:
    """The hops that the headers name, the client's end first."""
    if "x-forwarded-for" in headers:
        return headers["x-forwarded-for"].split(",")
    hops = []
    for element in headers.get("forwarded", "").split(","):
        pairs = (pair.partition("=") for pair in element.split(";"))
        # An element without `for` is a hop that is not told: it stands as one that cannot be read.
        hops.append(next((value for name, _, value in pairs if name.strip().lower() == "for"), ""))
    return hops


def _address(text: str) -> Address | None:
    """`192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`, each also quoted; None for anything else."""
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
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # ::ffff:192.0.2.1 is what a socket for both families calls 192.0.2.1, and a network of IPv4 must match it.
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _is_port(text: str) -> bool:
    return text[:1] == ":" and text[1:].isascii() and text[1:].isdigit() and len(text) <= 6


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
