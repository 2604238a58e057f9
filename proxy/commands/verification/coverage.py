"""How many of the methods that differ between versions a verification has compared, and why not the others."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from adapters import NodeInfo, Versions
from proxy.commands.verification.comparison import Outcome
from proxy.envelope.methods import (
    ADMIN_METHODS,
    CLIO_METHODS,
    READING_METHODS,
    RIPPLED_METHODS,
    SENSITIVE_METHODS,
)


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A method that differs between versions and was not compared."""

    method: str
    reason: str
    possible: bool
    """Whether a verification of this node could compare it, with other ledgers or another response."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The methods that differ between the versions that were compared."""

    compared: tuple[str, ...]
    not_compared: tuple[NotCompared, ...]

    @property
    def possible(self) -> int:
        """The number that could have been compared."""
        return len(self.compared) + sum(each.possible for each in self.not_compared)

    @property
    def percent(self) -> float:
        """The percentage of these that were compared."""
        return 100 * len(self.compared) / self.possible if self.possible else 100.0


def coverage(outcomes: Sequence[Outcome], versions: Versions, spoken: tuple[int, ...], server: NodeInfo) -> Coverage:
    """The coverage by `outcomes` of the methods that differ between the `spoken` versions of a node of this release."""
    compared = {outcome.method for outcome in outcomes if outcome.verdict != "not compared"}
    changed = sorted(_changed(versions, spoken, server))
    missing = [_not_compared(method, outcomes, server) for method in changed if method not in compared]
    return Coverage(tuple(method for method in changed if method in compared), tuple(missing))


def _changed(versions: Versions, spoken: tuple[int, ...], server: NodeInfo) -> Iterator[str]:
    for method in versions.changed_methods():
        pairs = permutations(spoken, 2)
        if any(not versions.pipeline(client, node, method, server).is_identity for client, node in pairs):
            yield method


def _not_compared(method: str, outcomes: Sequence[Outcome], server: NodeInfo) -> NotCompared:
    reasons = Counter(outcome.reason for outcome in outcomes if outcome.method == method)
    if method in ADMIN_METHODS:
        return NotCompared(method, "for administrators only", possible=False)
    if method in SENSITIVE_METHODS or method not in READING_METHODS:
        return NotCompared(method, "needs a key, or a transaction to submit", possible=False)
    if method in (RIPPLED_METHODS if server.software == "clio" else CLIO_METHODS):
        return NotCompared(method, f"{server.software} does not have it", possible=False)
    if reasons:
        return NotCompared(method, reasons.most_common(1)[0][0], possible=True)
    return NotCompared(method, "the searched ledgers have no sample for it", possible=True)
