"""The soak test from outside: proxies with workers in processes of their own, and what memory they take over time."""

import asyncio
import random

from proxy.config import Settings
from tests.soak.clients import Found
from tests.soak.nodes import SoakNode
from tests.soak.soak import UNFORESEEN, check_submitted, load, sections, started_nodes
from tests.support.processes import ProxyProcesses

_SETTLING = 2.0
_MOST_MORE = 10_000
"""Kilobytes that a worker may have grown by after the first third: allocators never give back quite all."""


async def soak_workers(seconds: float, sessions: int, workers: int, seed: int | None = None) -> Found:
    """Keeps `sessions` sessions going for so many seconds, a third of it to warm up. Returns what was found."""
    found = Found()
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    chance = random.Random(seed)
    found.counts["seed"] = seed
    nodes = await started_nodes(chance)
    proxies = [ProxyProcesses(_sections(nodes, reconnect), workers) for reconnect in (False, True)]
    for proxy in proxies:
        await proxy.start()
    urls = [(proxy.http_url, proxy.observe_url) for proxy in proxies]
    kilobytes = [_told(found, "at the start", proxies)]
    watching = asyncio.create_task(_watch_memory(found, proxies, seconds / 20))
    files = []
    for part, name in ((1 / 3, "after a third"), (2 / 3, "at the end")):
        await load(seconds * part, sessions, chance, found, urls)
        await asyncio.sleep(_SETTLING)  # what was closed has the time to go
        kilobytes.append(_told(found, name, proxies))
        files.append(sum(proxy.files() for proxy in proxies))
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    for proxy in proxies:
        if status := await proxy.stop():
            found.fault("ended with status", status)
        found.counts.update({f"log {event}": count for event, count in proxy.logged.items()})
    for node in nodes:
        await node.stop()
    check_submitted(nodes, found)
    if kilobytes[2] - kilobytes[1] > _MOST_MORE * workers * len(proxies):
        found.fault("memory left (kB)", kilobytes[2] - kilobytes[1])
    if files[1] > files[0]:
        found.fault("sockets left", files[1] - files[0])
    for event in (*UNFORESEEN, "worker_exited"):
        if found.counts[f"log {event}"]:
            found.fault(f"logged {event}", found.counts[f"log {event}"])
    return found


def _sections(nodes: list[SoakNode], reconnect: bool) -> dict[str, object]:
    reported = sections(nodes, reconnect)
    Settings.model_validate(reported)
    return reported


def _told(found: Found, when: str, proxies: list[ProxyProcesses]) -> int:
    kilobytes = sum(proxy.kilobytes() for proxy in proxies)
    found.counts[f"kB of all proxies {when}"] = kilobytes
    return kilobytes


async def _watch_memory(found: Found, proxies: list[ProxyProcesses], every: float) -> None:
    """Under load, twenty times."""
    for number in range(1, 20):
        await asyncio.sleep(every)
        _told(found, f"under load, at {5 * number:2} % of the time", proxies)
