"""Asking a proxy for answers, and for what it has counted."""

from typing import Any

import aiohttp
import orjson

from proxy.server.proxy import Proxy
from tests.support.client import until

FEE = {"method": "fee", "params": [{}]}


async def ask(url: str, request: Any = FEE, **headers: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as client, client.post(url, json=request, headers=headers) as answer:
        body = await answer.read()
        return answer.status, orjson.loads(body) if body[:1] in b"{[" else body.decode()


async def counted(served: Proxy, name: str) -> dict[str, float]:
    """The metric's values by their labels, as `reason="slow_head"`."""
    async with aiohttp.ClientSession() as client, client.get(f"{served.observe_url}/metrics") as answer:
        lines = [line for line in (await answer.text()).splitlines() if line.startswith((name + "{", name + " "))]
    return {line.partition("{")[2].partition("}")[0]: float(line.rpartition(" ")[2]) for line in lines}


async def nobody_connected(served: Proxy) -> None:
    """Waits until no client is connected any more."""

    async def nobody() -> bool:
        return not sum((await counted(served, "xrpl_proxy_connections")).values())

    await until(nobody)
