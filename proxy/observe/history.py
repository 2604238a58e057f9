"""The requests of each version over time: every five minutes for a day, every hour for 30 days; in memory only."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters import JsonObject

ENTRY_SECONDS = 300.0
"""The length of an entry."""
_ENTRIES = 288  # a day
_HOUR = 3600
_HOURS = 30 * 24
_MIN_POINTS = 6
"""Fewest entries for a trend."""
_FORESIGHT = 3 * 365 * 86400
"""Most seconds that a trend predicts."""


@dataclass(slots=True)
class Entry:
    """The requests of each version up to `time` (Unix), or of an hour from `time` on."""

    time: float
    requests: Counter[str]

    def to_json(self) -> JsonObject:
        """`{"time": …, "requests": {version: count}}`."""
        return {"time": self.time, "requests": self.requests}


class History:
    """`counts`: requests by version since the start. `clock`: the time of day (Unix)."""

    def __init__(self, counts: Callable[[], Counter[str]], clock: Callable[[], float]) -> None:
        self._counts = counts
        self._clock = clock
        self._counted = Counter[str]()
        self._entries: deque[Entry] = deque(maxlen=_ENTRIES)
        self._hours: deque[Entry] = deque(maxlen=_HOURS)

    def write(self) -> None:
        """Add an entry: the requests counted since the last one."""
        counted = self._counts()
        entry = Entry(self._clock(), counted - self._counted)
        self._counted = counted
        self._entries.append(entry)
        self._add_to_hour(self._hours, entry)

    def entries(self) -> list[JsonObject]:
        """Entries of five minutes, the oldest first; the last one is incomplete."""
        return [*(entry.to_json() for entry in self._entries), self._current().to_json()]

    def hours(self) -> list[JsonObject]:
        """Entries of an hour, the oldest first; the last one is the current hour."""
        hours = deque(self._hours, _HOURS)
        if hours:
            hours[-1] = Entry(hours[-1].time, +hours[-1].requests)
        self._add_to_hour(hours, self._current())
        return [entry.to_json() for entry in hours]

    def _current(self) -> Entry:
        return Entry(self._clock(), self._counts() - self._counted)

    @staticmethod
    def _add_to_hour(hours: deque[Entry], entry: Entry) -> None:
        hour = entry.time - entry.time % _HOUR
        if not hours or hours[-1].time != hour:
            hours.append(Entry(hour, Counter()))
        hours[-1].requests += entry.requests


def trend(entries: Sequence[JsonObject], version: str) -> JsonObject | None:
    """How the share of `version` changes: `{"per_day": share, "zero_at": Unix time or None}`, by least squares.

    `zero_at` is when the line reaches zero; None if the share does not fall, or falls too slowly to say.
    None in place of a trend if fewer than six entries have requests.
    """
    points = []
    for entry in entries:
        total = sum(entry["requests"].values())
        if total:
            points.append((entry["time"], entry["requests"].get(version, 0) / total))
    if len(points) < _MIN_POINTS:
        return None
    middle = sum(time for time, _ in points) / len(points)
    mean = sum(share for _, share in points) / len(points)
    spread = sum((time - middle) ** 2 for time, _ in points)
    slope = sum((time - middle) * (share - mean) for time, share in points) / spread if spread else 0.0
    last = points[-1][0]
    zero_at = middle - mean / slope if slope < 0 else None
    if zero_at is not None and zero_at - last > _FORESIGHT:
        zero_at = None
    return {"per_day": slope * 86400, "zero_at": None if zero_at is None else max(zero_at, last)}
