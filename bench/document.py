"""Writes figures into docs/performance.md: `python -m bench.document bench.json --capacity capacity.json`."""

import math
import re
from pathlib import Path
from typing import Any

import click
import orjson

from bench.capacity.__main__ import table
from bench.capacity.level import Capacity, Level
from bench.figures import Figure, Spread, short
from bench.goals import GOALS, IN_THE_WAY

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"

Column = tuple[str, dict[tuple[str, str], Figure]]


@click.command()
@click.argument("files", type=click.Path(path_type=Path, exists=True), nargs=-1)
@click.option("--capacity", type=click.Path(path_type=Path, exists=True), help="Of `make bench-capacity`.")
@click.option("--page", type=click.Path(path_type=Path, exists=True), default=PAGE, show_default=True)
def main(files: tuple[Path, ...], capacity: Path | None, page: Path) -> None:
    """Replace the tables of the page by those of these runs, a column for each Python."""
    text = page.read_text()
    if files:
        runs = [orjson.loads(path.read_bytes()) for path in files]
        of = columns(runs)
        text = replaced(text, "goals", [f"{runs[0]['cpu']}, {runs[0]['machine']}.", "", *goals_table(of)])
        text = replaced(text, "missed", missed(of))
    if capacity is not None:
        text = replaced(text, "capacity", capacity_table(orjson.loads(capacity.read_bytes())))
    page.write_text(text)


def replaced(text: str, name: str, lines: list[str]) -> str:
    """The page with what is between the two comments of this name replaced. Raises ValueError without them."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    found = re.search(f"{begin}.*?{end}", text, re.DOTALL)
    if found is None:
        raise ValueError(f"the page lacks {begin} and {end}")
    return text[: found.start()] + "\n".join([begin, *lines, end]) + text[found.end() :]


def columns(runs: list[dict[str, Any]]) -> list[Column]:
    """The figures of each Python of these runs, of later ones where several have the same."""
    found: dict[str, dict[tuple[str, str], Figure]] = {}
    for run in runs:
        titles = {each["version"]: f"Python {each['version']}, {each['build']}" for each in run["pythons"]}
        for row in run["rows"]:
            figure = Figure(row["case"], row["what"], row["python"], Spread(**row["spread"]), row["goal"])
            found.setdefault(titles[figure.python], {})[figure.case, figure.what] = figure
    return list(found.items())


def goals_table(of: list[Column]) -> list[str]:
    """Each goal with the figures of each Python, in Markdown; **bold** where it is missed."""
    lines = ["| case | goal | " + " | ".join(title for title, _ in of) + " |", "|---" * (2 + len(of)) + "|"]
    for (case, what), goal in GOALS.items():
        cells = [_cell(figures.get((case, what))) for _, figures in of]
        lines.append(f"| {case}: {what} | {_readable(goal)} | {' | '.join(cells)} |")
    return lines


def missed(of: list[Column]) -> list[str]:
    """What stands in the way of goals that are missed on any Python, as a list in Markdown, each reason once."""
    cases: dict[str, list[str]] = {}
    for case in dict.fromkeys(
        case for case, what in GOALS for _, figures in of if (case, what) in figures and not figures[case, what].is_met
    ):
        cases.setdefault(IN_THE_WAY[case], []).append(f"`{case}`")
    return [f"- {', '.join(names)}: {why}." for why, names in cases.items()] or ["No goal is missed."]


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    number = short(figure.spread.middle)
    return (number if figure.is_met else f"**{number}**") + (", noisy" if figure.spread.is_noisy else "")


def _readable(goal: str) -> str:
    return goal.replace(">=", "≥").replace("<=", "≤")


def capacity_table(run: dict[str, Any]) -> list[str]:
    """What `make bench-capacity` found, in Markdown."""
    found = {name: _capacity(each["levels"]) for name, each in run["found"].items()}
    python = run["python"]
    rows = table(found)
    end = next((number for number, line in enumerate(rows) if not line.startswith("|")), len(rows))
    return [f"{run['cpu']}, Python {python['version']}, {python['build']}.", "", *rows[:end], "", *rows[end:]]


def _capacity(levels: list[dict[str, Any]]) -> Capacity:
    read = []
    for each in levels:
        values: dict[str, Any] = {name: math.inf if value is None else value for name, value in each.items()}
        read.append(Level(**values))
    served = [level for level in read if not level.failure]
    best = max(served, key=lambda level: level.sessions, default=None)
    above = [level for level in read if level.failure and (best is None or level.sessions > best.sessions)]
    return Capacity(best, min(above, key=lambda level: level.sessions, default=None), read)


if __name__ == "__main__":
    main()
