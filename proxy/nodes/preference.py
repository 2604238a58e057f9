"""Which node suits a request best."""

import random
from typing import NamedTuple, Protocol

from proxy.nodes.breaker import Breaker
from proxy.nodes.ledger_range import LedgerRange
from proxy.nodes.status import NodeStatus


class Candidate(Protocol):
    """What is known of a node (`proxy.nodes.pool.Node`)."""

    weight: int
    breaker: Breaker
    in_flight: int
    status: NodeStatus

    @property
    def api_version(self) -> int | None:
        """The API version used with it."""

    @property
    def newest_ledger(self) -> int:
        """The newest validated ledger that it is known to have."""

    def has(self, ledgers: LedgerRange, /) -> bool:
        """Whether it is known to have all these ledgers."""

    def lacks(self, method: str, /) -> bool:
        """Whether its software does not have the method."""


class Wanted(NamedTuple):
    """What a request needs from its node."""

    client_version: int
    asked_once: bool
    method: str | None
    ledgers: LedgerRange | None
    min_ledger: int

    def order(self, node: Candidate) -> tuple[bool, bool, bool, bool, bool, float, float]:
        """The sort key of a node; the node with the least is chosen."""
        doubtful = self.asked_once and node.breaker.is_open
        unknown = self.method is not None and node.lacks(self.method)
        lacks = node.newest_ledger < self.min_ledger or (self.ledgers is not None and not node.has(self.ledgers))
        other_version = node.api_version != self.client_version
        # With these random numbers, each node comes first with a probability proportional to its weight.
        drawn = random.random() ** (1 / node.weight)  # noqa: S311 - no secret
        load = node.in_flight / node.weight
        return doubtful, unknown, lacks, node.status.overloaded, other_version, load, -drawn
