"""Admission: requests per second and requests in flight, for each address and for all addresses together.

A client over its limits gets what rippled gives a client that has used up its balance: over HTTP status 503 and
`Server is overloaded`, over WebSocket `slowDown` and the end of the session (`ServerHandler.cpp`).
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from proxy.access.client_address import NetworkSet, limit_key
from proxy.access.fair_share import FairShare
from proxy.access.held_bytes import HeldBytes
from proxy.access.receiving import ReceivingBodies
from proxy.eventloop.unsent_bytes import UnsentBytes

Refusal = Literal["rate", "global_rate", "in_flight", "in_flight_per_address", "total_request_bytes"]

_MAX_ADDRESSES = 50_000
"""Most addresses tracked; beyond that the least recently active one is evicted."""


class Rate:
    """A rate limit per key: `per_second` requests, with bursts of `burst_seconds` worth of them. 0 means no limit.

    The generic cell rate algorithm (ITU-T I.371): for each key one number, the time at which its balance is full again.
    """

    def __init__(self, per_second: int, burst_seconds: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.is_limited = per_second > 0
        self._burst = per_second * burst_seconds
        self._burst_seconds = burst_seconds
        self._seconds_each = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def allows(self, key: str, requests: int) -> bool:
        """Take `requests` off the balance of `key` if it has them. More than a burst counts as a whole burst."""
        if not self._burst:
            return True
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now) + min(requests, self._burst) * self._seconds_each
        if full_at - now > self._burst_seconds + 1e-9:
            return False
        self._set(key, full_at)
        return True

    def charge(self, key: str, requests: int) -> bool:
        """Take `requests` off the balance, which may become negative; return False once it is a burst below zero."""
        if not self._burst:
            return True
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now) + requests * self._seconds_each
        lowest = now + 2 * self._burst_seconds
        self._set(key, min(full_at, lowest))
        return full_at <= lowest

    def _set(self, key: str, full_at: float) -> None:
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > _MAX_ADDRESSES:
            self._full_at.popitem(last=False)


class InFlight:
    """What is in flight at all listeners together; it outlives a reload."""

    def __init__(self, unsent_bytes: UnsentBytes | None = None) -> None:
        self.posts = 0
        """HTTP requests with a complete body and no response yet."""
        self.bodies = ReceivingBodies()
        """HTTP requests whose body is still arriving."""
        self.held = HeldBytes()
        """Bytes of requests without a response yet, over all transports."""
        self.fair_share = FairShare(unsent_bytes=unsent_bytes)
        """Turns for addresses that have used more than their share of the event loop."""
        self.sessions = Counter[str]()
        """WebSocket sessions by the client's address."""
        self.subscription_bytes = Counter[str]()
        """Bytes of memory for subscriptions of WebSocket sessions, by the client's address."""


class Admission:
    """The limits of one listener.

    `rate`: for each address. `global_rate`: for all addresses and listeners together. `max_in_flight`: HTTP requests
    in flight, of all addresses at all listeners, which `in_flight` counts. `max_in_flight_per_address`: at this
    listener. `max_request_bytes`: of all requests in progress together. `exempt`: networks whose clients only have the
    limits for all together.
    """

    def __init__(
        self,
        *,
        rate: Rate,
        global_rate: Rate,
        in_flight: InFlight,
        max_in_flight: int,
        max_in_flight_per_address: int,
        max_request_bytes: int,
        exempt: NetworkSet,
    ) -> None:
        self._rate = rate
        self._global_rate = global_rate
        self._in_flight = in_flight
        self._max_in_flight = max_in_flight
        self._max_per_address = max_in_flight_per_address
        self._max_request_bytes = max_request_bytes
        self._by_address = Counter[str]()
        self._limit_key = lru_cache(_MAX_ADDRESSES)(lambda address: None if address in exempt else limit_key(address))

    def of_client(self, address: str) -> "ClientAdmission":
        """The limits of the client at `address`, for its many requests."""
        return ClientAdmission(
            address,
            self.limit_key(address),
            self._rate,
            self._global_rate,
            self._in_flight.held,
            self._max_request_bytes,
        )

    def limit_key(self, address: str) -> str | None:
        """The key under which limits per address count the client at `address`; None if it is exempt."""
        return self._limit_key(address)

    def admit(self, address: str, requests: int = 1) -> Refusal | None:
        """Charge requests to the client at `address`; return why they are refused, or None to serve them."""
        return _charge_rates(self._rate, self._global_rate, self._limit_key(address), requests)

    def charge(self, address: str) -> bool:
        """Charge a node request to the client that causes it; return False if the client has used too much."""
        key = self._limit_key(address)
        return key is None or self._rate.charge(key, 1)

    def receive(self, address: str, give_up: Callable[[], None], size: int) -> Refusal | None:
        """Count a body that starts to arrive, until `received`; or return why it is refused.

        There may be as many as requests in flight. Beyond that, the client that sends the most bodies at a time loses
        its oldest one, for which `give_up` is called: slow clients cannot keep others from sending theirs.
        """
        if not self.hold(address, size):
            return "total_request_bytes"
        key = self._limit_key(address)
        most = None if key is None else self._max_per_address
        refusal = self._in_flight.bodies.add(key or address, give_up, self._max_in_flight, most)
        if refusal is not None:
            self.let_go(address, size)
        return refusal

    def received(self, address: str, give_up: Callable[[], None], size: int) -> None:
        """Stop counting a body that `receive` counted: it has arrived, or never will."""
        self._in_flight.bodies.remove(self._limit_key(address) or address, give_up)
        self.let_go(address, size)

    def acquire_post(self, address: str, size: int) -> Refusal | None:
        """Count an HTTP request of `size` bytes as in flight, until `release_post`; or return why it is refused."""
        in_flight = self._in_flight
        if in_flight.posts >= self._max_in_flight:
            return "in_flight"
        if not in_flight.held.take(limit_key(address), size, self._max_request_bytes):
            return "total_request_bytes"
        if (refusal := self.acquire(address)) is not None:
            self.let_go(address, size)
            return refusal
        in_flight.posts += 1
        return None

    def release_post(self, address: str, size: int) -> None:
        """Stop counting an HTTP request that `acquire_post` counted."""
        self._in_flight.posts -= 1
        self._in_flight.held.give_back(limit_key(address), size)
        self.release(address)

    def hold(self, address: str, size: int) -> bool:
        """Count the bytes of a request of any transport, until `let_go`; or return False if there are too many."""
        return self._in_flight.held.take(limit_key(address), size, self._max_request_bytes)

    def let_go(self, address: str, size: int) -> None:
        """Stop counting the bytes of a request that `hold` counted."""
        self._in_flight.held.give_back(limit_key(address), size)

    def acquire(self, address: str) -> Refusal | None:
        """Count a request of any transport against the limit per address, until `release`; or return the refusal."""
        key = self._limit_key(address)
        if key is None:
            return None
        if self._by_address[key] >= self._max_per_address:
            return "in_flight_per_address"
        self._by_address[key] += 1
        return None

    def release(self, address: str) -> None:
        """Stop counting a request that `acquire` counted."""
        key = self._limit_key(address)
        if key is None:
            return
        self._by_address[key] -= 1
        if not self._by_address[key]:
            del self._by_address[key]


class ClientAdmission:
    """What `Admission` limits, for one client at `address`: its keys are looked up once instead of for each request.

    `key`: under which limits per address count it; None if it is exempt.
    """

    __slots__ = ("_address", "_global_rate", "_held", "_key", "_max_request_bytes", "_rate")

    def __init__(
        self, address: str, key: str | None, rate: Rate, global_rate: Rate, held: HeldBytes, max_request_bytes: int
    ) -> None:
        self._address = limit_key(address)
        self._key = key
        self._rate = rate
        self._global_rate = global_rate
        self._held = held
        self._max_request_bytes = max_request_bytes

    def admit(self) -> Refusal | None:
        """As `Admission.admit`, for one request."""
        return _charge_rates(self._rate, self._global_rate, self._key, 1)

    def charge(self) -> bool:
        """As `Admission.charge`."""
        return self._key is None or self._rate.charge(self._key, 1)

    def hold(self, size: int) -> bool:
        """As `Admission.hold`."""
        return self._held.take(self._address, size, self._max_request_bytes)

    def let_go(self, size: int) -> None:
        """As `Admission.let_go`."""
        self._held.give_back(self._address, size)


def _charge_rates(rate: Rate, global_rate: Rate, key: str | None, requests: int) -> Refusal | None:
    """Charge requests of the client that is counted under `key`; return why they are refused."""
    if key is not None and not rate.allows(key, requests):
        return "rate"
    if global_rate.is_limited and not global_rate.allows("all", requests):
        return "global_rate"
    return None
