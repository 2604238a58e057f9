"""Metrics that every request updates: plain numbers in a dict, turned into samples at a scrape.

The library's own metrics take a lock for every number; within one event loop none is needed. A scrape may read them in
another thread: it copies each dict in one step. The output is the same in both text formats.
"""

import time
from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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


def labelled_counter(registry: CollectorRegistry, name: str, what: str, *labels: str) -> Children[Counter]:
    """A counter of the library, with one child for each combination of label values."""
    return Children(Counter(name, what, labels, registry=registry))


def labelled_gauge(registry: CollectorRegistry, name: str, what: str, *labels: str) -> Children[Gauge]:
    """A gauge of the library, with one child for each combination of label values."""
    return Children(Gauge(name, what, labels, registry=registry))


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


@dataclass(frozen=True, slots=True)
class Export:
    """A histogram as it is exported: with these labels, and buckets with these upper bounds, ascending.

    One more bucket has no upper bound. Without any other, a combination has three series: that bucket, the count and
    the sum.
    """

    name: str
    what: str
    labels: Sequence[str]
    bounds: Sequence[float]


class FastHistogram(Collector):
    """A histogram of seconds for each combination of label values; None is exported as `none`.

    `exports`: each with some of the labels. An observation is counted once for all of them; they are added up at a
    scrape.
    """

    def __init__(self, labels: Sequence[str], registry: CollectorRegistry, *exports: Export) -> None:
        self._labels = labels
        self._exports = exports
        self._bounds: tuple[float, ...] = ()
        """Those of all exports."""
        self._spans: dict[_Labels, list[float]] = {}
        """The count of each bucket, then the sum."""
        self._exemplars: dict[tuple[_Labels, int], Exemplar] = {}
        """Of the first export, by its labels and buckets."""
        self._export(exports)
        registry.register(self)

    def set_bounds(self, name: str, bounds: Sequence[float]) -> None:
        """Have these buckets in the export of that name. If there were no such counts, all counting starts again."""
        self._export(tuple(replace(each, bounds=bounds) if each.name == name else each for each in self._exports))

    def _export(self, exports: tuple[Export, ...]) -> None:
        bounds = {bound for export in exports for bound in export.bounds}
        if not bounds <= set(self._bounds):
            self._bounds, self._spans, self._exemplars = tuple(sorted(bounds)), {}, {}
        self._exports = exports
        self._exported = exports, self._bounds, self._spans, self._exemplars  # for another thread, in one step

    def add(self, seconds: float, *labels: Any) -> None:
        """Add an observation."""
        span = self._spans.get(labels)
        if span is None:
            span = self._spans[labels] = [0] * (len(self._bounds) + 2)
        span[bisect_left(self._bounds, seconds)] += 1
        span[-1] += seconds

    def add_exemplar(self, trace_id: str, seconds: float, *labels: Any) -> None:
        """Name the trace of an observation that `add` has counted: the latest of a bucket is its exemplar.

        `labels`: of the first export.
        """
        bucket = bisect_left(self._exports[0].bounds, seconds)
        self._exemplars[labels, bucket] = Exemplar({"trace_id": trace_id}, seconds, round(time.time(), 3))

    def collect(self) -> Iterator[Metric]:
        """The current histograms."""
        exports, bounds, spans, all_exemplars = self._exported
        for export in exports:
            positions = [self._labels.index(label) for label in export.labels]
            summed: dict[_Labels, list[float]] = {}
            for labels, span in list(spans.items()):
                chosen = tuple(labels[position] for position in positions)
                before = summed.get(chosen)
                summed[chosen] = list(span) if before is None else [a + b for a, b in zip(before, span, strict=True)]
            places = [*(bounds.index(bound) for bound in export.bounds), len(bounds)]
            ends = [*map(floatToGoString, export.bounds), "+Inf"]
            exemplars = all_exemplars if export is exports[0] else {}
            family = HistogramMetricFamily(export.name, export.what, labels=export.labels)
            for chosen, (*buckets, seconds) in summed.items():
                upto = list(accumulate(buckets))
                counts: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
                for bucket, (end, place) in enumerate(zip(ends, places, strict=True)):
                    exemplar = exemplars.get((chosen, bucket))
                    counts.append((end, upto[place]) if exemplar is None else (end, upto[place], exemplar))
                family.add_metric(_label_values(chosen), counts, seconds)
            yield family


class FastGauge(Collector):
    """A gauge without labels."""

    def __init__(self, name: str, what: str, registry: CollectorRegistry) -> None:
        self._about = (name, what)
        self.value = 0.0
        registry.register(self)

    def inc(self, amount: float = 1) -> None:
        """Add `amount`, which may be negative."""
        self.value += amount

    def dec(self) -> None:
        """Subtract one."""
        self.value -= 1

    def set(self, value: float) -> None:
        """Set the value."""
        self.value = value

    def collect(self) -> Iterator[Metric]:
        """The current value."""
        yield GaugeMetricFamily(*self._about, value=self.value)


def _label_values(labels: _Labels) -> list[str]:
    return ["none" if label is None else str(label) for label in labels]
