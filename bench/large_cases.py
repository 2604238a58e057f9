"""What other clients notice while one requests a very large `ledger`, and what memory it takes."""

import http.client
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.answers import Case, account_info, ledger
from bench.load import LOW_PRIORITY, run_curl
from bench.python import Python
from bench.servers import LOAD_CORE, Started, free_port, our_proxy, process

_PAUSE = 0.001
_SMALL = b'{"method":"version"}'
_SETTLING = 1.0


@dataclass(frozen=True, slots=True)
class Stall:
    """`longest`: seconds that one of the others' small requests took at most. `took`: seconds for the large one.
    `longest_without`: the same as `longest`, for as long without the large one: what this machine makes them wait.
    `memory`: bytes that the proxy and its processes grew by, for each byte of the response.
    """

    longest: float
    longest_without: float
    took: float
    memory: float


def large(size: int, *, blanks: bool) -> Case:
    """An expanded `ledger` for a client of version 1 on a node of version 2, with a blank after each `:` and `,`."""
    case = ledger(1, 2, size)
    answer = json.dumps(orjson.loads(case.answer)).encode() if blanks else case.answer
    return Case(case.name, case.request, answer, 1, 2)


def longest_stall(case: Case, python: Python) -> Stall:
    """Requests it twice: while another client sends small requests, one after the other, and while memory is watched.

    The proxy itself answers the small ones: a node that sends the large response also makes others wait. Node and curl
    have a lower priority than the client that measures.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            _node(folder, case.answer) as node,
            our_proxy(folder, {"http": node.url, "api_version": 2}, python=python.path) as proxy,
        ):
            run_curl(proxy, case.request, folder)  # the first starts what the others use
            time.sleep(_SETTLING)
            before = proxy.memory()
            with proxy.most_memory() as most:
                run_curl(proxy, case.request, folder)
            memory = (most() - before) / len(case.answer)
            time.sleep(_SETTLING)
            with _watched(proxy) as taken:
                took = run_curl(proxy, case.request, folder)
                time.sleep(0.1)
            with _watched(proxy) as without:
                time.sleep(took + 0.1)
            return Stall(max(taken), max(without), took, memory)


@contextmanager
def _watched(proxy: Started) -> Iterator[list[float]]:
    """Has a client send small requests; yields the seconds that each took. Raises what ends it."""
    taken: list[float] = []
    ended = threading.Event()
    failures: list[Exception] = []

    def watch() -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {LOAD_CORE})  # this thread
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
        try:
            while not ended.wait(_PAUSE):
                began = time.monotonic()
                connection.request("POST", "/", _SMALL, {"Content-Type": "application/json"})
                response = connection.getresponse()
                if b'"success"' not in response.read():
                    raise RuntimeError(f"a small request got status {response.status}")
                taken.append(time.monotonic() - began)
        except Exception as error:  # noqa: BLE001 - raised again where the measurement ends
            failures.append(error)
        finally:
            connection.close()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield taken
    finally:
        ended.set()
        watching.join()
    if failures:
        raise failures[0]


@contextmanager
def _node(folder: Path, answer: bytes) -> Iterator[Started]:
    """A node that has one response for each method."""
    (folder / "ledger.json").write_bytes(answer)
    (folder / "account_info.json").write_bytes(account_info(1, 2, "").answer)
    port = free_port()
    command = [*LOW_PRIORITY, sys.executable, "-m", "bench.file_node", str(folder), str(port)]
    with process(command, port, str(LOAD_CORE)) as started:
        yield started
