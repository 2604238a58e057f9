"""Measures, prints the table with the goals beside it, and writes it as JSON."""

import platform
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

_BY_WEBSOCKET = ("account_info rewritten", "account_tx of 20", "account_tx of 200")


@click.command()
@click.option("--seconds", type=click.IntRange(1), default=2, show_default=True, help="Of one run.")
@click.option("--repeats", default=3, show_default=True, help="Runs of each, in turns.")
@click.option("--only", default="", help="Cases whose name contains this.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("bench.json"), show_default=True)
def main(seconds: int, repeats: int, only: str, out: Path) -> None:
    """Measure the proxy beside the others."""
    rows: list[Row] = []
    for row in _rows(only, repeats, seconds):
        rows.append(row)
        _print(row)
    machine = {"machine": platform.machine(), "python": platform.python_version(), "seconds": seconds}
    out.write_bytes(orjson.dumps({**machine, "repeats": repeats, "rows": rows}, option=orjson.OPT_INDENT_2))


def _rows(only: str, repeats: int, seconds: float) -> Iterator[Row]:
    cases = {case.name: case for case in all_cases()}
    smaller: dict[str, tuple[str, Runs]] = {}
    for name, case in cases.items():
        if only in name:
            runs = measure(case, repeats=repeats, seconds=seconds)
            yield from _http_rows(case, runs)
            if case.family in smaller:
                before, of_smaller = smaller[case.family]
                yield _row(name, f"CPU of each, x {before.partition(',')[0]}", growth(runs[OURS], of_smaller[OURS]))
            if case.family:
                smaller[case.family] = name, runs
    if only in "added latency":
        added = added_latency(cases["account_info rewritten"], repeats=repeats, seconds=seconds)
        for name, more in added.items():
            quiet = Spread.of([more.quiet_p99])
            for what, spread, goal in (
                ("p50", more.p50, "<= 0.2"),
                ("p99", more.p99, "<= 1"),
                ("p99, quietest", quiet, "<= 1"),
            ):
                goal = goal if name == OURS else ""
                yield _row(f"added latency, {name}", f"ms at {what}", _in_ms(spread), goal)
    if only in "two workers":
        name = "ledger of 1 MB, v2 on v1"
        ratio = two_workers(cases[name], repeats=repeats, seconds=seconds)
        yield _row(f"two workers, {name}", "by the clock, x one on one core", ratio, ">= 1.7")
    for size, goal in (("100 kB", ""), ("1 MB", ""), ("10 MB", "<= 5")):
        if only in f"memory of an answer of {size}":
            case = cases[f"ledger of {size}, v1 on v2"]
            times = Spread.of([memory_of_answer(case) for _ in range(repeats)])
            yield _row(f"memory of an answer of {size}", "x its size", times, goal)
    if only in "websocket":
        yield from _websocket_rows(repeats, seconds)


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


def _websocket_rows(repeats: int, seconds: float) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in (each for each in all_cases() if each.name in _BY_WEBSOCKET):
            yield from _asked_rows(folder, case, repeats, seconds)
        for subscribers, messages, at_once in ((1, 5000, 1), (100, 1000, 1), (1000, 100, 1), (1000, 100, 100)):
            yield from _stream_rows(folder, repeats, subscribers, messages, at_once)
        for sessions in (100, 1000, 5000):
            for compress, words in ((0, ""), (15, ", compressed")):
                used = run(websocket_cases.memory(folder, sessions=sessions, compress=compress))
                name = f"websocket memory, {sessions} sessions{words}"
                goal = "<= 40" if not compress else ""
                yield _row(name, "kB for each, idle", Spread.of([used.idle / 1000]), goal)
                yield _row(name, "kB for each, answered once", Spread.of([used.answered / 1000]), goal)
                yield _row(name, "kB for each, subscribed", Spread.of([used.subscribed / 1000]))
        for accounts in (10, 100, 1000):
            more = run(websocket_cases.memory_of_subscriptions(folder, sessions=50, accounts=accounts))
            yield _row(f"websocket memory, {accounts} accounts of a session", "kB more", Spread.of([more / 1000]))


def _asked_rows(folder: Path, case: Case, repeats: int, seconds: float) -> Iterator[Row]:
    def requests(plain: bool) -> Coroutine[None, None, tuple[float, float]]:
        return websocket_cases.requests(folder, case, sessions=32, seconds=seconds, plain=plain)

    ours, theirs = _in_turns(requests, repeats)
    name = f"websocket {case.name}"
    yield _row(name, "requests/s", Spread.of([rate for rate, _ in ours]))
    yield _row(name, "CPU us for each", Spread.of([cpu * 1e6 for _, cpu in ours]))
    ratios = [plain / own for (_, own), (_, plain) in zip(ours, theirs, strict=True)]
    yield _row(name, "by CPU, x plain aiohttp", Spread.of(ratios))


def _stream_rows(folder: Path, repeats: int, subscribers: int, messages: int, at_once: int) -> Iterator[Row]:
    def cost(plain: bool) -> Coroutine[None, None, float]:
        return websocket_cases.stream(folder, subscribers=subscribers, messages=messages, at_once=at_once, plain=plain)

    ours, theirs = _in_turns(cost, repeats)
    case = f"websocket stream to {subscribers}{f', {at_once} at once' if at_once > 1 else ''}"
    yield _row(case, "CPU us for each message to each", Spread.of([own * 1e6 for own in ours]))
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


def _print(row: Row) -> None:
    spread = f"{_short(row['middle'])} ({_short(row['least'])} to {_short(row['most'])})"
    met = f"{row['goal']}: {'met' if _is_met(row) else 'NOT met'}" if row["goal"] else ""
    click.echo(f"{row['case']:<42} {row['what']:<34} {spread:<28} {met}")


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
