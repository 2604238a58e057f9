"""What a fault does to others: a client that sends one request after the other, and what the fault leaves behind."""

import asyncio
import gc
import os
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import aiohttp

from proxy.server.proxy import Proxy
from tests.support.client import metric
from tests.support.processes import ProxyProcesses

SHORT = {"node_idle": 0.05}
"""Of `timeouts`: idle connections to nodes do not count as left behind."""

_SECONDS = 5.0
_KILOBYTES = 150


@asynccontextmanager
async def nobody_else_notices(url: str, slowest: float = 3.0) -> AsyncIterator[None]:
    """While it lasts, a client asks by POST and another on a WebSocket: all is answered well, and within
    `slowest` seconds.
    """
    over = asyncio.Event()
    async with aiohttp.ClientSession() as client, client.ws_connect(url) as socket:

        async def post() -> None:
            async with client.post(url, json={"method": "fee", "params": [{"api_version": 2}]}) as answer:
                assert answer.status == 200, await answer.text()
                assert (await answer.json(content_type=None))["result"]["status"] == "success"

        async def send() -> None:
            await socket.send_json({"command": "fee", "api_version": 2})
            assert (await socket.receive_json(timeout=_SECONDS))["status"] == "success"

        asking = [asyncio.create_task(_on_and_on(ask, over)) for ask in (post, send)]
        try:
            yield
        finally:
            over.set()
            outcomes = await asyncio.gather(*asking, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        assert max(outcome) < slowest, sorted(outcome)[-5:]


async def _on_and_on(ask: Callable[[], Awaitable[None]], over: asyncio.Event) -> list[float]:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    while not over.is_set() or not times:
        began = loop.time()
        await ask()
        times.append(loop.time() - began)
        await asyncio.sleep(0.01)
    return times


class Held(NamedTuple):
    """What a process holds: tasks, sockets in any state, and memory; of a proxy in others, only the sockets."""

    tasks: int
    sockets: int
    kilobytes: int


Fault = Callable[[], Awaitable[None]]


async def endure(served: Proxy, fault: Fault, *, slowest: float = 3.0) -> None:
    """Has the fault come twice: the others notice nothing, and nothing of it stays behind.

    `slowest`: seconds that another client's request takes at most meanwhile.
    """
    async with nobody_else_notices(served.http_url, slowest):
        await fault()  # what is made once is there from now on
    tracemalloc.start()
    try:
        before = await _at_rest(served)
        await fault()
        after = await _at_rest(served, before)
        largest = _traced().statistics("lineno")[:5]
    finally:
        tracemalloc.stop()
    assert after.tasks <= before.tasks
    assert after.sockets <= before.sockets
    assert after.kilobytes - before.kilobytes < _KILOBYTES, largest


async def _at_rest(served: Proxy, before: Held | None = None) -> Held:
    """The least that is held once nobody is connected any more: looks at nodes come and go. It is looked for so long
    as there is more than `before`, at most 5 seconds.
    """
    async with asyncio.timeout(_SECONDS):
        while await _clients(served):  # noqa: ASYNC110 - a process's sockets tell nobody
            await asyncio.sleep(0.02)
    tasks, sockets = len(asyncio.all_tasks()), open_sockets(served)
    for looks in range(int(_SECONDS / 0.025)):
        await asyncio.sleep(0.025)
        tasks, sockets = min(tasks, len(asyncio.all_tasks())), min(sockets, open_sockets(served))
        if looks >= 10 and (before is None or (tasks <= before.tasks and sockets <= before.sockets)):
            break
    gc.collect()
    elsewhere = isinstance(served, ProxyProcesses)  # this process then holds nothing of the proxy
    return Held(tasks, sockets, 0 if elsewhere else sum(trace.size for trace in _traced().traces) // 1000)


def _traced() -> tracemalloc.Snapshot:
    """What is held in memory, but for what tests note."""
    return tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, "*/tests/*")])


async def _clients(served: Proxy) -> float:
    connections = await metric(served, "xrpl_proxy_connections{")
    sessions = await metric(served, "xrpl_proxy_sessions_open{")
    under_way = await metric(served, "xrpl_proxy_in_flight_requests")
    return sum((*connections.values(), *sessions.values(), *under_way.values()))


def open_sockets(served: object) -> int:
    """Sockets of the proxy's processes, in any state."""
    if isinstance(served, ProxyProcesses):
        return served.files()
    links = []
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - paths are interned, and that table grows
        with suppress(OSError):  # that of the listing itself
            links.append(os.readlink(f"/proc/self/fd/{number}"))  # noqa: PTH115
    return sum(link.startswith("socket:") for link in links)
