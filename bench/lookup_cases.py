"""A client's page of `account_tx` in version 2, on a node of version 1: each entry lacks what only its ledger has."""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson
from aiohttp import web

from bench.answers import HEALTHY, Json, recorded_page
from bench.python import Python
from bench.servers import our_proxy

_NODE_TAKES = 0.02


@dataclass(frozen=True, slots=True)
class LookUps:
    """Of a page that was requested twice: its distinct ledgers, how many were looked up each time, and seconds of each
    time in those that the node takes for one request.
    """

    ledgers: int
    first: int
    again: int
    first_took: float
    again_took: float


@dataclass(slots=True)
class _Node:
    """Takes a while for each request, and counts those for a ledger."""

    page: Json
    looked_up: int = 0
    port: int = 0
    _header: str = field(default="0" * 236)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        asked = orjson.loads(await request.read())
        params = asked["params"][0]
        if asked["method"] == "ledger":
            self.looked_up += 1
            await asyncio.sleep(_NODE_TAKES)
            index = params["ledger_index"]
            result: Json = {
                "ledger": {"closed": True, "ledger_data": self._header},
                "ledger_hash": f"{index:064X}",
                "ledger_index": index,
                "status": "success",
                "validated": True,
            }
            return web.Response(body=orjson.dumps({"result": result}), content_type="application/json")
        if asked["method"] == "account_tx":
            await asyncio.sleep(_NODE_TAKES)
            return web.Response(body=orjson.dumps(self.page), content_type="application/json")
        return web.Response(body=orjson.dumps({"result": HEALTHY}), content_type="application/json")


async def look_ups(folder: Path, python: Python, entries: int) -> LookUps:
    """Requests a page of so many entries twice. Raises RuntimeError where the response is not in version 2."""
    page, ledgers = recorded_page(entries)
    node = _Node(page)
    runner = web.ServerRunner(web.Server(node.answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    starting = our_proxy(folder, {"http": url, "api_version": 1}, python=python.path)
    proxy = await asyncio.to_thread(starting.__enter__)
    try:
        async with aiohttp.ClientSession() as http:
            request = {"method": "account_tx", "params": [{"account": page["result"]["account"], "api_version": 2}]}
            counted, took = [], []
            for _ in range(2):
                before, began = node.looked_up, time.monotonic()
                async with http.post(proxy.url, json=request) as response:
                    reported = await response.json(content_type=None)
                took.append((time.monotonic() - began) / _NODE_TAKES)
                counted.append(node.looked_up - before)
                result = reported["result"]
                if "error" in result or not all(entry.get("ledger_hash") for entry in result["transactions"]):
                    raise RuntimeError(f"not a whole page of version 2: {str(result)[:300]}")
            return LookUps(ledgers, *counted, *took)
    finally:
        await asyncio.to_thread(starting.__exit__, None, None, None)
        await runner.cleanup()
