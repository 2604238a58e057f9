"""Runs are repeated while they are noisy, and no longer than the bounds allow."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

from bench.repeating import Effort, repeat

EFFORT = Effort(seconds=1, least=3, most=12, patience=60)


def _turns(values: Iterator[float]) -> Callable[[], float]:
    return lambda: next(values)


def _alone(value: float) -> list[float]:
    return [value]


def test_steady_runs_are_not_repeated() -> None:
    assert repeat(_turns(iter([2.0, 2.01, 1.99, 7.0])), _alone, EFFORT) == [2.0, 2.01, 1.99]


def test_noisy_runs_are_repeated_until_their_median_is_sure() -> None:
    values = [2.0, 3.0, 2.5, *[2.5] * 20]
    taken = repeat(_turns(iter(values)), _alone, EFFORT)
    assert 3 < len(taken) < EFFORT.most


def test_what_stays_noisy_is_given_up_after_the_most_runs() -> None:
    values = (float(number % 5 + 1) for number in count())
    assert len(repeat(_turns(values), _alone, EFFORT)) == EFFORT.most


def test_what_stays_noisy_is_given_up_when_patience_ends() -> None:
    now = iter(float(second) for second in range(0, 1000, 20))
    values = (float(number % 5 + 1) for number in count())
    taken = repeat(_turns(values), _alone, EFFORT, clock=lambda: next(now))
    assert 3 < len(taken) < EFFORT.most


def test_every_figure_of_a_turn_has_to_be_sure() -> None:
    turns = [(1.0, 2.0), (1.0, 4.0), (1.0, 3.0), *[(1.0, 3.0)] * 20]
    values = iter(turns)
    assert len(repeat(lambda: next(values), lambda turn: turn, EFFORT)) > 3


def test_a_single_run_is_never_repeated() -> None:
    assert repeat(_turns(iter([2.0, 9.0])), _alone, replace(EFFORT, least=1, most=1)) == [2.0]


def test_parts_are_more_runs_and_no_more_time() -> None:
    parts = EFFORT.in_parts()
    assert parts.least > EFFORT.least
    assert parts.least * parts.seconds == EFFORT.least * EFFORT.seconds
    assert parts.most * parts.seconds == EFFORT.most * EFFORT.seconds
