"""Runs are repeated while their figures are noisy, within bounds."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from bench.figures import Spread

T = TypeVar("T")

_PARTS = 4


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: seconds of one run, the least and the most runs, and the seconds after which a case that
    is still noisy is given up.
    """

    seconds: float = 1.0
    least: int = 3
    most: int = 9
    patience: float = 20.0

    def in_parts(self) -> "Effort":
        """The same in four times as many runs: what is compared then runs so closely after each other that what else
        the machine does affects both.
        """
        return replace(self, seconds=self.seconds / _PARTS, least=self.least * _PARTS, most=self.most * _PARTS)


def repeat(
    turn: Callable[[], T],
    figures: Callable[[T], Sequence[float]],
    effort: Effort,
    clock: Callable[[], float] = time.monotonic,
) -> list[T]:
    """Take turns until the median of each of their figures is sure; at least and at most as often as `effort` says.

    In a turn all that is compared runs once, one after the other, so that other work on the machine affects all alike.
    """
    began = clock()
    turns = [turn() for _ in range(effort.least)]
    while len(turns) < effort.most and clock() - began < effort.patience and _is_noisy([figures(one) for one in turns]):
        turns.append(turn())
    return turns


def _is_noisy(figures: list[Sequence[float]]) -> bool:
    return any(Spread.of(list(values)).is_noisy for values in zip(*figures, strict=True))
