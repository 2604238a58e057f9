"""Requests over HTTP, of each case to each server, in turns."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.answers import Case
from bench.load import Measured, Spread, run_wrk
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


def measure(case: Case, *, repeats: int, seconds: float) -> Runs:
    """Runs by server, the same number of each; in turns, so that what else the machine does hits all alike."""
    with _Servers(case) as servers:
        folder, started = servers
        runs: Runs = {name: [] for name in started}
        connections = 32 if len(case.answer) < 1_000_000 else 4
        for turn in range(repeats + 1):
            for name, server in started.items():
                measured = run_wrk(server, case.request, folder, connections=connections, seconds=seconds)
                if turn:  # the first is to warm up: Node.js compiles what it runs often
                    runs[name].append(measured)
        return runs


@dataclass(frozen=True, slots=True)
class Added:
    """Seconds more than the node takes when it is asked directly, of each turn; `quiet_p99`: of the quietest turns.

    Other work on the machine takes a core for some ms at a time, which makes the p99 of that turn. What a server does
    to one request in a hundred by itself is in every turn of some thousand requests, so also in the quietest.
    """

    p50: Spread
    p99: Spread
    quiet_p99: float


def added_latency(case: Case, *, repeats: int, seconds: float) -> dict[str, Added]:
    """What each server adds at one request at a time; in at least seven turns."""
    with _Servers(case) as servers:
        folder, started = servers
        runs: Runs = {name: [] for name in started}
        for turn in range(max(repeats, _LATENCY_TURNS) + 1):
            for name, server in started.items():
                measured = run_wrk(server, case.request, folder, connections=1, seconds=seconds)
                if turn:
                    runs[name].append(measured)
        direct = runs.pop(DIRECT)
        return {name: _added(measured, direct) for name, measured in runs.items()}


def _added(through: list[Measured], direct: list[Measured]) -> Added:
    turns = list(zip(through, direct, strict=True))
    return Added(
        Spread.of([one.p50 - other.p50 for one, other in turns]),
        Spread.of([one.p99 - other.p99 for one, other in turns]),
        min(one.p99 for one in through) - min(one.p99 for one in direct),
    )


def two_workers(case: Case, *, repeats: int, seconds: float) -> Spread:
    """How many times more requests a second two workers on two cores serve than one process on one.

    The load and the node take their part of the same cores, one or two: so that it is the same part of each.
    """
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        one, two = (
            stack.enter_context(_with_workers(Path(name), case, workers, cores))
            for workers, cores in ((1, str(SUBJECT_CORE)), (2, f"{LOAD_CORE},{SUBJECT_CORE}"))
        )
        ratios = []
        for turn in range(repeats + 1):
            alone, both = (measure_rate(seconds) for measure_rate in (one, two))
            if turn:
                ratios.append(both / alone)
        return Spread.of(ratios)


@contextmanager
def _with_workers(folder: Path, case: Case, workers: int, cores: str) -> Iterator[Callable[[float], float]]:
    """The proxy with so many workers and a node of its own, all on these cores; yields what measures requests/s."""
    own = folder / f"workers-{workers}"
    own.mkdir()
    with (
        nginx_node(own, case.answer, cores) as node,
        our_proxy(own, _node(node, case), {"workers": workers}, cores) as ours,
    ):

        def rate(seconds: float) -> float:
            return run_wrk(ours, case.request, own, connections=16, seconds=seconds, cores=cores).per_second

        yield rate


def memory_of_answer(case: Case) -> float:
    """Bytes that the proxy grows by while it gives one answer, for each byte of the answer."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        node = stack.enter_context(nginx_node(folder, case.answer))
        ours = stack.enter_context(our_proxy(folder, _node(node, case)))
        time.sleep(1)
        before = ours.memory()
        ours.forget_most_memory()
        run_wrk(ours, case.request, folder, connections=1, seconds=2)
        return (ours.most_memory() - before) / len(case.answer)


def growth(of: list[Measured], over: list[Measured]) -> Spread:
    """How many times the CPU seconds each request of one case takes of those of another, of the same server."""
    return Spread.of([larger.cpu_each / smaller.cpu_each for larger, smaller in zip(of, over, strict=True)])


def cost_ratio(runs: Runs, of: str, over: str) -> Spread:
    """How many times more requests a CPU second of `of` serves than one of `over`, turn by turn."""
    return Spread.of([theirs.cpu_each / ours.cpu_each for ours, theirs in zip(runs[of], runs[over], strict=True)])


def rate_ratio(runs: Runs, of: str, over: str) -> Spread:
    """The same of requests a second by the clock."""
    return Spread.of([ours.per_second / theirs.per_second for ours, theirs in zip(runs[of], runs[over], strict=True)])


class _Servers:
    """Those that are compared, while they run, and a folder."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._stack = ExitStack()

    def __enter__(self) -> tuple[Path, dict[str, Started]]:
        try:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            return folder, dict(self._start(folder))
        except BaseException:
            self._stack.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, folder: Path) -> Iterator[tuple[str, Started]]:
        enter, case = self._stack.enter_context, self._case
        node = enter(nginx_node(folder, case.answer))
        yield OURS, enter(our_proxy(folder, _node(node, case)))
        if case.rivals_rewrite:
            yield PLAIN, enter(plain_python(node.port))
            if shutil.which("node"):
                yield JAVASCRIPT, enter(plain_javascript(node.port))
            if has_lua():
                yield LUA, enter(nginx(folder, node.port, lua=True))
        yield PASSING, enter(nginx(folder, node.port, lua=False))
        yield DIRECT, node


def _node(node: Started, case: Case) -> dict[str, object]:
    return {"http": node.url, "api_version": case.node_version}
