"""Figures are written into the page, and what is around them stays."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from bench.document import PAGE, columns, main, missed, replaced
from bench.figures import Figure, Spread
from bench.goals import GOALS, IN_THE_WAY
from tests.bench.capacity.test_level import LEVEL

(CASE, WHAT), GOAL = next(iter(GOALS.items()))


def _run(python: str, value: float) -> dict[str, Any]:
    figure = Figure(CASE, WHAT, python, Spread.of([value]), GOAL)
    about = {"path": "/python", "version": python, "build": "profile-guided"}
    return {"cpu": "AMD EPYC", "machine": "x86_64", "pythons": [about], "rows": [figure.as_json()]}


def test_each_python_has_a_column_and_what_is_missed_is_bold(tmp_path: Path) -> None:
    files = []
    for python, value in (("3.11.2", 3.0), ("3.13.0", 1.0)):
        files.append(tmp_path / f"{python}.json")
        files[-1].write_bytes(orjson.dumps(_run(python, value)))
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- goals -->\nold\n<!-- end of goals -->\n<!-- missed --><!-- end of missed -->\nafter\n"
    )
    CliRunner().invoke(main, [*map(str, files), "--page", str(page)], catch_exceptions=False)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| case | goal | Python 3.11.2, profile-guided | Python 3.13.0, profile-guided |" in text
    assert f"| {CASE}: {WHAT} | ≥ 2.4 | 3.00 | **1.00** |" in text


def test_the_capacity_is_that_of_the_highest_level_served(tmp_path: Path) -> None:
    levels = [replace(LEVEL, sessions=sessions, p99=p99) for sessions, p99 in ((400, 0.01), (900, 0.2), (700, 0.09))]
    python = {"path": "/python", "version": "3.11.2", "build": "profile-guided"}
    found = {"this proxy": {"levels": [asdict(level) for level in levels]}}
    file = tmp_path / "capacity.json"
    file.write_bytes(orjson.dumps({"cpu": "AMD EPYC", "python": python, "found": found}))
    page = tmp_path / "page.md"
    page.write_text("<!-- capacity -->\n<!-- end of capacity -->")
    CliRunner().invoke(main, ["--capacity", str(file), "--page", str(page)], catch_exceptions=False)
    assert "| sessions | 700 |" in page.read_text()
    assert "this proxy: at 900 sessions p99 is 200 ms." in page.read_text()


def test_a_page_without_a_place_for_the_figures_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks <!-- goals -->"):
        replaced("text", "goals", [])


def test_the_page_has_places_for_all() -> None:
    for name in ("goals", "missed", "capacity"):
        replaced(PAGE.read_text(), name, [])


def test_what_is_missed_on_one_python_is_listed_with_its_reason() -> None:
    lines = missed(columns([_run("3.11.2", 3.0), _run("3.13.0", 1.0)]))
    assert lines == [f"- `{CASE}`: {IN_THE_WAY[CASE]}."]
    assert missed(columns([_run("3.11.2", 3.0)])) == ["No goal is missed."]


def test_there_is_a_reason_for_each_goal_that_might_be_missed() -> None:
    assert {case for case, _ in GOALS} == IN_THE_WAY.keys()


def test_the_page_says_what_stands_in_the_way_of_each_goal_that_is_missed() -> None:
    page = PAGE.read_text()
    rows, reasons = (
        page.partition(f"<!-- {name} -->")[2].partition(f"<!-- end of {name} -->")[0] for name in ("goals", "missed")
    )
    cases = {row.split("|")[1].partition(":")[0].strip() for row in rows.splitlines() if "**" in row}
    assert cases == {case for case, _ in GOALS if f"`{case}`" in reasons}
