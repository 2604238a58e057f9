"""One level of load, and whether it is served: the search for the highest that is."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

P99_LIMIT = 0.1
MEMORY_LIMIT = 1_000_000_000
_MOST_ERRORS = 0.001
_BUSY = 0.95
"""A core that is used more than this is full: the rest is lost between processes and to timers."""
_SERVED_UP_TO = 0.7
"""Where p99 can be expected to exceed its limit."""
_JUMP = (1.15, 6.0)
_FAR = 2.5
"""What exceeds the limit so many times is no accident of a measurement."""


@dataclass(frozen=True, slots=True)
class Level:
    """What was measured with so many sessions. Latencies in seconds, of requests and of pushed messages; `rate`:
    requests a second; `cpu`, `load_cpu`: the share of a core that the proxy took, and that load and node took together;
    `late`: how late requests were sent, at p99.
    """

    sessions: int
    rate: float
    p50: float
    p99: float
    pushed_per_second: float
    pushed_p99: float
    errors: int
    requests: int
    cpu: float
    load_cpu: float
    late: float
    memory: int
    refused: str = ""
    """Why not all sessions could be opened; then nothing else was measured."""

    @classmethod
    def not_opened(cls, sessions: int, why: str) -> "Level":
        """A level at which not all sessions could be opened."""
        return cls(sessions, 0.0, math.inf, math.inf, 0.0, math.inf, 0, 0, 0.0, 0.0, 0.0, 0, why)

    @property
    def failure(self) -> str:
        """Why this level is not served; empty if it is."""
        if self.refused:
            return f"sessions cannot be opened: {self.refused}"
        if self.errors > _MOST_ERRORS * self.requests:
            return f"{self.errors} of {self.requests} requests failed"
        if self.p99 > P99_LIMIT:
            return f"p99 is {self.p99 * 1000:.0f} ms" if math.isfinite(self.p99) else "more than 1 % never answered"
        if self.memory > MEMORY_LIMIT:
            return f"it takes {self.memory / 1e6:.0f} MB"
        return ""

    @property
    def may_be_disturbed(self) -> bool:
        """Whether it is not served, but so nearly that what else the machine did may be the cause."""
        return bool(self.failure) and not self.refused and self.p99 < _FAR * P99_LIMIT

    @property
    def is_limited_by_load(self) -> bool:
        """Whether the load, not the proxy, was at its limit: then the level says nothing of the proxy."""
        return (self.load_cpu > _BUSY and self.cpu < _BUSY) or self.late > P99_LIMIT / 2

    @property
    def headroom(self) -> float:
        """By how much the load may grow until the proxy's core is nearly full, as a factor."""
        return _SERVED_UP_TO / self.cpu if self.cpu else math.inf


class Capacity(NamedTuple):
    """The highest level that is served, if any, the lowest that is not, and all that were measured."""

    served: Level | None
    not_served: Level | None
    levels: list[Level]


def find_capacity(
    measure: Callable[[int], Level],
    first: int,
    *,
    precision: float = 0.1,
    most_levels: int = 12,
    patience: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
) -> Capacity:
    """Raise the sessions until a level is not served, and then halve the gap until it is within `precision`, or until
    `patience` seconds are over.

    A level that is nearly served is measured once more: what else the machine does only makes it worse. The step up
    follows from the proxy's CPU, so that few levels are needed.
    """
    began = clock()
    levels: list[Level] = []

    def measured(sessions: int) -> Level:
        level = measure(sessions)
        levels.append(level)
        if level.may_be_disturbed:
            level = measure(sessions)
            levels.append(level)
        return level

    served: Level | None = None
    failed: Level | None = None
    sessions = first
    while len(levels) < most_levels and clock() - began < patience:
        level = measured(sessions)
        if level.failure:
            failed = level
        else:
            served = level
        if served is None:
            if sessions < 4:
                break
            sessions //= 2
        elif failed is None:
            sessions = math.ceil(sessions * min(max(served.headroom, _JUMP[0]), _JUMP[1]))
        elif failed.sessions <= served.sessions * (1 + precision):
            break
        else:
            sessions = round(math.sqrt(served.sessions * failed.sessions))
    return Capacity(served, failed, levels)


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share of all is not above; NaN of none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
