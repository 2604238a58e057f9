"""A bound on the memory that subscriptions take: of one session, and of all sessions of one address."""

from collections import Counter
from typing import NamedTuple

ENTRY_BYTES = 100
"""Bytes of memory of one subscription in addition to its account or book, measured with CPython 3.11."""


class SubscriptionLimits(NamedTuple):
    """Bytes of subscriptions of one session, and of all sessions of one address."""

    session: int
    address: int


class SubscriptionBudget:
    """The bytes that one session's subscriptions take, including pending ones.

    `by_address`: bytes of all sessions by address; `address`: this session's key, None if it is exempt.
    """

    __slots__ = ("_address", "_by_address", "_limits", "used")

    def __init__(self, limits: SubscriptionLimits, by_address: Counter[str], address: str | None) -> None:
        self._limits = limits
        self._by_address = by_address
        self._address = address
        self.used = 0

    def refusal(self, size: int) -> tuple[str, str] | None:
        """Why there is no room for `size` more bytes: a label for the metric, and a sentence for the client."""
        if self.used + size > self._limits.session:
            who, limit, key = "this session", self._limits.session, "subscription_bytes"
        elif self._address is not None and self._by_address[self._address] + size > self._limits.address:
            who, limit, key = "your sessions", self._limits.address, "subscription_bytes_per_address"
        else:
            return None
        return key, f"The subscriptions of {who} would take more than {limit} bytes (websocket.{key})."

    def close(self) -> None:
        """The session has ended: nothing counts any more."""
        self.add(-self.used)
        self._address = None

    def add(self, size: int) -> None:
        """Add `size` bytes, which may be negative."""
        self.used += size
        if self._address is not None and size:
            self._by_address[self._address] += size
            if not self._by_address[self._address]:
                del self._by_address[self._address]
