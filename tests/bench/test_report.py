"""The report of a run: rows as they come, those of other groups where one fails, and the goals in the end."""

from collections.abc import Iterator

import pytest

from bench.__main__ import Report
from bench.figures import Figure, Spread, key_of
from bench.goals import GOALS
from bench.python import Python
from bench.repeating import Effort
from bench.table import Group, groups

OLD, NEW = Python("/old", "3.11.7", "profile-guided"), Python("/new", "3.13.0", "not profile-guided")
(CASE, WHAT), GOAL = next(iter(GOALS.items()))


def _group(name: str, value: float, *, fails: bool = False) -> Group:
    def rows(python: Python, _effort: Effort, rivals: bool) -> Iterator[Figure]:
        yield Figure(name, "requests/s", python.version, Spread.of([value]))
        if fails:
            raise RuntimeError("wrk ended")
        if rivals:
            yield Figure(name, "x Node.js", python.version, Spread.of([2.0]))

    return Group(name, rows)


def test_a_group_that_fails_loses_neither_its_earlier_rows_nor_other_groups(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report({})
    report.measure([_group("first", 1.0, fails=True), _group("second", 2.0)], [OLD], Effort())
    assert [figure.case for figure in report.figures] == ["first", "second", "second"]
    assert report.failures == [{"group": "first", "python": "3.11.7", "failed": "RuntimeError: wrk ended"}]
    assert "FAILED: RuntimeError: wrk ended" in capsys.readouterr().err
    assert report.as_json()["failures"] == report.failures


def test_each_group_is_measured_on_each_python_and_other_rivals_once(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report({})
    report.measure([_group("first", 1.0)], [OLD, NEW], Effort())
    measured = [(figure.python, figure.what) for figure in report.figures]
    assert measured == [("3.11.7", "requests/s"), ("3.11.7", "x Node.js"), ("3.13.0", "requests/s")]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["3.11.7", "3.11.7", "3.13.0"]


def test_rows_are_compared_with_those_of_an_earlier_run(capsys: pytest.CaptureFixture[str]) -> None:
    figure = Figure("first", "requests/s", "3.11.2", Spread.of([4.0]))
    Report({key_of(figure): 4.0}).measure([_group("first", 5.0)], [OLD], Effort())
    assert "x 1.25 of 4.00" in capsys.readouterr().out


def test_the_goals_are_listed_in_the_end_with_those_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report({})
    reached = 1e9 if GOAL.startswith(">=") else 0.0
    report.figures = [Figure(CASE, WHAT, "3.11.7", Spread.of([value]), GOAL) for value in (reached, 1e9 - reached)]
    report.summarise(everything=True)
    output = capsys.readouterr().out
    assert "1 of 2 goals met" in output
    assert [line.split()[0] for line in output.splitlines() if "goal " in line] == ["met", "MISSED"]
    assert output.count("not measured") == len(GOALS) - 1


def test_groups_have_names_of_their_own() -> None:
    names = [group.name for group in groups()]
    assert len(names) == len(set(names))
