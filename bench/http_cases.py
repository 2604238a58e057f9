"""Requests over HTTP, of each case to each server, in turns."""

import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.answers import Case
from bench.figures import Spread
from bench.load import Measured, run_curl, run_wrk
from bench.python import Python
from bench.repeating import Effort, repeat
from bench.servers import (
    LOAD_CORE,
    SUBJECT_CORE,
    Started,
    has_lua,
    nginx,
    nginx_node,
    our_proxy,
    plain_javascript,
    plain_python,
)

OURS, PLAIN, JAVASCRIPT, LUA, PASSING = "this proxy", "plain aiohttp", "Node.js", "nginx with Lua", "nginx passing"
DIRECT = "direct"

Runs = dict[str, list[Measured]]

_LATENCY_TURNS = 7
_LARGE = 500_000
_BYTES_PER_SECOND = 3_000_000
"""So that some responses of 10 MB arrive in one run."""


def measure(case: Case, python: Python, effort: Effort, *, rivals: bool) -> Runs:
    """Runs by server, the same number of each. `rivals`: also those that do not depend on the Python."""
    connections = 32 if len(case.answer) < _LARGE else 4
    seconds = max(effort.seconds, math.ceil(len(case.answer) / _BYTES_PER_SECOND))
    with _servers(case, python, rivals) as (folder, _, servers):

        def turn() -> dict[str, Measured]:
            return {
                name: run_wrk(server, case.request, folder, connections=connections, seconds=seconds)
                for name, server in servers.items()
            }

        turn()  # to warm up: Node.js compiles what it runs often
        return _by_server(repeat(turn, _costs, effort))


def measure_directions(one: Case, other: Case, python: Python, effort: Effort) -> Spread:
    """How many times more requests a CPU second of the proxy serves of one case than of another, in turns."""
    with ExitStack() as stack:
        pairs = [(case, stack.enter_context(_servers(case, python, rivals=False))) for case in (one, other)]

        def turn() -> float:
            first, second = (
                run_wrk(servers[OURS], case.request, folder, connections=4, seconds=effort.seconds).cpu_each
                for case, (folder, _, servers) in pairs
            )
            return second / first

        turn()
        return Spread.of(repeat(turn, lambda ratio: [ratio], effort))


def _costs(turn: dict[str, Measured]) -> list[float]:
    """By which a turn is compared: what a request costs each of the others, in those that it costs the proxy."""
    return [measured.cpu_each / turn[OURS].cpu_each for name, measured in turn.items() if name != OURS]


def _by_server(turns: list[dict[str, Measured]]) -> Runs:
    return {name: [turn[name] for turn in turns] for name in turns[0]}


@dataclass(frozen=True, slots=True)
class Added:
    """Seconds more than the node takes when it is asked directly, of each turn; `quiet_p99`: of the quietest turns.

    Other work on the machine takes a core for some ms at a time, which makes the p99 of that turn. What a server does
    to one request in a hundred by itself is in every turn of some thousand requests, so also in the quietest.
    """

    p50: Spread
    p99: Spread
    quiet_p99: float


def added_latency(case: Case, python: Python, effort: Effort, *, rivals: bool) -> dict[str, Added]:
    """What each server adds at one request at a time; in at least seven turns."""
    with _servers(case, python, rivals) as (folder, node, servers):
        everyone = {**servers, DIRECT: node}

        def turn() -> dict[str, Measured]:
            return {
                name: run_wrk(server, case.request, folder, connections=1, seconds=effort.seconds)
                for name, server in everyone.items()
            }

        turn()
        least = max(effort.least, _LATENCY_TURNS)
        turns = repeat(turn, lambda _: [], replace(effort, least=least, most=max(least, effort.most)))
        runs = _by_server(turns)
        direct = runs.pop(DIRECT)
        return {name: _added(measured, direct) for name, measured in runs.items()}


def _added(through: list[Measured], direct: list[Measured]) -> Added:
    turns = list(zip(through, direct, strict=True))
    return Added(
        Spread.of([one.p50 - other.p50 for one, other in turns]),
        Spread.of([one.p99 - other.p99 for one, other in turns]),
        min(one.p99 for one in through) - min(one.p99 for one in direct),
    )


def two_workers(case: Case, python: Python, effort: Effort) -> Spread:
    """How many times more requests a second two workers on two cores serve than one process on one.

    The load and the node take their part of the same cores, one or two: so that it is the same part of each.
    """
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        one, two = (
            stack.enter_context(_with_workers(Path(name), case, python, workers, cores))
            for workers, cores in ((1, str(SUBJECT_CORE)), (2, f"{LOAD_CORE},{SUBJECT_CORE}"))
        )

        def turn() -> float:
            alone, both = (measure_rate(effort.seconds) for measure_rate in (one, two))
            return both / alone

        turn()
        return Spread.of(repeat(turn, lambda ratio: [ratio], effort))


@contextmanager
def _with_workers(
    folder: Path, case: Case, python: Python, workers: int, cores: str
) -> Iterator[Callable[[float], float]]:
    """The proxy with so many workers and a node of its own, all on these cores; yields what measures requests/s."""
    own = folder / f"workers-{workers}"
    own.mkdir()
    with (
        nginx_node(own, case.answer, cores) as node,
        our_proxy(own, _node(node, case), {"workers": workers}, cores, python.path) as ours,
    ):

        def rate(seconds: float) -> float:
            return run_wrk(ours, case.request, own, connections=16, seconds=seconds, cores=cores).per_second

        yield rate


def memory_of_response(case: Case, python: Python, effort: Effort) -> Spread:
    """Bytes that the proxy and its processes grow by while it serves one response, for each byte of it."""

    def turn() -> float:
        with _servers(case, python, rivals=False) as (folder, _, servers):
            ours = servers[OURS]
            run_curl(ours, case.request, folder)  # very large ones start another process
            time.sleep(1)
            before = ours.memory()
            with ours.most_memory() as most:
                for _ in range(5):
                    run_curl(ours, case.request, folder)
            return (most() - before) / len(case.answer)

    return Spread.of(repeat(turn, lambda ratio: [ratio], effort))


def growth(of: list[Measured], over: list[Measured]) -> Spread:
    """How many times the CPU seconds each request of one case takes of those of another, of the same server. They were
    measured one after the other, and maybe not equally often.
    """
    smaller = statistics.median(one.cpu_each for one in over)
    return Spread.of([larger.cpu_each / smaller for larger in of])


def cost_ratio(runs: Runs, of: str, over: str) -> Spread:
    """How many times more requests a CPU second of `of` serves than one of `over`, turn by turn."""
    return Spread.of([theirs.cpu_each / ours.cpu_each for ours, theirs in zip(runs[of], runs[over], strict=True)])


@contextmanager
def _servers(case: Case, python: Python, rivals: bool) -> Iterator[tuple[Path, Started, dict[str, Started]]]:
    """A folder, the node, and those that are compared, by name, while they run."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        node = stack.enter_context(nginx_node(folder, case.answer))
        servers = {OURS: stack.enter_context(our_proxy(folder, _node(node, case), python=python.path))}
        if case.rivals_rewrite and not case.passes:
            servers[PLAIN] = stack.enter_context(plain_python(node.port, python.path))
        if case.rivals_rewrite and not case.passes and rivals:
            if shutil.which("node"):
                servers[JAVASCRIPT] = stack.enter_context(plain_javascript(node.port))
            if has_lua():
                servers[LUA] = stack.enter_context(nginx(folder, node.port, lua=True))
        if rivals:
            servers[PASSING] = stack.enter_context(nginx(folder, node.port, lua=False))
        yield folder, node, servers


def _node(node: Started, case: Case) -> dict[str, object]:
    return {"http": node.url, "api_version": case.node_version}
