"""The report of a run: rows as they come, those of other groups where one fails, and the goals in the end."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from bench.__main__ import Report, main
from bench.figures import Figure, Spread, key_of
from bench.goals import GOALS
from bench.python import Python
from bench.repeating import Effort
from bench.table import Group, groups

OLD, NEW = Python("/old", "3.11.7", "profile-guided"), Python("/new", "3.13.0", "not profile-guided")
(CASE, WHAT), GOAL = next(iter(GOALS.items()))


def _group(name: str, value: float, *, fails: bool = False) -> Group:
    def rows(python: Python, _effort: Effort, first: bool) -> Iterator[Figure]:
        yield Figure(name, "requests/s", python.version, Spread.of([value]))
        if fails:
            raise RuntimeError("wrk ended")
        if first:
            yield Figure(name, "x Node.js", python.version, Spread.of([2.0]))

    return Group(name, rows)


def test_a_group_that_fails_loses_neither_its_earlier_rows_nor_other_groups(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report({})
    for group in (_group("first", 1.0, fails=True), _group("second", 2.0)):
        report.measure(group, [OLD], Effort())
    assert [figure.case for figure in report.figures] == ["first", "second", "second"]
    assert report.failures == [{"group": "first", "python": "3.11.7", "failed": "RuntimeError: wrk ended"}]
    assert "FAILED: RuntimeError: wrk ended" in capsys.readouterr().err
    assert report.as_json()["failures"] == report.failures


def test_what_has_a_goal_is_measured_on_each_python_and_the_rest_once(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report({})
    for name in (CASE, "without a goal"):
        report.measure(_group(name, 1.0), [OLD, NEW], Effort())
    measured = [(figure.python, figure.case, figure.what) for figure in report.figures]
    assert measured == [
        *(("3.11.7", CASE, what) for what in ("requests/s", "x Node.js")),
        ("3.13.0", CASE, "requests/s"),
        *(("3.11.7", "without a goal", what) for what in ("requests/s", "x Node.js")),
    ]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["3.11.7", "3.11.7", "3.13.0", "3.11.7", "3.11.7"]


def test_rows_are_compared_with_those_of_an_earlier_run(capsys: pytest.CaptureFixture[str]) -> None:
    figure = Figure("first", "requests/s", "3.11.2", Spread.of([4.0]))
    Report({key_of(figure): 4.0}).measure(_group("first", 5.0), [OLD], Effort())
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


@pytest.mark.parametrize("case", sorted({case for case, _ in GOALS}))
def test_each_goal_is_of_a_group_that_every_python_is_measured_on(case: str) -> None:
    assert [group.name for group in groups() if group.has_goal and case.startswith(group.name)]


def test_a_run_that_is_interrupted_leaves_what_it_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_python: Python, _effort: Effort, _first: bool) -> Iterator[Figure]:
        raise KeyboardInterrupt

    chosen = [_group("first", 1.0, fails=True), _group("second", 2.0), Group("third", interrupted)]
    monkeypatch.setattr("bench.__main__.groups", lambda: chosen)
    out = tmp_path / "bench.json"
    CliRunner().invoke(main, ["--out", str(out)])
    left = orjson.loads(out.read_bytes())
    assert [row["case"] for row in left["rows"]] == ["first", "second", "second"]
    assert [failure["group"] for failure in left["failures"]] == ["first"]
