"""Metrics that every request updates: plain numbers in a dict, turned into samples at a scrape.

The library's own metrics take a lock for every number; within one event loop none is needed. A scrape may read them in
another thread: it copies each dict in one step. The output is the same in both text formats.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

_Labels = tuple[Any, ...]


class FastCounter(Collector):
    """A counter for each combination of label values; None is exported as `none`."""

    def __init__(self, name: str, what: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._about = (name, what)
        self._labels = labels
        self._counts: dict[_Labels, float] = {}
        registry.register(self)

    def add(self, *labels: Any) -> None:
        """Add one."""
        try:
            self._counts[labels] += 1
        except KeyError:
            self._counts[labels] = 1

    def inc_by(self, number: int, *labels: Any) -> None:
        """Add `number`."""
        self._counts[labels] = self._counts.get(labels, 0) + number

    def by_label(self, label: str) -> Counter[str]:
        """The counts added up by the values of one label."""
        position = self._labels.index(label)
        counted = Counter[str]()
        for labels, count in self._counts.items():
            counted[_label_values(labels)[position]] += int(count)
        return counted

    def collect(self) -> Iterator[Metric]:
        """The current counts."""
        family = CounterMetricFamily(*self._about, labels=self._labels)
        for labels, count in list(self._counts.items()):
            family.add_metric(_label_values(labels), count)
        yield family


class FastHistogram(Collector):
    """A histogram of seconds for each combination of label values; None is exported as `none`.

    `bounds`: the upper bounds of the buckets, ascending; one more bucket has no upper bound.
    """

    def __init__(
        self, name: str, what: str, bounds: Sequence[float], labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        self._about = (name, what)
        self._bounds = bounds
        self._ends = [*map(floatToGoString, bounds), "+Inf"]
        self._labels = labels
        self._spans: dict[_Labels, list[float]] = {}
        """The count of each bucket, then the sum."""
        registry.register(self)

    def add(self, seconds: float, *labels: Any) -> None:
        """Add an observation."""
        span = self._spans.get(labels)
        if span is None:
            span = self._spans[labels] = [0] * (len(self._ends) + 1)
        span[bisect_left(self._bounds, seconds)] += 1
        span[-1] += seconds

    def collect(self) -> Iterator[Metric]:
        """The current histograms."""
        family = HistogramMetricFamily(*self._about, labels=self._labels)
        for labels, (*buckets, seconds) in list(self._spans.items()):
            counts = zip(self._ends, accumulate(buckets), strict=True)
            family.add_metric(_label_values(labels), list(counts), seconds)
        yield family


class FastGauge(Collector):
    """A gauge without labels."""

    def __init__(self, name: str, what: str, registry: CollectorRegistry) -> None:
        self._about = (name, what)
        self._value = 0.0
        registry.register(self)

    def inc(self, amount: float = 1) -> None:
        """Add `amount`, which may be negative."""
        self._value += amount

    def dec(self) -> None:
        """Subtract one."""
        self._value -= 1

    def set(self, value: float) -> None:
        """Set the value."""
        self._value = value

    def collect(self) -> Iterator[Metric]:
        """The current value."""
        yield GaugeMetricFamily(*self._about, value=self._value)


def _label_values(labels: _Labels) -> list[str]:
    return ["none" if label is None else str(label) for label in labels]
