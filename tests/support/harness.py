"""Scripted nodes, proxies and WebSocket clients for the tests of sessions, all ended with the test."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import orjson

from proxy.server.proxy import Proxy
from tests.support.scripted_node import SECONDS, Responder, ScriptedNode, silent
from tests.support.start import sections_for, started_proxy


class Client:
    """A client's WebSocket that sends and receives JSON."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse[bool]") -> None:
        self.socket = socket
        self.raw = b""
        """The message that was received last."""

    async def send(self, *requests: dict[str, Any] | bytes) -> None:
        for request in requests:
            text = request if isinstance(request, bytes) else orjson.dumps(request)
            await self.socket.send_frame(text, aiohttp.WSMsgType.TEXT)

    async def receive(self) -> Any:
        message = await self.socket.receive(SECONDS)
        assert message.type is aiohttp.WSMsgType.TEXT, f"closed with {self.socket.close_code}"
        self.raw = message.data
        return json.loads(self.raw)  # which takes 1e400 as well

    async def request(self, request: dict[str, Any]) -> Any:
        await self.send(request)
        return await self.receive()

    async def wait_closed(self) -> tuple[int | None, str]:
        """Waits until it is closed, reading on; the code and the reason."""
        async with asyncio.timeout(SECONDS):
            while True:
                message = await self.socket.receive()
                if message.type is aiohttp.WSMsgType.CLOSE:
                    return self.socket.close_code, message.extra or ""
                if message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                    return self.socket.close_code, ""


class Harness:
    """Starts nodes, proxies and clients, and ends them all: see the fixture `harness`."""

    def __init__(self, stack: AsyncExitStack, workers: int = 0) -> None:
        self.share_subscriptions = False
        """Whether the sessions of a test share what they subscribe to."""
        self._stack = stack
        self._workers = workers
        self._http: aiohttp.ClientSession | None = None

    async def node(
        self, respond: Responder | None = silent, api_version: int = 2, *, autoping: bool = True
    ) -> ScriptedNode:
        """A node whose responses a test sends unless there is `respond`; with None it responds by method."""
        node = ScriptedNode(versions=range(api_version, api_version + 1), ledger_index=100, respond=respond)
        node.socket_options["autoping"] = autoping
        await node.start()
        self._stack.push_async_callback(node.stop)
        return node

    async def proxy(self, *nodes: Any, **sections: Any) -> Proxy:
        return await started_proxy(self.sections(*nodes, **sections), self._workers, self._stack)

    @staticmethod
    def sections(*nodes: Any, **sections: Any) -> dict[str, Any]:
        timeouts = {"shutdown": 1.0, **sections.pop("timeouts", {})}
        return sections_for(*nodes, timeouts=timeouts, **sections)

    async def client(self, proxy: Proxy, **options: Any) -> Client:
        if self._http is None:
            self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        opened = {"max_msg_size": 0, "decode_text": False, "timeout": aiohttp.ClientWSTimeout(ws_close=1.0), **options}
        socket = await self._http.ws_connect(proxy.http_url, **opened)
        self._stack.push_async_callback(socket.close)
        return Client(socket)

    async def metric(self, proxy: Proxy, name: str, **labels: str) -> float:
        """The value of a metric, 0 where nothing was counted yet."""
        if self._http is None:
            self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        async with self._http.get(f"{proxy.observe_url}/metrics") as response:
            text = await response.text()
        total = 0.0
        for line in text.splitlines():
            head, _, value = line.rpartition(" ")
            family, _, rest = head.partition("{")
            if family == name and all(f'{label}="{wanted}"' in rest for label, wanted in labels.items()):
                total += float(value)
        return total

    async def wait_metric(
        self, wanted: float, proxy: Proxy, name: str, *, at_least: bool = False, **labels: str
    ) -> None:
        """Waits until a metric has that value, or `at_least` that; fails where it does not come to it."""
        found = None
        try:
            async with asyncio.timeout(SECONDS):
                while (found := await self.metric(proxy, name, **labels)) != wanted:
                    if at_least and found > wanted:
                        break
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{name}{labels} is {found}, not {wanted}") from None


@asynccontextmanager
async def start_harness(workers: int = 0) -> AsyncIterator[Harness]:
    """A harness whose proxies run in processes of their own, with that many workers, if there are to be `workers`."""
    async with AsyncExitStack() as stack:
        yield Harness(stack, workers)
