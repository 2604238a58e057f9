"""The table: what is measured, in groups that do not depend on each other, and the rows of each."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench import websocket_cases
from bench.answers import Case, all_cases
from bench.figures import Figure, Spread
from bench.goals import GOALS
from bench.http_cases import (
    OURS,
    Runs,
    added_latency,
    cost_ratio,
    growth,
    measure,
    measure_directions,
    memory_of_response,
    two_workers,
)
from bench.large_cases import large, longest_stall
from bench.lookup_cases import look_ups
from bench.python import Python
from bench.repeating import Effort, repeat
from bench.start_case import start_to_ready
from bench.websocket_cases import Turn, in_turns, run

Rows = Iterator[Figure]

_OVER_WEBSOCKET = ("account_info rewritten", "account_tx of 20", "account_tx of 200")
_VERY_LARGE = 60_000_000
_MOST_SUBSCRIBERS = 1000


class Group(NamedTuple):
    """Rows that are measured together. `rows` measures while it is read; True: for the first Python, also what has no
    goal and does not depend on it.
    """

    name: str
    rows: Callable[[Python, Effort, bool], Rows]

    @property
    def has_goal(self) -> bool:
        """Whether one of its rows has."""
        return any(case == self.name or case.startswith(f"{self.name}, ") for case, _ in GOALS)


def groups() -> list[Group]:
    """All, in the order of the table."""
    cases = {case.name: case for case in all_cases()}
    smaller: dict[tuple[str, str], tuple[str, Runs]] = {}
    return [
        *(Group(name, partial(_case_rows, case, smaller)) for name, case in cases.items()),
        Group(
            "both directions",
            partial(_directions_rows, cases["ledger of 1 MB, v2 on v1"], cases["ledger of 1 MB, v1 on v2"]),
        ),
        Group("added latency", partial(_latency_rows, cases["account_info rewritten"])),
        Group("two workers", partial(_workers_rows, cases["ledger of 1 MB, v2 on v1"])),
        *(
            Group(
                f"memory of a response of {size}",
                partial(_memory_rows, f"memory of a response of {size}", cases[f"ledger of {size}, v1 on v2"]),
            )
            for size in ("1 MB", "10 MB")
        ),
        *(
            Group(name, partial(_stall_rows, name, blanks))
            for name, blanks in (("ledger of 60 MB", False), ("ledger of 60 MB with blanks", True))
        ),
        Group("account_tx of 60, v2 on v1", _look_up_rows),
        Group("start", _start_rows),
        *(Group(f"websocket {name}", partial(_asked_rows, cases[name])) for name in _OVER_WEBSOCKET),
        *(
            Group(_stream_name(subscribers, together), partial(_stream_rows, subscribers, messages, together))
            for subscribers, messages, together in (
                (1, 500, 1),
                (100, 80, 1),
                (_MOST_SUBSCRIBERS, 40, 1),
                (_MOST_SUBSCRIBERS, 100, 100),
            )
        ),
        *(
            Group(name, partial(_session_memory_rows, name, compress))
            for name, compress in (
                ("websocket memory, 1000 sessions", 0),
                ("websocket memory, 1000 sessions, compressed", 15),
            )
        ),
        Group("websocket memory, 1000 accounts of a session", _subscription_memory_rows),
    ]


def _figure(python: Python, case: str, what: str, spread: Spread) -> Figure:
    return Figure(case, what, python.version, spread, GOALS.get((case, what), ""))


def _case_rows(
    case: Case,
    smaller: dict[tuple[str, str], tuple[str, Runs]],
    python: Python,
    effort: Effort,
    _first: bool,
) -> Rows:
    """The rows of one HTTP case; `smaller` holds the runs of the next smaller case of each family."""
    runs = measure(case, python, effort, rivals=True)
    figure = partial(_figure, python, case.name)
    for name, measured in runs.items():
        yield figure(f"requests/s of {name}", Spread.of([run.per_second for run in measured]))
    yield figure("CPU us for each", Spread.of([run.cpu_each * 1e6 for run in runs[OURS]]))
    for name in runs:
        if name != OURS:
            yield figure(f"by CPU, x {name}", cost_ratio(runs, OURS, name))
    family = case.family, python.path
    if case.family and family in smaller:
        before, of_smaller = smaller[family]
        yield figure(f"CPU of each, x {before.partition(',')[0]}", growth(runs[OURS], of_smaller[OURS]))
    smaller[family] = case.name, runs


def _directions_rows(one: Case, other: Case, python: Python, effort: Effort, _first: bool) -> Rows:
    ratio = measure_directions(one, other, python, effort)
    yield _figure(python, "both directions, ledger of 1 MB", "v2 on v1 by CPU, x v1 on v2", ratio)


def _latency_rows(case: Case, python: Python, effort: Effort, first: bool) -> Rows:
    for name, more in added_latency(case, python, effort, rivals=first).items():
        quiet = Spread.of([more.quiet_p99])
        for what, spread in (("p50", more.p50), ("p99", more.p99), ("p99, quietest", quiet)):
            yield _figure(python, f"added latency, {name}", f"ms at {what}", spread.times(1000))


def _workers_rows(case: Case, python: Python, effort: Effort, _first: bool) -> Rows:
    ratio = two_workers(case, python, effort)
    yield _figure(python, f"two workers, {case.name}", "by the clock, x one on one core", ratio)


def _memory_rows(name: str, case: Case, python: Python, effort: Effort, _first: bool) -> Rows:
    yield _figure(python, name, "x its size", memory_of_response(case, python, effort))


def _stall_rows(name: str, blanks: bool, python: Python, effort: Effort, _first: bool) -> Rows:
    case = large(_VERY_LARGE, blanks=blanks)
    stalls = repeat(lambda: longest_stall(case, python), lambda stall: [stall.longest], effort)
    figure = partial(_figure, python)
    yield figure(
        f"{name}, other clients", "ms of the longest stall", Spread.of([each.longest * 1e3 for each in stalls])
    )
    yield figure(
        f"{name}, other clients", "the same without it", Spread.of([each.longest_without * 1e3 for each in stalls])
    )
    yield figure(name, "s for it", Spread.of([each.took for each in stalls]))
    yield figure(name, "memory, x its size", Spread.of([each.memory for each in stalls]))


def _look_up_rows(python: Python, effort: Effort, _first: bool) -> Rows:
    with tempfile.TemporaryDirectory() as name:
        pages = repeat(
            lambda: run(look_ups(Path(name), python, 60)), lambda page: [page.first_took, page.again_took], effort
        )
    figure = partial(_figure, python, "account_tx of 60, v2 on v1")
    yield figure("look-ups for each distinct ledger", Spread.of([each.first / each.ledgers for each in pages]))
    yield figure("look-ups when requested again", Spread.of([each.again for each in pages]))
    yield figure("x the time of one node request", Spread.of([each.first_took for each in pages]))
    yield figure("the same when requested again", Spread.of([each.again_took for each in pages]))


def _start_rows(python: Python, effort: Effort, _first: bool) -> Rows:
    start_to_ready(python)  # which compiles what it imports
    taken = repeat(lambda: start_to_ready(python), lambda seconds: [seconds], effort)
    yield _figure(python, "start", "s from start to ready", Spread.of(taken))


def _asked_rows(case: Case, python: Python, effort: Effort, _first: bool) -> Rows:
    parts = effort.in_parts()

    def requests(folder: Path, plain: bool) -> AbstractAsyncContextManager[Turn[tuple[float, float]]]:
        return websocket_cases.requests(folder, python, case, sessions=32, seconds=parts.seconds, plain=plain)

    with in_turns(requests) as turn:
        turns = repeat(turn, lambda pair: [pair[0][1], pair[1][1] / pair[0][1]], parts)
    figure = partial(_figure, python, f"websocket {case.name}")
    yield figure("requests/s", Spread.of([rate for (rate, _), _ in turns]))
    yield figure("CPU us for each", Spread.of([cpu * 1e6 for (_, cpu), _ in turns]))
    yield figure("by CPU, x plain aiohttp", Spread.of([plain / own for (_, own), (_, plain) in turns]))


def _stream_name(subscribers: int, together: int) -> str:
    return f"websocket stream to {subscribers}{f', {together} together' if together > 1 else ''}"


def _stream_rows(subscribers: int, messages: int, together: int, python: Python, effort: Effort, _first: bool) -> Rows:
    def cost(folder: Path, plain: bool) -> AbstractAsyncContextManager[Turn[float]]:
        return websocket_cases.stream(
            folder, python, subscribers=subscribers, messages=messages, at_once=together, plain=plain
        )

    parts = effort if subscribers == _MOST_SUBSCRIBERS else effort.in_parts()  # of which the caches would be cold
    with in_turns(cost) as turn:
        turns = repeat(turn, lambda pair: [pair[0], pair[1] / pair[0]], parts)
    figure = partial(_figure, python, _stream_name(subscribers, together))
    yield figure("CPU us for each message to each", Spread.of([own * 1e6 for own, _ in turns]))
    yield figure("by CPU, x one rewriting per subscriber", Spread.of([plain / own for own, plain in turns]))


def _session_memory_rows(name: str, compress: int, python: Python, effort: Effort, _first: bool) -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        used = repeat(
            lambda: run(websocket_cases.memory(Path(folder), python, sessions=1000, compress=compress)),
            lambda used: [used.answered],
            effort,
        )
    yield _figure(python, name, "kB for each, idle", Spread.of([each.idle / 1000 for each in used]))
    yield _figure(python, name, "kB for each, answered once", Spread.of([each.answered / 1000 for each in used]))
    yield _figure(python, name, "kB for each, subscribed", Spread.of([each.subscribed / 1000 for each in used]))


def _subscription_memory_rows(python: Python, effort: Effort, _first: bool) -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        more = repeat(
            lambda: run(websocket_cases.memory_of_subscriptions(Path(folder), python, sessions=50, accounts=1000)),
            lambda more: [more],
            effort,
        )
    spread = Spread.of([each / 1000 for each in more])
    yield _figure(python, "websocket memory, 1000 accounts of a session", "kB more", spread)
