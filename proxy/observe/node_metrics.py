"""Metrics of the nodes' health, taken from their current status at a scrape."""

import asyncio
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from proxy.nodes.readiness import Readiness
from proxy.nodes.status import NodeStatus

_GAUGES: tuple[tuple[str, str, Callable[[NodeStatus], float | None]], ...] = (
    ("healthy", "1 if the node is in rotation, else 0", lambda node: node.healthy),
    ("lag_ledgers", "Validated ledgers that the node is behind the best node", lambda node: node.lag),
    (
        "overloaded",
        "1 if the node refuses health checks because it is busy, but stays in rotation, else 0",
        lambda node: node.overloaded,
    ),
    (
        "wrong_network",
        "1 if the node is on another network than network_id, else 0",
        lambda node: node.wrong_network,
    ),
)
"""Gauges of one node: the end of the name, the description, and the value, None while it is unknown."""


class NodesCollector(Collector):
    """Gauges of every node, and whether the proxy is ready. Create it within an event loop.

    `readiness`, `paused`: may be called in another thread; `paused` returns the names of nodes that get no requests, or
    one on trial, because requests failed too often.
    """

    def __init__(self, readiness: Callable[[], Readiness], paused: Callable[[], frozenset[str]]) -> None:
        self._readiness = readiness
        self._paused = paused
        self._time = asyncio.get_running_loop().time

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that registering does not collect."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The current gauges, without unknown values."""
        readiness, paused = self._readiness(), self._paused()
        now = self._time()
        yield GaugeMetricFamily(
            "xrpl_proxy_ready", "1 if new requests should be sent here, else 0", value=float(readiness.ready)
        )
        for name, what, value in _GAUGES:
            yield _gauge(name, what, {node.name: value(node) for node in readiness.nodes})
        ages = {node.name: node.validated_age(now) for node in readiness.nodes}
        yield _gauge("validated_ledger_age_seconds", "Seconds since the node's last validated ledger", ages)
        yield _gauge(
            "paused",
            "1 if the circuit breaker of the node is open because requests failed, else 0",
            {node.name: node.name in paused for node in readiness.nodes},
        )


def _gauge(name: str, what: str, values: Mapping[str, float | None]) -> Metric:
    family = GaugeMetricFamily(f"xrpl_proxy_node_{name}", what, labels=["node"])
    for node, value in values.items():
        if value is not None:
            family.add_metric([node], float(value))
    return family
