"""Identifies a request's client: its address, and the key under which its usage is recorded."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import structlog

from proxy.access.client_address import Network, NetworkSet, client_address, parse_address
from proxy.http.request import Head
from proxy.telemetry.client_usage import ClientIdentity, ClientUsage
from proxy.telemetry.log_rate import RateLimitedLog

_WARNING_SECONDS = 3600.0
_CACHED = 1_000
"""Clients of heads that are remembered: most requests have the same head as an earlier one."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
"""The form of X-Request-Id that nginx, HAProxy, Envoy and cloud load balancers write."""


@dataclass(frozen=True, slots=True)
class Client:
    """The client of a request or a session."""

    address: str
    """Its IP address: the peer's, or if the peer is a trusted proxy, the one that it forwards."""
    identity: ClientIdentity | None
    """The key under which its usage is recorded; None if none is recorded."""
    request_id: str | None
    """The id that a trusted proxy assigned to the request; None if it gets one here."""
    is_forwarded_unused: bool
    """Whether it has forwarding headers, which did not change its address."""


class ClientIdentifier:
    """Identifies the clients of one listener.

    `trusted_proxies`: networks of proxies whose forwarding headers are trusted. `listener`: its name, for the log.
    """

    def __init__(self, trusted_proxies: Sequence[Network], usage: ClientUsage, listener: str) -> None:
        self._trusted_proxies = trusted_proxies
        self._trusted = NetworkSet(trusted_proxies)
        self._usage = usage
        self._listener = listener
        self._log = RateLimitedLog(structlog.get_logger(__name__), lines=1, seconds=_WARNING_SECONDS)
        self._identify_cached = lru_cache(_CACHED)(self._identify_head)

    def identify(self, peer: str, headers: Mapping[str, str]) -> Client:
        """The client of a request from `peer`, an IP address, with `headers` (names in lower case)."""
        client = self._identify(peer, headers)
        if client.is_forwarded_unused:
            self._warn_of_untrusted_proxy(peer)
        return client

    def identify_by_head(self, peer: str, head: Head) -> Client:
        """The client of a request from `peer`, an IP address, with `head`, which later requests may have as well."""
        # Any other head would stay in the cache, with up to 32 kB of headers, and never be found again.
        client = self._identify_cached(peer, head) if head.is_shared else self._identify(peer, head.headers)
        if client.is_forwarded_unused:
            self._warn_of_untrusted_proxy(peer)
        return client

    def _identify_head(self, peer: str, head: Head) -> Client:
        return self._identify(peer, head.headers)

    def _identify(self, peer: str, headers: Mapping[str, str]) -> Client:
        address = client_address(peer, headers, self._trusted_proxies)
        request_id = self._forwarded_id(peer, headers["x-request-id"]) if "x-request-id" in headers else None
        unused = ("x-forwarded-for" in headers or "forwarded" in headers) and address == peer
        return Client(address, self._usage.identify(address, peer, headers), request_id, unused)

    def _forwarded_id(self, peer: str, request_id: str) -> str | None:
        """The id, if a trusted proxy sent it and it is well-formed: it goes into a header and into log lines."""
        return request_id if peer in self._trusted and _REQUEST_ID.fullmatch(request_id) else None

    def _warn_of_untrusted_proxy(self, peer: str) -> None:
        """Warn of a local proxy, such as a TLS terminator, that is not trusted: all its clients count as one."""
        parsed = parse_address(peer)
        if parsed is None or not parsed.is_loopback or any(parsed in network for network in self._trusted_proxies):
            return
        self._log.warning(
            "forwarded_header_from_untrusted_peer", listener=self._listener, peer=peer, setting="guard.trusted_proxies"
        )
