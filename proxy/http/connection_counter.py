"""How many connections clients may have at one listener: in all, and each address."""

from collections import Counter
from typing import Literal

from proxy.access.client_address import Exemption, counted_as

Full = Literal["connections", "connections_per_address"]


class Places:
    """The connections of one listener, counted."""

    def __init__(self) -> None:
        self._taken = Counter[str]()
        self.count = 0

    def take(self, address: str, most: int, most_per_address: int, exempt: Exemption) -> Full | None:
        """Counts one more connection from `address`, or says what is used up; 0 of `most_per_address` is no limit."""
        if self.count >= most:
            return "connections"
        counted = counted_as(address)
        if 0 < most_per_address <= self._taken[counted] and address not in exempt:
            return "connections_per_address"
        self._taken[counted] += 1
        self.count += 1
        return None

    def leave(self, address: str) -> None:
        """Counts one less."""
        counted = counted_as(address)
        self.count -= 1
        self._taken[counted] -= 1
        if not self._taken[counted]:
            del self._taken[counted]
