"""Metrics that are counted with every request: plain numbers in a dict, made into samples when someone asks.

The library's own take a lock for each number; within one event loop there is nobody to lock out. They tell the same
in both formats.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

_Labels = tuple[Any, ...]


class FastCounter(Collector):
    """A counter for each combination of label values; None is told as `none`."""

    def __init__(self, name: str, what: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._about = (name, what)
        self._labels = labels
        self._counts: dict[_Labels, float] = {}
        registry.register(self)

    def add(self, *labels: Any) -> None:
        """Count one more."""
        try:
            self._counts[labels] += 1
        except KeyError:
            self._counts[labels] = 1

    def inc_by(self, number: int, *labels: Any) -> None:
        """Count so many more."""
        self._counts[labels] = self._counts.get(labels, 0) + number

    def collect(self) -> Iterator[Metric]:
        """The counts as they are now."""
        family = CounterMetricFamily(*self._about, labels=self._labels)
        for labels, count in self._counts.items():
            family.add_metric(_told(labels), count)
        yield family


class FastHistogram(Collector):
    """A histogram of seconds for each combination of label values; None is told as `none`.

    `bounds`: the upper ends of the buckets, ascending; one more takes what is longer.
    """

    def __init__(
        self, name: str, what: str, bounds: Sequence[float], labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        self._about = (name, what)
        self._bounds = bounds
        self._ends = [*map(floatToGoString, bounds), "+Inf"]
        self._labels = labels
        self._spans: dict[_Labels, list[float]] = {}
        """The count of each bucket, and last the sum."""
        registry.register(self)

    def add(self, seconds: float, *labels: Any) -> None:
        """Count a time."""
        span = self._spans.get(labels)
        if span is None:
            span = self._spans[labels] = [0] * (len(self._ends) + 1)
        span[bisect_left(self._bounds, seconds)] += 1
        span[-1] += seconds

    def collect(self) -> Iterator[Metric]:
        """The histograms as they are now."""
        family = HistogramMetricFamily(*self._about, labels=self._labels)
        for labels, (*buckets, seconds) in self._spans.items():
            counts = zip(self._ends, accumulate(buckets), strict=True)
            family.add_metric(_told(labels), list(counts), seconds)
        yield family


class FastGauge(Collector):
    """A gauge without labels."""

    def __init__(self, name: str, what: str, registry: CollectorRegistry) -> None:
        self._about = (name, what)
        self._value = 0.0
        registry.register(self)

    def inc(self, amount: float = 1) -> None:
        """Raise it by `amount`; lower it by a negative one."""
        self._value += amount

    def dec(self) -> None:
        """Lower it by one."""
        self._value -= 1

    def set(self, value: float) -> None:
        """Say what it is."""
        self._value = value

    def collect(self) -> Iterator[Metric]:
        """The gauge as it is now."""
        yield GaugeMetricFamily(*self._about, value=self._value)


def _told(labels: _Labels) -> list[str]:
    return ["none" if label is None else str(label) for label in labels]
