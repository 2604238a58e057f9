"""Hundreds of sessions come and go, on nodes that fail; then nothing of them may be left.

Everything runs in one process, so that a task, a socket or an object left behind by anyone is seen.
"""

import asyncio
import gc
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import structlog

from proxy.config import Settings
from proxy.server.proxy import Proxy
from proxy.websocket.node_channel import NodeChannel
from proxy.websocket.requests import PendingRequests
from proxy.websocket.session import Session
from proxy.websocket.streams.shared import SharedSubscription
from tests.soak.clients import Found, SoakClient
from tests.soak.nodes import SoakNode, Submissions
from tests.soak.trend import MemoryTrend

# Logged where something went as nobody foresaw.
UNFORESEEN = ("session_failed", "request_failed", "stream_message_invalid", "node_message_invalid")

_MOST_MORE = 30_000
"""Kilobytes that the process, which is also clients and nodes, may grow by after the first third."""


async def soak(seconds: float, sessions: int, seed: int | None = None) -> Found:
    """Keeps `sessions` sessions going for so many seconds. Returns what was found, faults among it."""
    found = Found()
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    chance = random.Random(seed)
    found.counts["seed"] = seed
    loop = asyncio.get_running_loop()
    tasks_before = asyncio.all_tasks()
    with _counted_logs() as logged:
        # Part of the time first: what is made once (caches, metrics, connections) is there after that.
        await _phase(seconds / 3, sessions, chance, found)
        files, objects, kilobytes = await _left()
        began = loop.time()
        found.memory = MemoryTrend(_MOST_MORE)
        async with found.memory.watching(seconds * 2 / 3, _resident):
            await _phase(seconds * 2 / 3, sessions, chance, found)
        found.judge_memory()
        found.counts["seconds of the second phase"] = round(loop.time() - began)
        files_after, objects_after, kilobytes_after = await _left()
    found.counts["ms that the event loop was late at most"] = round(found.lag * 1000)
    found.counts["objects more"] = objects_after - objects
    found.counts["kB more"] = kilobytes_after - kilobytes
    found.counts["files more"] = files_after - files
    if files_after > files:
        found.fault("sockets left", files_after - files)
    if objects_after - objects > 2000:
        found.fault("objects left", objects_after - objects)
    if kilobytes_after - kilobytes > _MOST_MORE:
        found.fault("memory left (kB)", kilobytes_after - kilobytes)
    if left := asyncio.all_tasks() - tasks_before:
        found.fault("tasks left", left)
    if left_over := [
        o for o in gc.get_objects() if isinstance(o, Session | PendingRequests | NodeChannel | SharedSubscription)
    ]:
        found.fault("sessions left", left_over)
    for event in UNFORESEEN:
        if logged[event]:
            found.fault(f"logged {event}", logged[event])
    found.counts.update({f"log {event}": count for event, count in logged.items()})
    return found


async def _watch_lag(found: Found) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 0.05
        await asyncio.sleep(0.05)
        found.lag = max(found.lag, loop.time() - due)


async def _phase(seconds: float, sessions: int, chance: random.Random, found: Found) -> None:
    nodes = await started_nodes(chance)
    proxies = [Proxy(Settings.model_validate(sections(nodes, reconnect))) for reconnect in (False, True)]
    for proxy in proxies:
        await proxy.start()
    await load(seconds, sessions, chance, found, [(proxy.http_url, proxy.observe_url) for proxy in proxies])
    for proxy in proxies:
        await proxy.stop()
    for node in nodes:
        await node.stop()
    check_submitted(nodes[0].submissions, found)


async def started_nodes(chance: random.Random) -> list[SoakNode]:
    """Nodes of both versions, which answer in order or not."""
    submissions = Submissions()
    nodes = [SoakNode(version, unordered, chance, submissions) for version in (1, 2) for unordered in (False, True)]
    for node in nodes:
        await node.start()
    return nodes


async def load(
    seconds: float, sessions: int, chance: random.Random, found: Found, proxies: list[tuple[str, str]]
) -> None:
    """Has clients use the proxies, then looks at their metrics. Each is given by its two addresses."""
    end = asyncio.get_running_loop().time() + seconds
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as http:

        async def keep_one_going() -> None:
            while asyncio.get_running_loop().time() < end:
                proxy = chance.choice(proxies)
                await SoakClient(http, proxy[0], proxy is proxies[1], chance, found).run()

        watching = asyncio.create_task(_watch_lag(found))
        try:
            async with asyncio.timeout(seconds + 60):
                await asyncio.gather(*(keep_one_going() for _ in range(sessions)))
        except TimeoutError:
            found.fault("clients hang")
        watching.cancel()
        for _, observe_url in proxies:
            await _check_metrics(http, observe_url, found)


def check_submitted(submissions: Submissions, found: Found) -> None:
    """Each transaction has come to one node, once."""
    for blob in submissions.repeated:
        found.fault("submitted more than once", blob)


def sections(nodes: list[SoakNode], reconnect: bool) -> dict[str, Any]:
    """The configuration of a proxy before these nodes."""
    return {
        "listen": {"host": "127.0.0.1", "port": 0},
        "observe": {"host": "127.0.0.1", "port": 0},
        "logging": {"requests": "off"},
        "limits": {"exempt": ["127.0.0.0/8"]},
        "timeouts": {"node_answer": 3.0, "shutdown": 2.0, "reconnect": 5.0, "health_interval": 0.5},
        "websocket": {
            "reconnect": reconnect,
            "ping_interval": 1.0,
            "queue_bytes": 500_000,
            "sessions_per_address": 100_000,
        },
        "nodes": [_node(f"node-{number}", node) for number, node in enumerate(nodes, 1)],
    }


def _node(name: str, node: SoakNode) -> dict[str, Any]:
    return {"name": name, "http": node.http_url, "websocket": node.websocket_url, "api_version": node.api_version}


async def _check_metrics(http: aiohttp.ClientSession, observe_url: str, found: Found) -> None:
    """With no client there any more, every gauge of a proxy is back at 0."""
    metrics: dict[str, float] = {}
    for _ in range(60):  # 6 s: a silent client is given up sooner
        async with http.get(f"{observe_url}/metrics") as response:
            lines = [line.rpartition(" ") for line in (await response.text()).splitlines() if line[0] != "#"]
        metrics = {name: float(value) for name, _, value in lines}
        if not _amount(metrics, "xrpl_proxy_sessions_open"):
            break
        await asyncio.sleep(0.1)
    for gauge in ("sessions", "subscriptions", "session_queue_bytes", "in_flight_requests"):
        if amount := _amount(metrics, f"xrpl_proxy_{gauge}"):
            found.fault(f"xrpl_proxy_{gauge} is {amount}")
    opened, closed = _amount(metrics, "xrpl_proxy_sessions_total"), _amount(metrics, "xrpl_proxy_session_closed_total")
    if opened != closed:
        found.fault(f"{opened} sessions opened, {closed} closed")
    reasons = {name: value for name, value in metrics.items() if name.startswith("xrpl_proxy_session_closed_total")}
    found.counts.update({name.partition("reason=")[2].strip('"}'): int(value) for name, value in reasons.items()})


def _amount(metrics: dict[str, float], family: str) -> float:
    return sum(value for name, value in metrics.items() if name.partition("{")[0] == family)


async def _left() -> tuple[int, int, int]:
    """Open files, objects, and kilobytes resident, when what was closed has had the time to go."""
    for _ in range(10):
        await asyncio.sleep(0.05)
        gc.collect()
    return len(os.listdir("/proc/self/fd")), len(gc.get_objects()), _resident()  # noqa: PTH208


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


@contextmanager
def _counted_logs() -> Iterator[Counter[str]]:
    """Counts log entries by event, rather than write them."""
    counted: Counter[str] = Counter()

    def count(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
        counted[event["event"]] += 1
        raise structlog.DropEvent

    processors = structlog.get_config()["processors"]
    before = list(processors)
    processors[:] = [count]
    try:
        yield counted
    finally:
        processors[:] = before
