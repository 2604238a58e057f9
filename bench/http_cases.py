"""Requests over HTTP, of each case to each server, in turns."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
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


def measure(case: Case, *, repeats: int, seconds: float) -> dict[str, list[Measured]]:
    """Runs by server, the same number of each; in turns, so that what else the machine does hits all alike."""
    with _servers(case) as servers:
        folder, started = servers
        runs: dict[str, list[Measured]] = {name: [] for name in started}
        connections = 32 if len(case.answer) < 1_000_000 else 4
        for turn in range(repeats + 1):
            for name, server in started.items():
                measured = run_wrk(server, case.request, folder, connections=connections, seconds=seconds)
                if turn:  # the first is to warm up: Node.js compiles what it runs often
                    runs[name].append(measured)
        return runs


def added_latency(case: Case, *, repeats: int, seconds: float) -> tuple[Spread, Spread]:
    """Seconds that the proxy adds at one request at a time, at p50 and at p99, over asking the node directly."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        node = stack.enter_context(nginx_node(folder, case.answer))
        ours = stack.enter_context(our_proxy(folder, _node(node, case)))
        direct = Started(f"http://127.0.0.1:{node}/", ours.pid)
        p50, p99 = [], []
        for _ in range(repeats):
            alone = run_wrk(direct, case.request, folder, connections=1, seconds=seconds)
            through = run_wrk(ours, case.request, folder, connections=1, seconds=seconds)
            p50.append(through.p50 - alone.p50)
            p99.append(through.p99 - alone.p99)
        return Spread.of(p50), Spread.of(p99)


def two_workers(case: Case, *, repeats: int, seconds: float) -> Spread:
    """How many times more requests a second two workers on two cores serve than one process on one.

    The load and the node are on one of these cores too, which takes the less from the second worker the larger the
    answers are.
    """
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        node = _node(stack.enter_context(nginx_node(folder, case.answer)), case)
        one = stack.enter_context(our_proxy(folder, node))
        (folder / "two").mkdir()
        cores = f"{LOAD_CORE},{SUBJECT_CORE}"
        two = stack.enter_context(our_proxy(folder / "two", node, {"workers": 2}, cores))
        ratios = []
        for _ in range(repeats):
            alone, both = (
                run_wrk(server, case.request, folder, connections=16, seconds=seconds).per_second
                for server in (one, two)
            )
            ratios.append(both / alone)
        return Spread.of(ratios)


def memory_of_answer(case: Case) -> float:
    """Bytes that the proxy grows by while it gives one answer, for each byte of the answer."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        ours = stack.enter_context(our_proxy(folder, _node(stack.enter_context(nginx_node(folder, case.answer)), case)))
        time.sleep(1)
        before = ours.memory()
        ours.forget_most_memory()
        run_wrk(ours, case.request, folder, connections=1, seconds=2)
        return (ours.most_memory() - before) / len(case.answer)


def cost_ratio(runs: dict[str, list[Measured]], of: str, over: str) -> Spread:
    """How many times more requests a CPU second of `of` serves than one of `over`, turn by turn."""
    return Spread.of([theirs.cpu_each / ours.cpu_each for ours, theirs in zip(runs[of], runs[over], strict=True)])


def rate_ratio(runs: dict[str, list[Measured]], of: str, over: str) -> Spread:
    """The same of requests a second by the clock."""
    return Spread.of([ours.per_second / theirs.per_second for ours, theirs in zip(runs[of], runs[over], strict=True)])


class _servers:  # noqa: N801 - a context
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
            yield PLAIN, enter(plain_python(node))
            if shutil.which("node"):
                yield JAVASCRIPT, enter(plain_javascript(node))
            if has_lua():
                yield LUA, enter(nginx(folder, node, lua=True))
        yield PASSING, enter(nginx(folder, node, lua=False))


def _node(port: int, case: Case) -> dict[str, object]:
    return {"http": f"http://127.0.0.1:{port}/", "api_version": case.node_version}
