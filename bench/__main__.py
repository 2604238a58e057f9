"""Measures, prints the table with the goals next to it, and writes it as JSON."""

import platform
import re
import sysconfig
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TypeVar

import click
import orjson

from bench import websocket_cases
from bench.answers import Case, all_cases
from bench.http_cases import (
    JAVASCRIPT,
    LUA,
    OURS,
    PASSING,
    PLAIN,
    Runs,
    added_latency,
    cost_ratio,
    growth,
    measure,
    memory_of_answer,
    rate_ratio,
    two_workers,
)
from bench.load import Spread
from bench.websocket_cases import run

Row = dict[str, object]
T = TypeVar("T")

_NOISY = 0.25
"""The spread of several runs, as a share of their median, from which on their figure says little."""
_OVER_WEBSOCKET = ("account_info rewritten", "account_tx of 20", "account_tx of 200")


@click.command()
@click.option("--seconds", type=click.IntRange(1), default=2, show_default=True, help="Of one run.")
@click.option("--repeats", default=3, show_default=True, help="Runs of each, in turns.")
@click.option("--only", default="", help="Cases whose name contains this.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("bench.json"), show_default=True)
@click.option("--against", type=click.Path(path_type=Path, exists=True), help="Figures of an earlier run, to compare.")
def main(seconds: int, repeats: int, only: str, out: Path, against: Path | None) -> None:
    """Measure the proxy next to the others. A case that fails is reported, and the rest go on."""
    earlier = {} if against is None else _middles(orjson.loads(against.read_bytes())["rows"])
    machine = _machine()
    click.echo(" ".join(f"{name}: {value}." for name, value in machine.items()))
    rows: list[Row] = []
    failures: list[Row] = []
    for name, measured in _groups(only, repeats, seconds):
        try:
            for row in measured:
                rows.append(row)
                _print(row, earlier.get((row["case"], row["what"])))
        except Exception as error:  # noqa: BLE001 - whatever ends one case must not lose the figures of the others
            failures.append({"case": name, "failed": f"{type(error).__name__}: {error}"})
            click.echo(f"{name:<42} FAILED: {type(error).__name__}: {error}", err=True)
    figures = {**machine, "seconds": seconds, "repeats": repeats, "rows": rows, "failures": failures}
    out.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    if failures:
        raise SystemExit(1)


def _machine() -> dict[str, object]:
    """What the figures depend on besides the proxy."""
    cpus = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpus.read_text()) if cpus.exists() else None
    optimized = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
    return {
        "machine": platform.machine(),
        "cpu": model[1] if model else platform.processor(),
        "python": platform.python_version(),
        "optimized": optimized,
    }


def _middles(rows: list[Row]) -> dict[tuple[object, object], float]:
    return {(row["case"], row["what"]): float(str(row["middle"])) for row in rows}


def _groups(only: str, repeats: int, seconds: float) -> Iterator[tuple[str, Iterator[Row]]]:
    """What is measured, by name; each is measured while its rows are read, independently of the others."""
    cases = {case.name: case for case in all_cases()}
    smaller: dict[str, tuple[str, Runs]] = {}
    for name, case in cases.items():
        if only in name:
            yield name, _case_rows(case, repeats, seconds, smaller)
    if only in "added latency":
        yield "added latency", _latency_rows(cases["account_info rewritten"], repeats, seconds)
    if only in "two workers":
        yield "two workers", _workers_rows(cases["ledger of 1 MB, v2 on v1"], repeats, seconds)
    for size, goal in (("100 kB", ""), ("1 MB", ""), ("10 MB", "<= 5")):
        name = f"memory of an answer of {size}"
        if only in name:
            yield name, _memory_rows(name, cases[f"ledger of {size}, v1 on v2"], repeats, goal)
    if only in "websocket":
        yield from _websocket_groups(repeats, seconds)


def _case_rows(case: Case, repeats: int, seconds: float, smaller: dict[str, tuple[str, Runs]]) -> Iterator[Row]:
    """The rows of one HTTP case; `smaller` holds the runs of the next smaller case of each family."""
    runs = measure(case, repeats=repeats, seconds=seconds)
    yield from _http_rows(case, runs)
    if case.family in smaller:
        before, of_smaller = smaller[case.family]
        yield _row(case.name, f"CPU of each, x {before.partition(',')[0]}", growth(runs[OURS], of_smaller[OURS]))
    if case.family:
        smaller[case.family] = case.name, runs


def _latency_rows(case: Case, repeats: int, seconds: float) -> Iterator[Row]:
    for name, more in added_latency(case, repeats=repeats, seconds=seconds).items():
        quiet = Spread.of([more.quiet_p99])
        for what, spread, goal in (
            ("p50", more.p50, "<= 0.2"),
            ("p99", more.p99, "<= 1"),
            ("p99, quietest", quiet, "<= 1"),
        ):
            yield _row(f"added latency, {name}", f"ms at {what}", _in_ms(spread), goal if name == OURS else "")


def _workers_rows(case: Case, repeats: int, seconds: float) -> Iterator[Row]:
    ratio = two_workers(case, repeats=repeats, seconds=seconds)
    yield _row(f"two workers, {case.name}", "by the clock, x one on one core", ratio, ">= 1.7")


def _memory_rows(name: str, case: Case, repeats: int, goal: str) -> Iterator[Row]:
    yield _row(name, "x its size", Spread.of([memory_of_answer(case) for _ in range(repeats)]), goal)


def _http_rows(case: Case, runs: Runs) -> list[Row]:
    rows = [
        _row(case.name, f"requests/s of {name}", Spread.of([run.per_second for run in measured]))
        for name, measured in runs.items()
    ]
    goals = {PLAIN: ">= 2.4", JAVASCRIPT: ">= 1.1"} if case.name == "account_info rewritten" else {}
    if case.name == "account_info passed through":
        goals = {PASSING: ">= 0.4"}
    if case.name.startswith("ledger of 1 MB"):
        goals = dict.fromkeys((PLAIN, JAVASCRIPT, LUA), ">= 1.5")
    for name in runs:
        if name != OURS:
            rows.append(_row(case.name, f"by the clock, x {name}", rate_ratio(runs, OURS, name), goals.get(name, "")))
            rows.append(_row(case.name, f"by CPU, x {name}", cost_ratio(runs, OURS, name), goals.get(name, "")))
    return rows


def _websocket_groups(repeats: int, seconds: float) -> Iterator[tuple[str, Iterator[Row]]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in (each for each in all_cases() if each.name in _OVER_WEBSOCKET):
            yield f"websocket {case.name}", _asked_rows(folder, case, repeats, seconds)
        for subscribers, messages, at_once in ((1, 5000, 1), (100, 1000, 1), (1000, 100, 1), (1000, 100, 100)):
            rows = _stream_rows(folder, repeats, subscribers, messages, at_once)
            yield f"websocket stream to {subscribers}", rows
        for sessions in (100, 1000, 5000):
            for compress, words in ((0, ""), (15, ", compressed")):
                name = f"websocket memory, {sessions} sessions{words}"
                yield name, _session_memory_rows(name, folder, sessions, compress)
        for accounts in (10, 100, 1000):
            name = f"websocket memory, {accounts} accounts of a session"
            yield name, _subscription_memory_rows(name, folder, accounts)


def _session_memory_rows(name: str, folder: Path, sessions: int, compress: int) -> Iterator[Row]:
    used = run(websocket_cases.memory(folder, sessions=sessions, compress=compress))
    goal = "<= 40" if not compress else ""
    yield _row(name, "kB for each, idle", Spread.of([used.idle / 1000]), goal)
    yield _row(name, "kB for each, answered once", Spread.of([used.answered / 1000]), goal)
    yield _row(name, "kB for each, subscribed", Spread.of([used.subscribed / 1000]))


def _subscription_memory_rows(name: str, folder: Path, accounts: int) -> Iterator[Row]:
    more = run(websocket_cases.memory_of_subscriptions(folder, sessions=50, accounts=accounts))
    yield _row(name, "kB more", Spread.of([more / 1000]))


def _asked_rows(folder: Path, case: Case, repeats: int, seconds: float) -> Iterator[Row]:
    def requests(plain: bool) -> Coroutine[None, None, tuple[float, float]]:
        return websocket_cases.requests(folder, case, sessions=32, seconds=seconds, plain=plain)

    ours, theirs = _in_turns(requests, repeats)
    name = f"websocket {case.name}"
    yield _row(name, "requests/s", Spread.of([rate for rate, _ in ours]))
    yield _row(name, "CPU us for each", Spread.of([cpu * 1e6 for _, cpu in ours]))
    ratios = [plain / own for (_, own), (_, plain) in zip(ours, theirs, strict=True)]
    goal = {"account_info rewritten": ">= 1", "account_tx of 20": ">= 2"}.get(case.name, "")
    yield _row(name, "by CPU, x plain aiohttp", Spread.of(ratios), goal)


def _stream_rows(folder: Path, repeats: int, subscribers: int, messages: int, at_once: int) -> Iterator[Row]:
    def cost(plain: bool) -> Coroutine[None, None, float]:
        return websocket_cases.stream(folder, subscribers=subscribers, messages=messages, at_once=at_once, plain=plain)

    ours, theirs = _in_turns(cost, repeats)
    case = f"websocket stream to {subscribers}{f', {at_once} at once' if at_once > 1 else ''}"
    goal = {(1, 1): "<= 50", (1000, 1): "<= 9.5"}.get((subscribers, at_once), "")
    yield _row(case, "CPU us for each message to each", Spread.of([own * 1e6 for own in ours]), goal)
    ratios = [plain / own for own, plain in zip(ours, theirs, strict=True)]
    yield _row(case, "by CPU, x one rewriting per subscriber", Spread.of(ratios), ">= 5" if subscribers == 1000 else "")


def _in_turns(measure: Callable[[bool], Coroutine[None, None, T]], repeats: int) -> tuple[list[T], list[T]]:
    """What is measured of the proxy, and of the plain one (`measure(True)`), one after the other."""
    turns = [(run(measure(False)), run(measure(True))) for _ in range(repeats)]
    return [ours for ours, _ in turns], [theirs for _, theirs in turns]


def _row(case: str, what: str, spread: Spread, goal: str = "") -> Row:
    return {
        "case": case,
        "what": what,
        "middle": spread.middle,
        "least": spread.least,
        "most": spread.most,
        "goal": goal,
    }


def _print(row: Row, earlier: float | None) -> None:
    """Print a row, with `earlier`: its figure in the run that this one is compared with."""
    spread = f"{_short(row['middle'])} ({_short(row['least'])} to {_short(row['most'])})"
    notes = [f"{row['goal']}: {'met' if _is_met(row) else 'NOT met'}"] if row["goal"] else []
    middle, least, most = (float(str(row[name])) for name in ("middle", "least", "most"))
    if most - least > _NOISY * abs(middle):
        notes.append("noisy")
    if earlier:
        notes.append(f"x {middle / earlier:.2f} of {_short(earlier)}")
    click.echo(f"{row['case']:<42} {row['what']:<34} {spread:<28} {', '.join(notes)}")


def _short(value: object) -> str:
    number = float(str(value))
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.2f}"


def _is_met(row: Row) -> bool:
    sign, bound = str(row["goal"]).split()
    middle = float(str(row["middle"]))
    return middle >= float(bound) if sign == ">=" else middle <= float(bound)


def _in_ms(spread: Spread) -> Spread:
    return Spread(spread.middle * 1000, spread.least * 1000, spread.most * 1000)


if __name__ == "__main__":
    main()
