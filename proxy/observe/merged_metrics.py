"""The metrics of several workers as if they were those of one process."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample

from proxy.observe.background import Background

_Series = tuple[str, tuple[tuple[str, str], ...]]
"""The name of a series and its labels."""

_RELOAD_METRIC = "xrpl_proxy_config_last_reload_successful"

_MIN_GAUGES = frozenset(
    {
        "process_start_time_seconds",
        "xrpl_proxy_certificate_expiry_timestamp_seconds",
        _RELOAD_METRIC,
        "xrpl_proxy_node_healthy",
        "xrpl_proxy_node_up",
    }
)
"""Gauges whose lowest value counts: a problem of one worker must show."""
_MAX_GAUGES = frozenset(
    {
        "process_max_fds",
        "python_info",
        "xrpl_proxy_build_info",
        "xrpl_proxy_node_lag_ledgers",
        "xrpl_proxy_node_overloaded",
        "xrpl_proxy_node_paused",
        "xrpl_proxy_node_validated_ledger_age_seconds",
        "xrpl_proxy_node_wrong_network",
        "xrpl_proxy_ready",
    }
)
"""Gauges whose highest value counts. All other gauges, and all counters and histograms, are added up."""


def merged(texts: Iterable[str], base: Iterable[Metric] = ()) -> list[Metric]:
    """Combine the metrics of several processes, each in Prometheus' text format or OpenMetrics, and those of `base`."""
    families: dict[str, Metric] = {}
    values: dict[str, dict[_Series, float]] = {}
    exemplars: dict[_Series, Exemplar] = {}
    for family in chain(base, chain.from_iterable(map(_families, texts))):
        families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
        known = values.setdefault(family.name, {})
        for sample in family.samples:
            key = (sample.name, tuple(sample.labels.items()))
            before = known.get(key)
            known[key] = sample.value if before is None else _combine(family.name, before, sample.value)
            if sample.exemplar is not None:
                exemplars[key] = max(exemplars.get(key, sample.exemplar), sample.exemplar, key=_time)
    for name, family in families.items():
        family.samples = [
            Sample(series[0], dict(series[1]), value, exemplar=exemplars.get(series))
            for series, value in values[name].items()
        ]
    return list(families.values())


def _families(text: str) -> Iterable[Metric]:
    """The metrics in a text; OpenMetrics, which has exemplars, is known by its last line."""
    parse = openmetrics_families if text.endswith("# EOF\n") else text_string_to_metric_families
    families: Iterable[Metric] = parse(text)
    return families


def _time(exemplar: Exemplar) -> float:
    return float(exemplar.timestamp or 0)


def _combine(family: str, one: float, other: float) -> float:
    if family in _MIN_GAUGES:
        return min(one, other)
    return max(one, other) if family in _MAX_GAUGES else one + other


class CounterHistory:
    """The last reports of running workers, and the counters of exited ones.

    Without it a counter would decrease when a worker exits or does not answer, and Prometheus would take that for a
    restart and count everything that remains again.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._exited: list[str] = []
        """Reports of exited workers that are not in the base yet."""
        self._base: list[Metric] = []

    def set(self, url: str, text: str) -> None:
        """Replace what a worker reported."""
        self._texts[url] = text

    def retain(self, running: Iterable[str]) -> None:
        """All workers except those `running` have exited: retain their counters, drop their gauges."""
        self._exited += [self._texts.pop(url) for url in self._texts.keys() - set(running)]

    async def merged(self, background: Background) -> list[Metric]:
        """All metrics, as of one process. Must not be called again before it has returned."""
        exited, self._exited = self._exited, []
        try:
            self._base, metrics = await background.run(_merged_with_base, exited, self._base, [*self._texts.values()])
        except BaseException:
            self._exited = exited + self._exited
            raise
        return metrics


def _merged_with_base(
    exited: Sequence[str], base: list[Metric], texts: Sequence[str]
) -> tuple[list[Metric], list[Metric]]:
    """The new base, with the counters of `exited` added, and the metrics of all."""
    if exited:
        base = [metric for metric in merged(exited, base) if metric.type != "gauge"]
    return base, merged(texts, base)


class WorkerMetrics(Collector):
    """The merged metrics of the workers, and those of the supervisor."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        self.metrics: list[Metric] = []
        self.running = 0
        self.ended = 0
        self.reload_rejected = False
        """Whether the supervisor could not apply the last configuration, even if the workers could."""

    def describe(self) -> Iterator[Metric]:
        """Nothing: the metrics depend on the workers."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The metrics of the last scrape."""
        for metric in self.metrics:
            if self.reload_rejected and metric.name == _RELOAD_METRIC:
                yield GaugeMetricFamily(metric.name, metric.documentation, value=0)
            else:
                yield metric
        yield GaugeMetricFamily("xrpl_proxy_workers", "Workers that are serving", value=self.running)
        yield GaugeMetricFamily("xrpl_proxy_workers_wanted", "Workers that are configured", value=self.wanted)
        yield CounterMetricFamily("xrpl_proxy_workers_ended", "Workers that exited unexpectedly", value=self.ended)
