"""A bound on the bytes that wait for slow clients, over all of a process's connections.

A limit per connection bounds what one client can hold; many clients together hold that many times as much. Beyond the
bound, the clients that need longest for what waits are disconnected first.
"""

import time
from collections.abc import Callable
from typing import Protocol

import structlog

_RELIEF = 0.9
"""Clients are shed until this share of the bound is left, so that the search for the slowest is not repeated soon."""
_GRACE_BYTES = 65_536
"""Bytes that every client is assumed to have read already, so that one that has just started is not the slowest."""

log = structlog.get_logger(__name__)


class Sender(Protocol):
    """A connection that sends to a client. Must be hashable."""

    def unsent_bytes(self) -> int:
        """Bytes that wait for the client now."""

    def shed(self) -> None:
        """Disconnect the client and drop what waits for it. Must not raise."""


class _Backlog:
    """The bytes that wait for one client. `since`: when they started to wait; `taken`: bytes that the client has read
    since.
    """

    __slots__ = ("since", "size", "taken")

    def __init__(self, size: int, now: float) -> None:
        self.size = size
        self.since = now
        self.taken = 0

    def seconds_left(self, now: float) -> float:
        """Seconds that the client needs for what waits, at its speed so far."""
        return self.size * (now - self.since) / (self.taken + _GRACE_BYTES)


class UnsentBytes:
    """Counts the bytes that wait for clients; sheds the slowest while they are more than `limit`.

    Senders report their bytes with `report`, when something begins to wait and as often as they like after that;
    `report(sender, 0)` ends it. One sender alone may exceed the limit, or a large response could never be sent.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self.total = 0
        """Bytes, as last reported."""
        self._clock = clock
        self._backlogs: dict[Sender, _Backlog] = {}

    def report(self, sender: Sender, size: int) -> None:
        """Record that `size` bytes wait at `sender`. May call the `shed` of any sender, including this one."""
        backlog = self._backlogs.get(sender)
        if backlog is None:
            if size <= 0:
                return
            backlog = self._backlogs[sender] = _Backlog(0, self._clock())
        change = size - backlog.size
        backlog.size = size
        self.total += change
        if change < 0:
            backlog.taken -= change
        if not size:
            del self._backlogs[sender]
        elif self.total > self.limit:
            self._shed_slowest()

    def _shed_slowest(self) -> None:
        for sender, backlog in tuple(self._backlogs.items()):  # what they hold now, not what they last reported
            size = max(0, sender.unsent_bytes())
            backlog.taken += max(0, backlog.size - size)
            self.total += size - backlog.size
            backlog.size = size
        now = self._clock()
        slowest = sorted(self._backlogs, key=lambda sender: self._backlogs[sender].seconds_left(now), reverse=True)
        shed, before = 0, self.total
        for sender in slowest[:-1]:
            if self.total <= self.limit * _RELIEF:
                break
            self.total -= self._backlogs.pop(sender).size
            sender.shed()
            shed += 1
        if shed:
            log.warning("slow_clients_closed", clients=shed, bytes=before - self.total, limit=self.limit)
