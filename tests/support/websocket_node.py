"""A WebSocket node whose every message a test writes, and clients to look at a session from the other side."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import orjson
from aiohttp import web

from proxy.server.proxy import Proxy
from tests.conftest import sections_for, started_proxy

SECONDS = 5.0
Responder = Callable[["ScriptedSession", dict[str, Any]], Awaitable[None] | None]


class ScriptedSession:
    """One connection to a ScriptedNode: what it heard, and how it speaks."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.headers = request.headers
        self.transport = request.transport
        self.requests: list[dict[str, Any]] = []
        self.received = asyncio.Condition()
        self.ended = asyncio.Event()

    async def send(self, message: dict[str, Any] | bytes) -> None:
        """Sends a message: JSON with its members as they are given, or bytes as they are."""
        text = message if isinstance(message, bytes) else orjson.dumps(message)
        await self.socket.send_frame(text, aiohttp.WSMsgType.TEXT)

    async def respond(self, request: dict[str, Any], result: Any = None, **beside: Any) -> None:
        """Answers a request as rippled does."""
        await self.send(response_to(request, {} if result is None else result, **beside))

    async def wait_requests(self, count: int) -> list[dict[str, Any]]:
        """Waits until so many requests have come; returns them all."""
        async with asyncio.timeout(SECONDS), self.received:
            await self.received.wait_for(lambda: len(self.requests) >= count)
        return self.requests


def is_own_address(forwarded_for: str) -> bool:
    """Whether a proxy names no client for a connection: the streams that sessions share, and its checks."""
    return forwarded_for.startswith("2001:db8::")


def response_to(request: dict[str, Any], result: Any, **beside: Any) -> dict[str, Any]:
    """What rippled answers to a request, members in alphabetical order; `result` with `error` is one."""
    envelope = {"api_version": request["api_version"], "id": request["id"], "type": "response", **beside}
    if "error" in result:
        return dict(sorted({**result, **envelope, "request": request, "status": "error"}.items()))
    return dict(sorted({**envelope, "result": result, "status": "success"}.items()))


class ScriptedNode:
    """A node of `api_version` that answers by `answer`, or leaves it to the test. HTTP serves its health alone."""

    def __init__(self, respond: Responder | None = None, api_version: int = 2, **socket: Any) -> None:
        self.api_version = api_version
        self.sessions: list[ScriptedSession] = []
        self.shared: list[ScriptedSession] = []
        """The proxy's own connections, by which sessions share streams."""
        self.before_handshake: Callable[[], Awaitable[web.Response | None]] | None = None
        self.refuses_shared = False
        """Whether it takes connections of clients only."""
        self.ignores_shared = False
        """Whether it does not even answer others."""
        self.info: dict[str, Any] = {}
        """What it tells of itself besides."""
        self.validated_ledger = 100
        self._respond = respond
        self._socket = socket
        self._runner: web.AppRunner | None = None
        self._opened = asyncio.Condition()
        self._stopped = asyncio.Event()
        self.http_url = self.websocket_url = ""

    def respond_with(self, respond: Responder | None) -> Responder | None:
        """From now on it answers by this; returns what it answered by."""
        was, self._respond = self._respond, respond
        return was

    async def start(self) -> None:
        app = web.Application(client_max_size=2**26)
        app.add_routes([web.post("/", self._health), web.get("/", self._websocket)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        self.http_url, self.websocket_url = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"

    async def stop(self) -> None:
        self._stopped.set()
        for session in (*self.sessions, *self.shared):
            if session.transport is not None:
                session.transport.abort()
        if self._runner is not None:
            await self._runner.cleanup()

    async def session(self, number: int = 0) -> ScriptedSession:
        """The client's connection of that number, counted from 0; waits until it is there."""
        return await self._of(self.sessions, number)

    async def shared_session(self, number: int = 0) -> ScriptedSession:
        """The shared connection of that number, once it has asked something."""
        return await self._of(self.shared, number)

    async def _of(self, sessions: list[ScriptedSession], number: int) -> ScriptedSession:
        async with asyncio.timeout(SECONDS), self._opened:
            await self._opened.wait_for(lambda: len(sessions) > number)
        return sessions[number]

    async def _health(self, request: web.Request) -> web.Response:
        asked = orjson.loads(await request.read())
        ledger = {"seq": self.validated_ledger, "age": 1, "hash": "0" * 64}
        info = {
            "server_state": "full",
            "validated_ledger": ledger,
            "complete_ledgers": "1-1000",
            "uptime": 1000,
            **self.info,
        }
        result = {"info": info} if asked["method"] == "server_info" else {}
        return web.Response(body=orjson.dumps({"result": {**result, "status": "success"}}))

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if self.before_handshake is not None:
            refusal = await self.before_handshake()
            if refusal is not None:
                return refusal
        is_own = is_own_address(request.headers.get("X-Forwarded-For", ""))
        if is_own:
            if self.ignores_shared:
                await self._stopped.wait()
            if self.ignores_shared or self.refuses_shared:
                return web.Response(status=403)
        socket = web.WebSocketResponse(max_msg_size=0, timeout=1.0, **self._socket)
        await socket.prepare(request)
        session = ScriptedSession(socket, request)
        is_heard = not is_own
        if is_heard:
            await self._open(session, self.sessions)
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue  # a ping, where it is told to answer none
            asked = orjson.loads(message.data)
            if not is_heard and asked["command"] != "ping":
                is_heard = True
                await self._open(session, self.shared)
            # The proxy looks who it is itself to this node, on a connection of its own.
            await (self._hear(session, asked) if is_heard else session.respond(asked))
        session.ended.set()
        return socket

    async def _open(self, session: ScriptedSession, sessions: list[ScriptedSession]) -> None:
        async with self._opened:
            sessions.append(session)
            self._opened.notify_all()

    async def _hear(self, session: ScriptedSession, asked: dict[str, Any]) -> None:
        async with session.received:
            session.requests.append(asked)
            session.received.notify_all()
        if self._respond is not None:
            answering = self._respond(session, asked)
            if answering is not None:
                await answering


class Client:
    """A client's WebSocket that sends JSON and gets JSON, and keeps the bytes that came last."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse[bool]") -> None:
        self.socket = socket
        self.raw = b""

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


N = TypeVar("N", bound=ScriptedNode)


class Harness:
    """Starts nodes, proxies and clients, and ends them all: see the fixture `harness`."""

    def __init__(self, stack: AsyncExitStack, workers: int = 0) -> None:
        self.share_subscriptions = False
        """Whether the sessions of a test share what they subscribe to."""
        self._stack = stack
        self._workers = workers
        self._http: aiohttp.ClientSession | None = None

    async def node(self, respond: Responder | None = None, api_version: int = 2, **socket: Any) -> ScriptedNode:
        return await self.start(ScriptedNode(respond, api_version, **socket))

    async def start(self, node: N) -> N:
        """Starts a node that is of a kind of its own."""
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
    """A House, emptied at the end, the proxies of which have so many workers, in processes of their own."""
    async with AsyncExitStack() as stack:
        yield Harness(stack, workers)
