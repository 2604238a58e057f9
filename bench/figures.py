"""Figures of repeated runs: their spread, how sure their median is, and how they compare with goals."""

import math
import statistics
from dataclasses import asdict, dataclass
from typing import Any

NOISY = 0.05
"""A median that may be wrong by more than this share of itself is repeated, and in the end reported as noisy."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several runs, the least and the most; `error`: half its 95 % interval, None of a single run."""

    middle: float
    least: float
    most: float
    runs: int
    error: float | None

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Of at least one value.

        The error is that of the notches of box plots (McGill, Tukey and Larsen 1978): one run far from the others
        hardly counts, and it shrinks with the number of runs, unlike the range.
        """
        error = None
        if len(values) > 1:
            lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
            error = 1.57 * (upper - lower) / math.sqrt(len(values))
        return cls(statistics.median(values), min(values), max(values), len(values), error)

    @property
    def is_noisy(self) -> bool:
        """Whether several runs leave the median unsure."""
        return self.error is not None and self.error > NOISY * abs(self.middle)

    def times(self, factor: float) -> "Spread":
        """The same in another unit."""
        error = None if self.error is None else self.error * factor
        return Spread(self.middle * factor, self.least * factor, self.most * factor, self.runs, error)


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table: what was measured of a case on one Python. `goal`: such as `>= 2`, empty for none."""

    case: str
    what: str
    python: str
    spread: Spread
    goal: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the median reaches the goal; True without one."""
        if not self.goal:
            return True
        sign, bound = self.goal.split()
        return self.spread.middle >= float(bound) if sign == ">=" else self.spread.middle <= float(bound)

    def as_json(self) -> dict[str, Any]:
        """As written to the file of figures."""
        return {**asdict(self), "met": self.is_met if self.goal else None}

    def line(self, earlier: float | None = None) -> str:
        """A line of the table; `earlier`: the median of the run that this one is compared with."""
        spread = self.spread
        between = f" ({short(spread.least)} to {short(spread.most)}, {spread.runs} runs)" if spread.runs > 1 else ""
        notes = [f"goal {self.goal}: {'met' if self.is_met else 'MISSED'}"] if self.goal else []
        if spread.is_noisy:
            notes.append(f"noisy, +- {100 * (spread.error or 0) / abs(spread.middle or 1):.0f} %")
        if earlier:
            notes.append(f"x {spread.middle / earlier:.2f} of {short(earlier)}")
        return f"{self.case:<44} {self.what:<38} {short(spread.middle) + between:<36} {', '.join(notes)}".rstrip()


Key = tuple[str, str, str]


def key_of(figure: Figure) -> Key:
    """By what figures of two runs are compared; of the Python only major and minor version."""
    return figure.case, figure.what, ".".join(figure.python.split(".")[:2])


def medians(rows: list[dict[str, Any]]) -> dict[Key, float]:
    """The medians of an earlier run, from the rows of its file."""
    found = (Figure(row["case"], row["what"], row["python"], Spread(**row["spread"])) for row in rows)
    return {key_of(figure): figure.spread.middle for figure in found}


def short(value: float) -> str:
    """A number to read."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"
