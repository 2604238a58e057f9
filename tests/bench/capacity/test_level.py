"""The search for the highest load that is served, on made-up servers."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.capacity.__main__ import table
from bench.capacity.level import Capacity, Level, find_capacity, percentile

LEVEL = Level(
    sessions=100,
    rate=100.0,
    p50=0.001,
    p99=0.01,
    pushed_per_second=2000.0,
    pushed_p99=0.02,
    errors=0,
    requests=1000,
    cpu=0.5,
    load_cpu=0.2,
    late=0.001,
    memory=90_000_000,
)


def _server(most: int, *, cpu_each: float | None = None) -> Callable[[int], Level]:
    """One that serves `most` sessions."""
    each = 0.9 / max(most, 1) if cpu_each is None else cpu_each

    def measure(sessions: int) -> Level:
        p99 = 0.01 if sessions <= most else 0.5
        return replace(LEVEL, sessions=sessions, p99=p99, cpu=min(1.0, each * sessions))

    return measure


@pytest.mark.parametrize("most", [7, 130, 1000, 2345, 30_000])
@pytest.mark.parametrize("first", [100, 400])
def test_the_highest_level_is_found_within_the_precision(most: int, first: int) -> None:
    found = find_capacity(_server(most), first, precision=0.1, most_levels=40)
    assert found.served is not None
    assert found.not_served is not None
    assert found.served.sessions <= most < found.not_served.sessions
    assert found.not_served.sessions <= max(found.served.sessions * 1.1, found.served.sessions + 1)


def test_few_levels_are_needed_where_cpu_predicts_the_limit() -> None:
    assert len(find_capacity(_server(2300), 400).levels) <= 8


def test_a_limit_that_cpu_does_not_predict_is_found_too() -> None:
    found = find_capacity(_server(1000, cpu_each=1e-5), 400)
    assert found.served is not None
    assert 900 <= found.served.sessions <= 1000


def test_one_disturbed_level_does_not_end_the_search() -> None:
    disturbed = iter([False, True])
    undisturbed = _server(1000)

    def measure(sessions: int) -> Level:
        level = undisturbed(sessions)
        return replace(level, p99=0.2) if next(disturbed, False) else level

    found = find_capacity(measure, 400)
    assert found.served is not None
    assert found.served.sessions >= 900


def test_a_level_far_from_served_is_measured_once() -> None:
    levels = find_capacity(_server(1000), 4000).levels
    assert [level.sessions for level in levels if level.failure].count(4000) == 1


def test_the_search_ends_when_patience_does() -> None:
    now = iter(range(0, 10_000, 20))
    found = find_capacity(_server(10**9, cpu_each=1e-12), 1, most_levels=40, patience=50, clock=lambda: next(now))
    assert len(found.levels) == 2
    assert found.served is not None


def test_nothing_served_is_said_and_the_search_ends() -> None:
    found = find_capacity(_server(0), 400)
    assert found.served is None
    assert "none" in "\n".join(table({"this proxy": found}))


def test_the_levels_are_bounded() -> None:
    assert len(find_capacity(_server(10**9, cpu_each=1e-12), 1, most_levels=5).levels) == 5


@pytest.mark.parametrize(
    ("changed", "failure"),
    [
        ({}, ""),
        ({"p99": 0.11}, "p99 is 110 ms"),
        ({"p99": math.inf}, "more than 1 % never answered"),
        ({"errors": 2}, "2 of 1000 requests failed"),
        ({"memory": 1_100_000_000}, "it takes 1100 MB"),
        ({"refused": "503"}, "sessions cannot be opened: 503"),
    ],
)
def test_a_level_fails_for_a_reason(changed: dict[str, float], failure: str) -> None:
    assert replace(LEVEL, **changed).failure == failure  # type: ignore[arg-type]


@pytest.mark.parametrize("changed", [{"load_cpu": 0.97}, {"late": 0.06}])
def test_a_load_at_its_limit_is_reported(changed: dict[str, float]) -> None:
    slow = replace(LEVEL, p99=0.2, **changed)  # type: ignore[arg-type]
    assert slow.is_limited_by_load
    assert "its capacity is higher" in "\n".join(table({"this proxy": Capacity(LEVEL, slow, [])}))
    assert not replace(slow, cpu=0.99, late=0.001).is_limited_by_load


def test_percentiles() -> None:
    values: list[float] = [float(number) for number in range(1, 101)]
    assert percentile(values, 0.99) == 99
    assert percentile(values, 0.5) == 50
    assert math.isnan(percentile([], 0.99))


def test_the_table_has_a_column_for_each() -> None:
    lines = table({"this proxy": Capacity(LEVEL, None, []), "plain aiohttp": Capacity(None, LEVEL, [])})
    assert "| sessions | 100 | none |" in lines
