"""Figures: how sure the median of several runs is, goals, and earlier runs."""

import orjson
import pytest

from bench.figures import Figure, Spread, key_of, medians
from bench.goals import GOALS


def _figure(values: list[float], goal: str = "", python: str = "3.11.7") -> Figure:
    return Figure("small request", "us", python, Spread.of(values), goal)


def test_one_run_is_not_called_noisy_as_nothing_is_known_of_its_error() -> None:
    spread = Spread.of([2.0])
    assert spread.error is None
    assert not spread.is_noisy
    assert "runs" not in _figure([2.0]).line()


def test_runs_far_apart_are_noisy_and_equal_ones_are_not() -> None:
    assert Spread.of([1.0, 2.0, 3.0]).is_noisy
    assert not Spread.of([2.0, 2.01, 1.99]).is_noisy
    assert "noisy" in _figure([1.0, 2.0, 3.0]).line()


def test_one_run_far_from_many_others_does_not_make_the_median_unsure() -> None:
    spread = Spread.of([2.0, 2.01, 1.99, 2.0, 2.02, 9.0])
    assert not spread.is_noisy
    assert spread.most == 9.0


def test_more_runs_of_the_same_spread_make_the_median_surer() -> None:
    few, many = Spread.of([0.9, 1.0, 1.1]), Spread.of([0.9, 1.0, 1.1] * 9)
    assert few.error is not None
    assert many.error is not None
    assert many.error < few.error


def test_zeros_are_not_noisy() -> None:
    assert not Spread.of([0.0, 0.0, 0.0]).is_noisy


@pytest.mark.parametrize(
    ("goal", "value", "met"), [(">= 2", 2.0, True), (">= 2", 1.9, False), ("<= 50", 50.0, True), ("<= 50", 51.0, False)]
)
def test_a_goal_is_shown_next_to_the_figure(goal: str, value: float, met: bool) -> None:
    figure = _figure([value], goal)
    assert figure.is_met is met
    assert f"goal {goal}: {'met' if met else 'MISSED'}" in figure.line()


def test_a_figure_of_an_earlier_run_is_shown_as_a_ratio() -> None:
    earlier = medians(orjson.loads(orjson.dumps([_figure([2.0, 4.0, 4.0]).as_json()])))
    later = _figure([5.0], python="3.11.9")
    assert "x 1.25 of 4.00" in later.line(earlier.get(key_of(later)))
    assert key_of(_figure([5.0], python="3.13.0")) not in earlier


def test_all_goals_can_be_read() -> None:
    for goal in GOALS.values():
        sign, bound = goal.split()
        assert sign in (">=", "<=")
        assert float(bound) >= 0
