"""Counts the connections of clients at one listener: all of them, and those of each address."""

from collections import Counter
from typing import Literal

from proxy.access.client_address import NetworkSet, limit_key

LimitReached = Literal["connections", "connections_per_address"]


class ConnectionCounter:
    """The number of connections at one listener."""

    def __init__(self) -> None:
        self._taken = Counter[str]()
        self.count = 0

    def acquire(self, address: str, most: int, most_per_address: int, exempt: NetworkSet) -> LimitReached | None:
        """Count one more connection from `address`, or return the limit that is reached.

        `most_per_address`: 0 for no limit.
        """
        if self.count >= most:
            return "connections"
        counted = limit_key(address)
        if 0 < most_per_address <= self._taken[counted] and address not in exempt:
            return "connections_per_address"
        self._taken[counted] += 1
        self.count += 1
        return None

    def release(self, address: str) -> None:
        """Count one connection fewer."""
        counted = limit_key(address)
        self.count -= 1
        self._taken[counted] -= 1
        if not self._taken[counted]:
            del self._taken[counted]
