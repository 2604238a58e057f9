"""Memory over time, under a load that stays the same: whether it grows."""

import asyncio
import statistics
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

JUDGED_FROM = 300.0
"""Seconds of samples from which on growth is judged: before that, caches and allocators still fill."""
_SAMPLES = 120
_SHOWN = 20
_WARMING = 0.1
"""The share of the time after which samples count: by then all sessions are there."""


@dataclass
class MemoryTrend:
    """Samples of memory, each with its time in seconds, in kilobytes. `allowed`: kilobytes that it may grow by."""

    allowed: float
    samples: list[tuple[float, int]] = field(default_factory=list)

    @asynccontextmanager
    async def watching(self, seconds: float, read: Callable[[], int]) -> "AsyncIterator[None]":
        """Takes samples with `read` while this is open, evenly over so many seconds."""

        async def watch() -> None:
            loop = asyncio.get_running_loop()
            began = loop.time()
            await asyncio.sleep(seconds * _WARMING)
            every = seconds * (1 - _WARMING) / _SAMPLES
            for _ in range(_SAMPLES):
                self.samples.append((loop.time() - began, read()))
                await asyncio.sleep(every)

        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def seconds(self) -> float:
        """Between the first sample and the last."""
        return self.samples[-1][0] - self.samples[0][0] if self.samples else 0.0

    @property
    def growth(self) -> float:
        """Kilobytes over all the time, by the median of the slopes between all pairs of samples (Theil and Sen).

        Unlike the difference of the last and the first, it does not depend on when a cache was emptied or a large
        response was read.
        """
        slopes = [
            (later - earlier) / (then - at)
            for (at, earlier), (then, later) in combinations(self.samples, 2)
            if then > at
        ]
        return statistics.median(slopes) * self.seconds if slopes else 0.0

    @property
    def is_judged(self) -> bool:
        """Whether there are samples over a time that is long enough."""
        return self.seconds >= JUDGED_FROM

    @property
    def is_flat(self) -> bool:
        """Whether it grows by no more than is allowed."""
        return self.growth <= self.allowed

    def lines(self) -> Iterator[str]:
        """The samples, twenty at most, and the verdict."""
        for at, kilobytes in self.samples[:: max(1, len(self.samples) // _SHOWN)]:
            yield f"{kilobytes / 1000:9.1f} MB under load after {at / 60:5.1f} min"
        if self.samples:
            middle = statistics.median(kilobytes for _, kilobytes in self.samples)
            verdict = "too short to judge" if not self.is_judged else "flat" if self.is_flat else "NOT flat"
            yield (
                f"memory under load: {self.growth / 1000:+.1f} MB over {self.seconds / 60:.0f} min "
                f"at {middle / 1000:.0f} MB (allowed: {self.allowed / 1000:.0f} MB): {verdict}"
            )
