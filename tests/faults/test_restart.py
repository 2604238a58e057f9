"""A rolling restart under load: two proxies behind a balancer, and two nodes, one after the other."""

import asyncio
import itertools
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.support.bystander import SHORT
from tests.support.client import until
from tests.support.process import Process
from tests.support.scripted_node import Answer, ScriptedNode

DRAIN = 0.5
ATTEMPTS = 5
SLOWNESS = 0.005
"""Seconds that a node takes for a transaction."""

Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


class Balancer:
    """A TCP balancer as operators have: it polls each proxy, and gives new connections to those that are ready."""

    def __init__(self) -> None:
        self.urls: dict[str, str] = {}
        """The proxies by name, where they are now."""
        self._ready: set[str] = set()
        self._turn = itertools.count()
        self._busy: set[asyncio.Task[None]] = set()
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        polling = asyncio.create_task(self._poll())
        try:
            yield
        finally:
            polling.cancel()
            server.close()
            for task in tuple(self._busy):
                task.cancel()
            await asyncio.gather(polling, *self._busy, return_exceptions=True)

    async def until_ready(self, *names: str) -> None:
        async with asyncio.timeout(20):
            while not self._ready >= set(names):  # noqa: ASYNC110 - a poll's outcome
                await asyncio.sleep(0.02)

    async def _poll(self) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as client:
            while True:
                for name, url in tuple(self.urls.items()):
                    try:
                        async with client.get(url) as answer:
                            ready = answer.status == 200
                    except aiohttp.ClientError:
                        ready = False
                    (self._ready.add if ready else self._ready.discard)(name)
                await asyncio.sleep(0.05)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            ready = sorted(self._ready)
            place = self.urls[ready[next(self._turn) % len(ready)]].split("/")[2].split(":")
            from_proxy, to_proxy = await asyncio.open_connection(place[0], int(place[1]))
            try:
                await asyncio.gather(_pass_on(reader, to_proxy), _pass_on(from_proxy, writer))
            finally:
                to_proxy.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._busy.discard(task)
            writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()


class Load:
    """Clients that ask and submit all the time, and do over what failed as libraries do.

    A read is asked again. A transaction is given again where the answer says that it was not taken, or the session was
    closed for going down (1001) without an answer; where nobody knows, it is looked up first.
    """

    def __init__(self, url: str, seen: Counter[str]) -> None:
        self._url = url
        self._seen = seen
        self._numbers = itertools.count()
        self._over = asyncio.Event()
        self.wanted: list[str] = []
        self.lost: list[str] = []
        self.again: Counter[str] = Counter()
        """How often something was done over, by why."""
        self.reads = 0

    async def wait_reads(self, count: int) -> None:
        """Wait until that many more reads have been answered."""
        wanted = self.reads + count
        await until(lambda: self.reads >= wanted)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        clients = [asyncio.create_task(client()) for client in (self._by_post,) * 4 + (self._by_session,) * 3]
        try:
            yield
        finally:
            self._over.set()
            outcomes = await asyncio.gather(*clients, return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def _by_post(self) -> None:
        async with aiohttp.ClientSession() as client:

            async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
                body = {"method": method, "params": [{**params, "api_version": 1}]}
                try:
                    async with client.post(self._url, json=body) as answer:
                        result: dict[str, Any] = (await answer.json(content_type=None))["result"]
                        return result
                except aiohttp.ClientConnectorError:
                    return {"error": "notTaken"}
                except (aiohttp.ClientError, OSError):
                    return {"error": "unknown"}

            while not self._over.is_set():
                await self._turn(ask, "post")

    async def _by_session(self) -> None:
        async with aiohttp.ClientSession() as client:
            socket: aiohttp.ClientWebSocketResponse[bool] | None = None

            async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
                nonlocal socket
                if socket is None or socket.closed:
                    try:
                        socket = await client.ws_connect(self._url)
                    except (aiohttp.ClientError, OSError):
                        return {"error": "notTaken"}
                with suppress(aiohttp.ClientError, OSError):
                    await socket.send_json({"command": method, **params, "api_version": 1})
                message = await socket.receive(timeout=10)
                if message.type is aiohttp.WSMsgType.TEXT:
                    answer: dict[str, Any] = message.json()
                    result: dict[str, Any] = answer.get("result", answer)
                    return result
                return {"error": "notTaken" if socket.close_code == aiohttp.WSCloseCode.GOING_AWAY else "unknown"}

            while not self._over.is_set():
                await self._turn(ask, "session")
            if socket is not None:
                await socket.close()

    async def _turn(self, ask: Ask, how: str) -> None:
        """A read and a transaction."""
        await self._until_done(ask, how, "account_lines", {"account": "r"}, None)
        blob = f"{next(self._numbers):08X}"
        self.wanted.append(blob)
        await self._until_done(ask, how, "submit", {"tx_blob": blob}, blob)

    async def _until_done(self, ask: Ask, how: str, method: str, params: dict[str, Any], blob: str | None) -> None:
        for _ in range(ATTEMPTS):
            result = await ask(method, params)
            if "error" not in result:
                self.reads += blob is None
                return
            unknown = result["error"] == "unknown" or "not known whether" in result.get("error_message", "")
            self.again[f"{how} {method}: {result['error']}{' (unknown)' if unknown else ''}"] += 1
            if blob is not None and unknown:
                await asyncio.sleep(0.1)
                if self._seen[blob]:  # what looking it up in a ledger tells
                    return
            await asyncio.sleep(0.05)
        self.lost.append(method)


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_rolling_restart_under_load(tmp_path: Path) -> None:
    """No request is lost, and no transaction comes to the nodes twice."""
    seen: Counter[str] = Counter()

    async def submit(_: web.BaseRequest, params: dict[str, Any]) -> Answer:
        seen[params["tx_blob"]] += 1
        await asyncio.sleep(SLOWNESS)
        return {"engine_result": "tesSUCCESS"}

    async with AsyncExitStack() as stack:
        nodes = [
            await stack.enter_async_context(ScriptedNode(name, account_lines={"lines": []}, submit=submit))
            for name in ("node-1", "node-2")
        ]
        settings = {
            "nodes": [node.settings(websocket=node.websocket_url) for node in nodes],
            "timeouts": {**SHORT, "drain_delay": DRAIN, "health_interval": 0.2},
            "logging": {"requests": "off"},
        }
        balancer, proxies = Balancer(), {}
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            proxies[name] = await stack.enter_async_context(Process(tmp_path / name, settings))
        for name, process in proxies.items():
            balancer.urls[name] = (await process.line("started"))["listen"][0]
        await stack.enter_async_context(balancer.running())
        await balancer.until_ready("a", "b")
        load = Load(balancer.url, seen)
        async with load.running():
            for name, node in zip(("a", "b"), nodes, strict=True):
                process = proxies[name]
                process.send(signal.SIGTERM)
                assert await process.ended() == 0
                started = await stack.enter_async_context(Process(tmp_path / name, settings))
                balancer.urls[name] = (await started.line("started"))["listen"][0]
                await balancer.until_ready(name)
                for change in (node.stop, node.start):
                    await change()
                    await load.wait_reads(50)
    assert load.lost == [], load.again
    assert load.reads > 100
    assert not [each for each in load.again if each.startswith("post account_lines")]
    assert set(load.wanted) == set(seen)
    assert set(seen.values()) == {1}
