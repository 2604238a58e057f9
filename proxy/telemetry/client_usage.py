"""Which client uses which API version and which methods, over the last hours; bounded, and in memory only."""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from adapters import VERSIONS
from proxy.access.client_address import Network, NetworkSet, limit_key, network_of
from proxy.versions.sunset import Clock

AddressDetail = Literal["full", "prefix", "off"]

OTHERS = "(others)"
"""Stands in for the `User-Agent` of further callers once an address has `_MAX_PER_ADDRESS` of them."""

_MAX_PER_ADDRESS = 20
"""Callers recorded separately per address or IPv6 /64: inventing user agents or addresses evicts nobody else."""
_MAX_TEXT = 100
_CACHED = 1_000
_CHANGED = VERSIONS.changed_methods()


class ClientIdentity(NamedTuple):
    """A caller: its address or network, its `User-Agent`, and the user that a trusted proxy names (`X-User`)."""

    address: str
    agent: str = ""
    user: str = ""


_identity = lru_cache(_CACHED)(ClientIdentity)


class UsageKey(NamedTuple):
    """What a caller used. `method` is None if no version changed it, `version` is None if it was refused.

    `path`: that of the URL, if it sets the version of requests without `api_version`; else empty.
    """

    transport: str
    version: int | None
    method: str | None
    path: str = ""


@dataclass(slots=True)
class UsageCount:
    """A number of requests, and the times of the first and the last (Unix time)."""

    first: float
    last: float
    requests: int = 0


@dataclass(slots=True)
class ClientRecord:
    """A caller and everything it used."""

    caller: ClientIdentity
    last: float = 0.0
    uses: dict[UsageKey, UsageCount] = field(default_factory=dict)

    def uses_since(self, oldest: float) -> list[tuple[UsageKey, UsageCount]]:
        """Those whose last request was at `oldest` (Unix time) or later. May be called in another thread."""
        return [(key, use) for key, use in list(self.uses.items()) if use.last >= oldest]


class ClientUsage:
    """Records callers and what they use.

    `keep`: how much of an address to record. `hours`: how long a use is retained after its last request. `most`: the
    maximum number of callers; the least recently seen is evicted. `trusted_proxies`: networks of peers whose `X-User`
    is believed.
    """

    def __init__(
        self, keep: AddressDetail, hours: int, most: int, trusted_proxies: Iterable[Network], clock: Clock
    ) -> None:
        self.keep: AddressDetail = keep
        self.hours = hours
        self.evicted = 0
        """Callers removed before `hours` were over, because there were more than `most`."""
        self._most = most
        self._trusted = NetworkSet(trusted_proxies)
        self._clock = clock
        self._seen: OrderedDict[ClientIdentity, ClientRecord] = OrderedDict()
        """The least recently seen first."""
        self._of_address = Counter[str]()

    def identify(self, client: str, peer: str, headers: Mapping[str, str]) -> ClientIdentity | None:
        """The caller at address `client`, connected from `peer`, of a request with `headers` (names in lower case).

        None if callers are not recorded.
        """
        if self.keep == "off":
            return None
        user = headers.get("x-user", "")
        if user and peer not in self._trusted:
            user = ""
        address = client if self.keep == "full" else network_of(client, 24, 64) or "unknown"
        return _identity(address, headers.get("user-agent", "")[:_MAX_TEXT], user[:_MAX_TEXT])

    def record(self, caller: ClientIdentity, transport: str, version: int | None, method: str, path: str = "") -> None:
        """Count a request of `caller`."""
        now = self._clock()
        seen = self._seen.get(caller) or self._add(caller, now)
        self._seen.move_to_end(seen.caller)
        seen.last = now
        used_for = (transport, version, method if method in _CHANGED else None, path)
        use = seen.uses.get(used_for)  # type: ignore[call-overload]  # a plain tuple is an equal key, and cheaper to make
        if use is None or use.last < now - self.hours * 3600:
            use = seen.uses[UsageKey(*used_for)] = UsageCount(now, now)
        use.last = now
        use.requests += 1

    def recent(self) -> list[ClientRecord]:
        """The callers of the last `hours`, most recently seen first; they may have older uses as well (`oldest`)."""
        self._forget(self._clock())
        return list(reversed(self._seen.values()))

    def oldest(self) -> float:
        """The time (Unix) before which a use no longer counts."""
        return self._clock() - self.hours * 3600

    def _add(self, caller: ClientIdentity, now: float) -> ClientRecord:
        self._forget(now)
        counted = limit_key(caller.address)
        if self._of_address[counted] >= _MAX_PER_ADDRESS:
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
