"""The soak test from outside: proxies with workers in processes of their own, and what memory they take over time."""

import asyncio
import random
from contextlib import AsyncExitStack

from proxy.config import Settings
from tests.soak.clients import Found
from tests.soak.nodes import SoakNode
from tests.soak.soak import UNFORESEEN, check_submitted, load, sections, started_nodes
from tests.soak.trend import MemoryTrend
from tests.support.processes import ProxyProcesses

_SETTLING = 2.0
_MOST_MORE = 10_000
"""Kilobytes that a worker may have grown by after the first third: allocators never give back quite all."""
_MOST_GROWTH = 5_000
"""Kilobytes that a worker may grow by under load after that."""


async def soak_workers(seconds: float, sessions: int, workers: int, seed: int | None = None) -> Found:
    """Keeps `sessions` sessions going for so many seconds, a third of it to warm up. Returns what was found."""
    found = Found()
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    chance = random.Random(seed)
    found.counts["seed"] = seed
    async with AsyncExitStack() as stack:
        nodes = await started_nodes(chance)
        for node in nodes:
            stack.push_async_callback(node.stop)
        proxies = [ProxyProcesses(_sections(nodes, reconnect), workers) for reconnect in (False, True)]
        for proxy in proxies:
            await proxy.start()
            stack.push_async_callback(_stop, proxy, found)
        await _use(seconds, sessions, chance, found, proxies)
    check_submitted(nodes[0].submissions, found)
    for event in (*UNFORESEEN, "worker_exited"):
        if found.counts[f"log {event}"]:
            found.fault(f"logged {event}", found.counts[f"log {event}"])
    return found


async def _use(
    seconds: float, sessions: int, chance: random.Random, found: Found, proxies: list[ProxyProcesses]
) -> None:
    workers = sum(proxy.workers for proxy in proxies)
    urls = [(proxy.http_url, proxy.observe_url) for proxy in proxies]
    found.memory = MemoryTrend(_MOST_GROWTH * workers)
    _count_memory(found, "at the start", proxies)
    await load(seconds / 3, sessions, chance, found, urls)
    await asyncio.sleep(_SETTLING)  # what was closed has the time to go
    kilobytes, files = _count_memory(found, "after a third", proxies), _files(proxies)
    async with found.memory.watching(seconds * 2 / 3, lambda: _kilobytes(proxies)):
        await load(seconds * 2 / 3, sessions, chance, found, urls)
    found.judge_memory()
    await asyncio.sleep(_SETTLING)
    more = _count_memory(found, "at the end", proxies) - kilobytes
    if more > _MOST_MORE * workers:
        found.fault("memory left (kB)", more)
    if (more_files := _files(proxies) - files) > 0:
        found.fault("sockets left", more_files)


async def _stop(proxy: ProxyProcesses, found: Found) -> None:
    try:
        if status := await proxy.stop():
            found.fault("ended with status", status)
    except TimeoutError:  # what was found in all the time before is still reported
        found.fault("did not end in time", proxy.http_url)
    found.counts.update({f"log {event}": count for event, count in proxy.logged.items()})


def _sections(nodes: list[SoakNode], reconnect: bool) -> dict[str, object]:
    reported = sections(nodes, reconnect)
    Settings.model_validate(reported)
    return reported


def _count_memory(found: Found, when: str, proxies: list[ProxyProcesses]) -> int:
    found.counts[f"kB of all proxies {when}"] = kilobytes = _kilobytes(proxies)
    return kilobytes


def _kilobytes(proxies: list[ProxyProcesses]) -> int:
    return sum(proxy.kilobytes() for proxy in proxies)


def _files(proxies: list[ProxyProcesses]) -> int:
    return sum(proxy.files() for proxy in proxies)
