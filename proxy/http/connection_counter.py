"""How many connections clients may have at one listener: in all, and each address."""

from collections import Counter
from typing import Literal

from proxy.access.client_address import NetworkSet, limit_key

LimitReached = Literal["connections", "connections_per_address"]


class ConnectionCounter:
    """The connections of one listener, counted."""

    def __init__(self) -> None:
        self._taken = Counter[str]()
        self.count = 0

    def acquire(self, address: str, most: int, most_per_address: int, exempt: NetworkSet) -> LimitReached | None:
        """Counts one more connection from `address`, or says what is used up; 0 of `most_per_address` is no limit."""
        if self.count >= most:
            return "connections"
        counted = limit_key(address)
        if 0 < most_per_address <= self._taken[counted] and address not in exempt:
            return "connections_per_address"
        self._taken[counted] += 1
        self.count += 1
        return None

    def release(self, address: str) -> None:
        """Counts one less."""
        counted = limit_key(address)
        self.count -= 1
        self._taken[counted] -= 1
        if not self._taken[counted]:
            del self._taken[counted]
