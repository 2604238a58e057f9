"""Who uses which version: callers, and what each has asked for in the last hours; bounded, and in memory only."""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Literal, NamedTuple

from adapters import VERSIONS
from proxy.access.client_address import NetworkSet, limit_key
from proxy.access.method_policy import Network
from proxy.http.request import Request
from proxy.versions.sunset import Clock

AddressDetail = Literal["full", "prefix", "off"]

OTHERS = "(others)"
"""In place of the `User-Agent` of those that an address has too many of."""

_MOST_PER_ADDRESS = 20
"""Callers of one address (of one IPv6 network) told apart: who invents names and addresses pushes nobody else out."""
_LONGEST_TEXT = 100
_CHANGED = VERSIONS.changed_methods()


class ClientIdentity(NamedTuple):
    """Who asked: an address or a network, the `User-Agent`, and what a trusted proxy calls the user (`X-User`)."""

    address: str
    agent: str = ""
    user: str = ""


class UsageKey(NamedTuple):
    """What a caller used: `method` is None for any that no version changed, `version` for one that was refused."""

    transport: str
    version: int | None
    method: str | None


@dataclass(slots=True)
class UsageCount:
    """How often, since when, and when last (Unix time)."""

    first: float
    last: float
    requests: int = 0


@dataclass(slots=True)
class ClientRecord:
    """A caller, and all that it used."""

    caller: ClientIdentity
    last: float = 0.0
    uses: dict[UsageKey, UsageCount] = field(default_factory=dict)


class ClientUsage:
    """Remembers callers.

    `keep`: what of an address, `hours`: until what was not used again is forgotten, `most`: callers at most, of which
    the longest unseen gives way. `trusted_proxies`: the networks of peers whose `X-User` is believed.
    """

    def __init__(
        self, keep: AddressDetail, hours: int, most: int, trusted_proxies: Iterable[Network], clock: Clock
    ) -> None:
        self.keep: AddressDetail = keep
        self.hours = hours
        self.evicted = 0
        """Callers forgotten before their time, as there were more than are remembered."""
        self._most = most
        self._trusted = NetworkSet(trusted_proxies)
        self._clock = clock
        self._seen: OrderedDict[ClientIdentity, ClientRecord] = OrderedDict()
        """The longest unseen first."""
        self._of_address = Counter[str]()

    def identify(self, peer: str, request: Request) -> ClientIdentity | None:
        """The caller at the address `peer` that sent `request`; None where none is kept."""
        if self.keep == "off":
            return None
        headers = request.headers
        user = headers.get("x-user", "")
        if user and request.remote not in self._trusted:
            user = ""
        address = peer if self.keep == "full" else _network_of(peer)
        return ClientIdentity(address, headers.get("user-agent", "")[:_LONGEST_TEXT], user[:_LONGEST_TEXT])

    def record(self, caller: ClientIdentity, transport: str, version: int | None, method: str) -> None:
        """Count a request."""
        now = self._clock()
        seen = self._seen.get(caller) or self._add(caller, now)
        self._seen.move_to_end(seen.caller)
        seen.last = now
        used_for = (transport, version, method if method in _CHANGED else None)
        use = seen.uses.get(used_for)  # type: ignore[call-overload]  # as a tuple it is the same key, sooner made
        if use is None or use.last < now - self.hours * 3600:
            use = seen.uses[UsageKey(*used_for)] = UsageCount(now, now)
        use.last = now
        use.requests += 1

    def recent(self) -> list[ClientRecord]:
        """The callers of the last hours with what they used in them, the one seen last first."""
        now = self._clock()
        self._forget(now)
        oldest = now - self.hours * 3600
        for seen in self._seen.values():
            seen.uses = {used_for: use for used_for, use in seen.uses.items() if use.last >= oldest}
        return list(reversed(self._seen.values()))

    def _add(self, caller: ClientIdentity, now: float) -> ClientRecord:
        self._forget(now)
        counted = limit_key(caller.address)
        if self._of_address[counted] >= _MOST_PER_ADDRESS:
            caller = ClientIdentity(counted, OTHERS)
            if (others := self._seen.get(caller)) is not None:
                return others
        if len(self._seen) >= self._most:
            self._evict_oldest()
            self.evicted += 1
        seen = self._seen[caller] = ClientRecord(caller)
        self._of_address[counted] += 1
        return seen

    def _forget(self, now: float) -> None:
        oldest = now - self.hours * 3600
        while self._seen and next(iter(self._seen.values())).last < oldest:
            self._evict_oldest()

    def _evict_oldest(self) -> None:
        caller, _ = self._seen.popitem(last=False)
        counted = limit_key(caller.address)
        self._of_address[counted] -= 1
        if not self._of_address[counted]:
            del self._of_address[counted]


@lru_cache(4096)
def _network_of(address: str) -> str:
    """The network of 24 bits of an IPv4 address, of 64 of an IPv6 one."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    return str(ip_network((known, 24 if known.version == 4 else 64), strict=False))
