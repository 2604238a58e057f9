"""Measures, prints each row as it comes with its goal, and writes them all as JSON."""

import platform
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import orjson

from bench.figures import Figure, Key, key_of, medians
from bench.goals import GOALS
from bench.python import Python, Unusable
from bench.repeating import Effort
from bench.servers import allow_many_connections
from bench.table import Group, groups


@click.command()
@click.option("--seconds", type=click.IntRange(1), default=1, show_default=True, help="Of one run.")
@click.option(
    "--repeats", type=click.IntRange(1), default=3, show_default=True, help="Runs of each at least, in turns."
)
@click.option("--most", type=click.IntRange(1), default=9, show_default=True, help="Runs of what is noisy, at most.")
@click.option("--patience", type=float, default=20.0, show_default=True, help="Seconds after which it stays noisy.")
@click.option("--only", multiple=True, help="Groups whose name contains this; may be repeated.")
@click.option("--python", "pythons", multiple=True, help="To measure on; of further ones only rows of goals.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("bench.json"), show_default=True)
@click.option("--against", type=click.Path(path_type=Path, exists=True), help="Figures of an earlier run, to compare.")
def main(
    seconds: int,
    repeats: int,
    most: int,
    patience: float,
    only: tuple[str, ...],
    pythons: tuple[str, ...],
    out: Path,
    against: Path | None,
) -> None:
    """Measure the proxy next to the others. A case that fails is reported, and the rest go on."""
    try:
        subjects = [Python.at(path) for path in pythons or (sys.executable,)]
    except Unusable as error:
        raise click.ClickException(str(error)) from None
    chosen = [group for group in groups() if not only or any(each in group.name for each in only)]
    if not chosen:
        raise click.ClickException(f"no group has such a name; there are: {', '.join(each.name for each in groups())}")
    earlier = {} if against is None else medians(orjson.loads(against.read_bytes())["rows"])
    allow_many_connections()
    report = Report(earlier)
    machine = {"cpu": cpu_model(), "machine": platform.machine(), "pythons": [asdict(each) for each in subjects]}
    click.echo(f"CPU: {machine['cpu']}, {machine['machine']}.")
    for python in subjects:
        click.echo(f"Python {python.version}, {python.build} build: {python.path}")
    effort = Effort(seconds, repeats, most=max(most, repeats), patience=patience)
    for group in chosen:
        report.measure(group, subjects, effort)
        figures = {
            **machine,
            "seconds": seconds,
            **report.as_json(),
        }  # so that a run that is interrupted leaves its own
        out.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    report.summarise(everything=not only)
    if report.failures:
        raise SystemExit(1)


class Report:
    """The rows of one run, printed as they come. `earlier`: the medians of another, to compare with."""

    def __init__(self, earlier: dict[Key, float]) -> None:
        self.figures: list[Figure] = []
        self.failures: list[dict[str, str]] = []
        self._earlier = earlier

    def measure(self, group: Group, subjects: list[Python], effort: Effort) -> None:
        """Measure a group on the first Python, and on the others if one of its rows has a goal."""
        for python in subjects if group.has_goal else subjects[:1]:
            self._measure(group, python, effort, name_python=len(subjects) > 1, first=python is subjects[0])

    def _measure(self, group: Group, python: Python, effort: Effort, *, name_python: bool, first: bool) -> None:
        prefix = f"{python.version:<8}" if name_python else ""
        try:
            for figure in group.rows(python, effort, first):
                self.figures.append(figure)
                click.echo(prefix + figure.line(self._earlier.get(key_of(figure))))
        except Exception as error:  # noqa: BLE001 - whatever ends one group must not lose the figures of the others
            why = f"{type(error).__name__}: {error}"
            self.failures.append({"group": group.name, "python": python.version, "failed": why})
            click.echo(f"{prefix}{group.name:<44} FAILED: {why}", err=True)

    def summarise(self, *, everything: bool) -> None:
        """Print each goal with its figure, and what failed. `everything`: also the goals that were not measured."""
        measured: dict[tuple[str, str], list[Figure]] = {}
        for figure in self.figures:
            measured.setdefault((figure.case, figure.what), []).append(figure)
        click.echo("\nGoals:")
        met = 0
        for case, what in GOALS:
            for figure in measured.get((case, what), []):
                met += figure.is_met
                click.echo(("met     " if figure.is_met else "MISSED  ") + f"{figure.python:<8} {figure.line()}")
            if everything and (case, what) not in measured:
                click.echo(f"not measured     {case:<44} {what}")
        noisy = sum(figure.spread.is_noisy for figure in self.figures)
        goals = sum(bool(figure.goal) for figure in self.figures)
        click.echo(f"{met} of {goals} goals met; {noisy} of {len(self.figures)} rows noisy.")
        for failure in self.failures:
            click.echo(f"FAILED: {failure['group']} (Python {failure['python']}): {failure['failed']}", err=True)

    def as_json(self) -> dict[str, Any]:
        """For `--against`."""
        return {"rows": [figure.as_json() for figure in self.figures], "failures": self.failures}


def cpu_model() -> str:
    """As the kernel names it."""
    cpus = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpus.read_text()) if cpus.exists() else None
    return model[1] if model else platform.processor()


if __name__ == "__main__":
    main()
