"""Metrics that every request updates: plain numbers in a dict, turned into samples at a scrape.

The library's own metrics take a lock for every number; within one event loop none is needed. A scrape may read them in
another thread: it copies each dict in one step. The output is the same in both text formats.
"""

import time
from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

_Labels = tuple[Any, ...]


_Child = TypeVar("_Child", Counter, Gauge)


class Children(dict[tuple[Any, ...], _Child], Generic[_Child]):
    """A metric's children by label values, in a dict: avoids the library's lock and conversions."""

    def __init__(self, metric: _Child) -> None:
        super().__init__()
        self._metric: _Child = metric

    def __missing__(self, labels: tuple[Any, ...]) -> _Child:
        child: _Child = self._metric.labels(*("none" if label is None else label for label in labels))
        self[labels] = child
        return child

    def forget(self, *labels: Any) -> None:
        """Remove the child with those label values, if there is one."""
        if self.pop(labels, None) is not None:
            self._metric.remove(*labels)


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

    def by_label(self, label: str) -> Counted[str]:
        """The counts added up by the values of one label."""
        position = self._labels.index(label)
        counted = Counted[str]()
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

    `bounds`: the upper bounds of the buckets, ascending; one more bucket has no upper bound. Without any, a combination
    has three series: that bucket, the count and the sum.
    """

    def __init__(
        self, name: str, what: str, bounds: Sequence[float], labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        self._about = (name, what)
        self._labels = labels
        self._spans: dict[_Labels, list[float]] = {}
        """The count of each bucket, then the sum."""
        self._exemplars: dict[tuple[_Labels, int], Exemplar] = {}
        """By labels and bucket."""
        self._bounds: tuple[float, ...] = ()
        self._ends = ["+Inf"]
        self.set_bounds(bounds)
        registry.register(self)

    def set_bounds(self, bounds: Sequence[float]) -> None:
        """Have these buckets from now on. If they are others, counting begins anew, as after a restart."""
        if tuple(bounds) != self._bounds:
            self._bounds = tuple(bounds)
            self._ends = [*map(floatToGoString, bounds), "+Inf"]
            self._spans, self._exemplars = {}, {}

    def add(self, seconds: float, *labels: Any) -> None:
        """Add an observation."""
        span = self._spans.get(labels)
        if span is None:
            span = self._spans[labels] = [0] * (len(self._ends) + 1)
        span[bisect_left(self._bounds, seconds)] += 1
        span[-1] += seconds

    def add_exemplar(self, trace_id: str, seconds: float, *labels: Any) -> None:
        """Name the trace of an observation that `add` has counted: the latest of a bucket is its exemplar."""
        bucket = bisect_left(self._bounds, seconds)
        self._exemplars[labels, bucket] = Exemplar({"trace_id": trace_id}, seconds, round(time.time(), 3))

    def collect(self) -> Iterator[Metric]:
        """The current histograms."""
        family = HistogramMetricFamily(*self._about, labels=self._labels)
        ends, exemplars = self._ends, self._exemplars
        for labels, (*buckets, seconds) in list(self._spans.items()):
            counts: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
            for bucket, (end, count) in enumerate(zip(ends, accumulate(buckets), strict=False)):
                exemplar = exemplars.get((labels, bucket))
                counts.append((end, count) if exemplar is None else (end, count, exemplar))
            family.add_metric(_label_values(labels), counts, seconds)
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
