"""Compares the nodes' reports with each other: the network that they are on, and their newest ledger.

Neither may depend on a single node: one on another network, or one that reports a ledger that cannot exist yet, would
otherwise take all others out of rotation.
"""

from collections.abc import Collection, Sequence

from proxy.nodes.status import Comparison, HealthRules, NodeStatus, with_health

SECONDS_PER_LEDGER = 2.0
"""Ledgers close every 3 to 5 seconds; never faster than this on a network."""


def compare(
    statuses: Sequence[NodeStatus],
    rules: HealthRules,
    network_id: int | None,
    now: float,
    fallen_back: Collection[str] = (),
) -> Comparison:
    """Compare the nodes; only those that are healthy by themselves count.

    `network_id`: the network that they must be on, None while unknown. `now`: the event loop's time. `fallen_back`: the
    names of nodes that have had much newer ledgers than they report now: nothing is impossibly far ahead of these.
    """
    reporting = [status for status in statuses if status.up and status.reported_at is not None]
    standalone = bool(reporting) and all(status.standalone for status in reporting)
    alone = Comparison(network_id=network_id, standalone=standalone)
    healthy = [status for status in (with_health(status, rules, alone, now) for status in statuses) if status.healthy]
    implausible = frozenset[str]() if standalone else _implausible(healthy, rules, now, fallen_back)
    ledgers = [status.validated_ledger or 0 for status in healthy if status.name not in implausible]
    return Comparison(max(ledgers, default=0) or None, network_id, implausible, standalone)


def _implausible(
    healthy: Sequence[NodeStatus], rules: HealthRules, now: float, fallen_back: Collection[str]
) -> frozenset[str]:
    """The nodes that are further ahead of most others than ledgers can have closed since these nodes' newest one.

    Of two nodes there is no majority: the one ahead gets the benefit of the doubt for `max_lag` ledgers more.
    """
    known = [status for status in healthy if status.validated_ledger is not None]
    allowed = rules.max_lag * (2 if len(known) == 2 else 1)
    ledgers = [_ledger(status) for status in known]
    if max(ledgers, default=0) - min(ledgers, default=0) <= allowed:
        return frozenset()  # the usual case, and cheaper than comparing all pairs
    found = set()
    for status in known:
        votes = [
            _ledger(status) - _ledger(other) > allowed + (other.validated_age(now) or 0) / SECONDS_PER_LEDGER
            for other in known
            if other is not status and other.name not in fallen_back
        ]
        if 2 * sum(votes) > len(votes):
            found.add(status.name)
    return frozenset(found)


def _ledger(status: NodeStatus) -> int:
    return status.validated_ledger or 0
