"""`/retiring`: who still needs the oldest version."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from proxy.observe.retiring import RetiringPage, retiring
from tests.support.process import Process
from tests.support.processes import free_port, request_from_any_worker, two_workers
from tests.support.start import StartNode, StartProxy
from tests.support.usage import caller, use

HEAD = {"keep": "full", "hours": 24, "evicted": 0}


async def content(url: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/retiring") as answer:
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


async def test_callers_of_the_oldest_version_and_their_methods_are_counted(
    demo_node: StartNode, proxy: StartProxy
) -> None:
    served = await proxy(await demo_node(2))
    await use(served, "xrpl.js/2", 1, "account_info", "account_info", "tx", "fee")
    await use(served, "xrpl-py/1", 1, "account_info")
    await use(served, "new/3", 2, "account_info")
    found = await content(served.observe_url)
    assert (found["version"], found["callers"], found["methods_total"]) == (1, 2, 2)
    assert found["methods"] == [
        {"method": "account_info", "callers": 2, "requests": 3},
        {"method": "tx", "callers": 1, "requests": 1},
    ]
    assert [(one["user_agent"], one["requests"], one["methods"]) for one in found["top"]] == [
        ("xrpl.js/2", 4, 2),
        ("xrpl-py/1", 1, 1),
    ]
    assert found["hourly"][-1]["requests"] == {"1": 5, "2": 1}
    assert found["trend"] is None


async def test_the_only_version_is_not_retiring(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2), versions={"min": 2, "max": 2})
    await use(served, "new/3", 2, "account_info")
    found = await content(served.observe_url)
    assert (found["version"], found["callers"], found["top"]) == (None, 0, [])


def test_only_the_callers_with_the_most_requests_are_listed() -> None:
    many = [caller(f"client {number}", "2026-11-21T09:00:00Z", v1=number % 700) for number in range(1, 1000)]
    found = retiring(1, HEAD, many, [], [])
    assert found["callers"] == 999
    assert [one["requests"] for one in found["top"]] == list(range(699, 689, -1))


async def test_two_workers_count_a_caller_once(demo_node: StartNode, tmp_path: Path) -> None:
    port = free_port()
    async with Process(tmp_path, two_workers(await demo_node(), port)) as process:
        observe = (await process.line("workers_started"))["observe"]
        await request_from_any_worker(port, 12, "old", "tx")
        found = await content(observe)
    assert (found["callers"], found["top"][0]["requests"]) == (1, 12)
    assert found["hourly"][-1]["requests"] == {"1": 12}


async def test_it_is_not_built_for_each_request() -> None:
    built = 0

    async def build(_: web.Request) -> dict[str, Any]:
        nonlocal built
        built += 1
        await asyncio.sleep(0)
        return {"built": built}

    page = RetiringPage(build)
    request: Any = None
    together = await asyncio.gather(*(page.serve(request) for _ in range(5)))
    bodies = [response.body for response in (*together, await page.serve(request))]
    assert set(bodies) == {b'{"built":1}'}
