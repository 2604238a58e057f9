"""Measures, prints the table with the goals beside it, and writes it as JSON."""

import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

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
    added_latency,
    cost_ratio,
    measure,
    memory_of_answer,
    rate_ratio,
    two_workers,
)
from bench.load import Spread
from bench.websocket_cases import run

Row = dict[str, object]


@click.command()
@click.option("--seconds", default=2.0, show_default=True, help="Of one run.")
@click.option("--repeats", default=3, show_default=True, help="Runs of each, in turns.")
@click.option("--only", default="", help="Cases whose name contains this.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("bench.json"), show_default=True)
def main(seconds: float, repeats: int, only: str, out: Path) -> None:
    """Measure the proxy beside the others."""
    rows: list[Row] = []
    for case in all_cases():
        if only in case.name:
            for row in _http_rows(case, repeats, seconds):
                rows.append(row)
                _print(row)
    if only in "added latency":
        p50, p99 = added_latency(all_cases()[0], repeats=repeats, seconds=seconds)
        for name, spread, goal in (("p50", p50, "<= 0.2"), ("p99", p99, "<= 1")):
            row = _row("added latency at one request at a time", f"ms at {name}", _in_ms(spread), goal)
            rows.append(row)
            _print(row)
    if only in "two workers":
        large = next(case for case in all_cases() if case.name.startswith("ledger of 1 MB"))
        ratio = two_workers(large, repeats=repeats, seconds=seconds)
        rows.append(_row("two workers, ledger of 1 MB", "by the clock, x one", ratio, ">= 1.7"))
        _print(rows[-1])
    if only in "memory of an answer":
        large = all_cases()[-1]
        times = Spread.of([memory_of_answer(large) for _ in range(repeats)])
        rows.append(_row("memory of an answer of 10 MB", "x its size", times, "<= 5"))
        _print(rows[-1])
    if only in "websocket":
        for row in _websocket_rows(repeats, seconds):
            rows.append(row)
            _print(row)
    machine = {"machine": platform.machine(), "python": platform.python_version(), "seconds": seconds}
    out.write_bytes(orjson.dumps({**machine, "repeats": repeats, "rows": rows}, option=orjson.OPT_INDENT_2))


def _http_rows(case: Case, repeats: int, seconds: float) -> list[Row]:
    runs = measure(case, repeats=repeats, seconds=seconds)
    rows = [
        _row(case.name, f"requests/s of {name}", Spread.of([run.per_second for run in measured]))
        for name, measured in runs.items()
    ]
    goals = {PLAIN: ">= 2.4", JAVASCRIPT: ">= 1.1"} if case.name == "account_info rewritten" else {}
    if case.passes:
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
        asked = [run(websocket_cases.requests(folder, sessions=32, seconds=seconds)) for _ in range(repeats)]
        yield _row("websocket request and answer", "requests/s", Spread.of([rate for rate, _ in asked]))
        yield _row("websocket request and answer", "CPU us for each", Spread.of([cpu * 1e6 for _, cpu in asked]))
        for subscribers, messages, at_once in ((1, 5000, 1), (100, 1000, 1), (1000, 100, 1), (1000, 100, 100)):
            yield from _stream_rows(folder, repeats, subscribers, messages, at_once)
        for sessions in (100, 1000):
            idle, subscribed = run(websocket_cases.memory(folder, sessions=sessions))
            goal = "<= 40" if sessions == 1000 else ""
            yield _row(f"websocket memory, {sessions} sessions", "kB for each, idle", Spread.of([idle / 1000]), goal)
            yield _row(f"websocket memory, {sessions} sessions", "kB more, subscribed", Spread.of([subscribed / 1000]))


def _stream_rows(folder: Path, repeats: int, subscribers: int, messages: int, at_once: int) -> Iterator[Row]:
    costs: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(repeats):
        for plain, measured in costs.items():
            cost = websocket_cases.stream(
                folder, subscribers=subscribers, messages=messages, at_once=at_once, plain=plain
            )
            measured.append(run(cost) * 1e6)
    case = f"websocket stream to {subscribers}{f', {at_once} at once' if at_once > 1 else ''}"
    yield _row(case, "CPU us for each message to each", Spread.of(costs[False]))
    ratios = [theirs / ours for ours, theirs in zip(costs[False], costs[True], strict=True)]
    yield _row(case, "by CPU, x one rewriting per subscriber", Spread.of(ratios), ">= 5" if subscribers == 1000 else "")


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
