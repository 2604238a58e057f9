"""Who is served now: requests a second and requests under way, for each address and for all.

What is refused is answered as rippled answers a client that has used up its balance: over HTTP with status 503 and
`Server is overloaded`, over WebSocket with `slowDown` and the closing of the session (`ServerHandler.cpp`).
"""

from collections import Counter
from functools import lru_cache
from typing import Literal

from throttled import MemoryStore, RateLimiterType, Throttled, per_sec

from proxy.access.client_address import NetworkSet, limit_key

Refusal = Literal["rate", "rate_in_all", "in_flight_per_address"]

_ADDRESSES = 50_000
"""Addresses remembered, about 500 bytes each; the one longest silent is forgotten first."""


class Rate:
    """So many requests a second for each key, with `burst_seconds` worth of them at once; 0 for no limit."""

    def __init__(self, per_second: int, burst_seconds: int) -> None:
        self._most = per_second * burst_seconds
        self._throttled: Throttled | None = None
        if per_second:
            self._throttled = Throttled(
                using=RateLimiterType.GCRA.value,
                quota=per_sec(per_second, burst=self._most),
                store=MemoryStore(options={"MAX_SIZE": _ADDRESSES}),
            )

    def allows(self, key: str, requests: int) -> bool:
        """Takes `requests` off what `key` has left, if it has them. More than a burst counts as a whole burst."""
        return self._throttled is None or not self._throttled.limit(key, min(requests, self._most)).limited


class InFlight:
    """What is under way at all listeners together, which a reload does not forget."""

    def __init__(self) -> None:
        self.posts = 0
        self.sessions = Counter[str]()
        """WebSocket sessions by the client's address."""
        self.subscription_bytes = Counter[str]()
        """Bytes of memory that the subscriptions of WebSocket sessions take, by the client's address."""


class Admission:
    """What one listener lets in.

    `rate`: for each address. `in_all`: for all addresses together, and for all listeners that share it.
    `in_flight_per_address`: HTTP requests under way. `exempt`: who only `in_all` holds for.
    """

    def __init__(self, *, rate: Rate, in_all: Rate, in_flight_per_address: int, exempt: NetworkSet) -> None:
        self._rate = rate
        self._global_rate = in_all
        self._most_in_flight = in_flight_per_address
        self._in_flight = Counter[str]()
        self._limit_key = lru_cache(_ADDRESSES)(lambda address: None if address in exempt else limit_key(address))

    def limit_key(self, address: str) -> str | None:
        """What limits per address count the client at `address` as; None for one that they do not hold for."""
        return self._limit_key(address)

    def admit(self, address: str, requests: int = 1) -> Refusal | None:
        """Counts requests of the client at `address`; says why they are refused, or None to serve them."""
        limit_key = self._limit_key(address)
        if limit_key is not None and not self._rate.allows(limit_key, requests):
            return "rate"
        return None if self._global_rate.allows("all", requests) else "rate_in_all"

    def acquire(self, address: str) -> Refusal | None:
        """Counts one request of the client at `address` as under way, until it leaves; or says why it must not be."""
        limit_key = self._limit_key(address)
        if limit_key is None:
            return None
        under_way = self._in_flight[limit_key]
        if under_way >= self._most_in_flight:
            return "in_flight_per_address"
        self._in_flight[limit_key] = under_way + 1
        return None

    def release(self, address: str) -> None:
        """One request of the client at `address`, which `enter` let in, is over."""
        limit_key = self._limit_key(address)
        if limit_key is None:
            return
        left = self._in_flight[limit_key] - 1
        if left:
            self._in_flight[limit_key] = left
        else:
            del self._in_flight[limit_key]
