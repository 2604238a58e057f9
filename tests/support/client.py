"""Questions to a proxy, as a client and as an operator, and waiting for what it does by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from proxy.server.proxy import Proxy


async def ask(proxy: Proxy, method: str = "fee", version: int = 2, **params: Any) -> dict[str, Any]:
    """The `result` of one request over HTTP."""
    body = {"method": method, "params": [{**params, "api_version": version}]}
    async with aiohttp.ClientSession() as client, client.post(proxy.http_url, json=body) as answer:
        result: dict[str, Any] = (await answer.json(content_type=None))["result"]
        return result


async def ask_by_websocket(proxy: Proxy) -> dict[str, Any]:
    """The answer to `fee` in a session of its own."""
    async with aiohttp.ClientSession() as client, client.ws_connect(proxy.http_url) as socket:
        await socket.send_json({"id": 1, "command": "fee"})
        answer: dict[str, Any] = await socket.receive_json()
        return answer


async def ready(proxy: Proxy) -> dict[str, dict[str, Any]]:
    """What `/ready` tells of the nodes, by name."""
    async with aiohttp.ClientSession() as client, client.get(f"{proxy.observe_url}/ready") as answer:
        return {node["name"]: node for node in (await answer.json())["nodes"]}


async def metric(proxy: Proxy, name: str) -> dict[str, float]:
    """The values of a metric by its labels, as `{node="a"}`."""
    async with aiohttp.ClientSession() as client, client.get(f"{proxy.observe_url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return {line.split(" ")[0].removeprefix(name): float(line.split(" ")[1]) for line in lines if line.startswith(name)}


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until `condition` holds, at most 15 seconds."""
    async with asyncio.timeout(15):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.01)


async def check_stays(condition: Callable[[], bool], seconds: float) -> None:
    """Check that `condition` holds all the time for that long: what must not happen would have happened by then."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        assert condition()
        await asyncio.sleep(0.01)
    assert condition()


async def until_healthy(proxy: Proxy, node: str, healthy: bool = True) -> dict[str, Any]:
    """Wait until `/ready` tells so of the node; return what it tells."""

    async def is_so() -> bool:
        return bool((await ready(proxy))[node]["healthy"] == healthy)

    await until(is_so)
    return (await ready(proxy))[node]
