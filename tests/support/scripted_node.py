"""A node that a test scripts: what it reports of itself, what it answers by method, and how it fails."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Literal, NamedTuple, Self

import aiohttp
import orjson
from aiohttp import web

from tests.support.subscriptions import Subscriptions

SECONDS = 15.0
"""The longest that a test waits for a request or a connection."""

Answer = dict[str, Any] | web.Response
Answering = Callable[[web.BaseRequest, dict[str, Any]], Awaitable[Answer]]
Responder = Callable[["ScriptedSession", dict[str, Any]], Awaitable[None] | None]


class Received(NamedTuple):
    """An HTTP request to a node."""

    method: str
    params: dict[str, Any]
    api_version: int


class ScriptedNode:
    """HTTP and WebSocket on one port, as a Clio has it. Change its attributes at any time.

    `versions`: the API versions that it supports; others it rejects as rippled does. `answers`: by method, a result, a
    whole HTTP response, or a coroutine function of the HTTP request (or handshake) and the parameters that returns
    either. A method without one has an empty result, except `server_info`, `version`, `ping`, `subscribe` and
    `unsubscribe`. `respond`: handles each WebSocket request in place of `answers`. `ledger_index`: of the validated
    ledger.
    """

    def __init__(
        self,
        name: str = "node-1",
        *,
        versions: range = range(2, 3),
        ledger_index: int = 131,
        respond: Responder | None = None,
        tls: ssl.SSLContext | None = None,
        **answers: Answer | Answering,
    ) -> None:
        self.name = name
        self.versions = versions
        self.answers: dict[str, Answer | Answering] = dict(answers)
        self.respond: Responder = respond or self.respond_by_method
        self.info: dict[str, Any] = {
            "server_state": "full",
            "complete_ledgers": f"2-{ledger_index}",
            "validated_ledger": {"seq": ledger_index, "age": 1},
            "uptime": 9,
        }
        """The result of `server_info`."""
        self.subscriptions = Subscriptions(self)
        self.refuses_all_but: tuple[str, ...] = ()
        """Methods; if there are any, all others are rejected for their version."""
        self.required_headers: dict[str, str] = {}
        """Headers without which HTTP requests and handshakes are refused with 401."""
        self.role: str | None = None
        self.websocket_role: str | None = None
        """What `ping` reports as the role of the client."""
        self.tls = tls
        self.before_handshake: Callable[[], Awaitable[web.Response | None]] | None = None
        """Called before each WebSocket handshake, which it may refuse with a response."""
        self.shared_connections: Literal["accepted", "refused", "ignored", "silent"] = "accepted"
        """What becomes of connections that are not a client's: "ignored" never complete their handshake, "silent" get
        no responses.
        """
        self.socket_options: dict[str, Any] = {}
        """Options of `web.WebSocketResponse`."""

        self.requests: list[Received] = []
        """The HTTP requests that were not rejected."""
        self.last_headers: dict[str, dict[str, str]] = {}
        """The headers of the last of them by method, names in lower case."""
        self.handshakes: list[dict[str, str]] = []
        """The headers of each WebSocket handshake that was accepted."""
        self.unauthorized = 0
        """Requests and handshakes without the required headers."""
        self.largest_body = 0
        """Bytes of the largest HTTP request."""
        self.sessions: list[ScriptedSession] = []
        """The WebSocket connections of clients."""
        self.shared: list[ScriptedSession] = []
        """The proxy's own WebSocket connections, over which sessions share streams."""
        self._news = asyncio.Condition()
        self._stopped = asyncio.Event()
        self._port = 0
        self._runner: web.ServerRunner | None = None

    @property
    def api_version(self) -> int:
        """The latest version that it supports."""
        return self.versions[-1]

    @property
    def http_url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self._port}"

    @property
    def websocket_url(self) -> str:
        return f"ws{'s' if self.tls else ''}://127.0.0.1:{self._port}"

    @property
    def ledger_index(self) -> int:
        """The validated ledger."""
        index: int = self.info["validated_ledger"]["seq"]
        return index

    @ledger_index.setter
    def ledger_index(self, index: int) -> None:
        self.info["validated_ledger"] = {**self.info["validated_ledger"], "seq": index}

    def settings(self, **more: Any) -> dict[str, Any]:
        """Its entry in `nodes`, with no WebSocket unless `more` says so."""
        return {"name": self.name, "http": self.http_url, "api_version": self.api_version, **more}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, on the same port as before if it did before."""
        self._stopped.clear()
        self._runner = web.ServerRunner(
            web.Server(self._handle, access_log=None, handler_cancellation=True), shutdown_timeout=0.05
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True, ssl_context=self.tls).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Break all connections and stop listening."""
        self._stopped.set()
        for session in (*self.sessions, *self.shared):
            session.abort()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    @property
    def asked(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """The method and parameters of each HTTP request."""
        return tuple((request.method, request.params) for request in self.requests)

    def times(self, method: str) -> int:
        """How often `method` was requested over HTTP."""
        return sum(request.method == method for request in self.requests)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds, checking it with each HTTP request and each WebSocket connection."""
        async with asyncio.timeout(SECONDS), self._news:
            await self._news.wait_for(condition)

    async def session(self, number: int = 0) -> "ScriptedSession":
        """The WebSocket connection of a client by its number, counted from 0; waits until it exists."""
        await self.until(lambda: len(self.sessions) > number)
        return self.sessions[number]

    async def shared_session(self, number: int = 0) -> "ScriptedSession":
        """The shared connection by its number, once it has been used."""
        await self.until(lambda: len(self.shared) > number)
        return self.shared[number]

    async def respond_by_method(self, session: "ScriptedSession", request: dict[str, Any]) -> None:
        """Responds to a WebSocket request as `answers` has it."""
        method, version = request["command"], request.get("api_version", 1)
        params = {name: value for name, value in request.items() if name not in ("command", "id", "api_version")}
        if session in self.shared and self.shared_connections == "silent":
            return
        if not self._accepts(method, version):
            result: Answer = {"error": "invalid_API_version"}
        elif method in ("subscribe", "unsubscribe") and method not in self.answers:
            result = self.subscriptions.handle(session, method, request)
        elif method == "ping" and method not in self.answers:
            result = {"role": self.websocket_role} if self.websocket_role else {}
        else:
            result = await self._answer(session.handshake, method, params)
        assert isinstance(result, dict), f"{method} is scripted for HTTP only"
        await session.respond(request, result)

    def _accepts(self, method: str, version: int) -> bool:
        return version in self.versions and (not self.refuses_all_but or method in self.refuses_all_but)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if any(request.headers.getall(name, []) != [value] for name, value in self.required_headers.items()):
            self.unauthorized += 1
            return web.Response(status=401)
        return await (self._websocket(request) if request.method == "GET" else self._http(request))

    async def _http(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        self.largest_body = max(self.largest_body, len(body))
        question = orjson.loads(body)
        method, params = question["method"], dict(question["params"][0])
        version = params.pop("api_version", 1)
        if not self._accepts(method, version):
            return web.Response(status=400, text="invalid_API_version")
        async with self._news:
            self.requests.append(Received(method, params, version))
            self.last_headers[method] = {name.lower(): value for name, value in request.headers.items()}
            self._news.notify_all()
        answer = await self._answer(request, method, params)
        if isinstance(answer, web.Response):
            return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)
        status = "error" if "error" in answer else "success"
        return web.Response(
            body=orjson.dumps({"result": {**answer, "status": status}}), content_type="application/json"
        )

    async def _answer(self, request: web.BaseRequest, method: str, params: dict[str, Any]) -> Answer:
        answer = self.answers.get(method)
        if callable(answer):
            return await answer(request, params)
        if answer is not None:
            return answer
        if method == "server_info":
            return {"info": self.info}
        if method == "version":
            return {"version": {"first": self.versions[0], "last": self.versions[-1]}}
        return {"role": self.role} if method == "ping" and self.role else {}

    async def _websocket(self, request: web.BaseRequest) -> web.StreamResponse:
        refusal = await self.before_handshake() if self.before_handshake is not None else None
        if refusal is not None:
            return refusal
        is_shared = is_own_address(request.headers.get("X-Forwarded-For", ""))
        if is_shared and self.shared_connections == "ignored":
            await self._stopped.wait()
        if is_shared and self.shared_connections in ("ignored", "refused"):
            return web.Response(status=403)
        websocket = web.WebSocketResponse(max_msg_size=0, **{"timeout": 1.0, **self.socket_options})
        await websocket.prepare(request)
        session = ScriptedSession(websocket, request)
        async with self._news:
            self.handshakes.append(dict(request.headers))
            if not is_shared:
                self.sessions.append(session)
            self._news.notify_all()
        try:
            with suppress(ConnectionError):
                async for message in websocket:
                    if message.type is aiohttp.WSMsgType.TEXT:  # with `autoping` off, pings come as messages too
                        await self._receive(session, orjson.loads(message.data), is_shared)
        finally:
            session.ended.set()
        return websocket

    async def _receive(self, session: "ScriptedSession", request: dict[str, Any], is_shared: bool) -> None:
        if is_shared and session not in self.shared:
            if request["command"] == "ping":  # by which the proxy checks what its own role at this node is
                await self.respond_by_method(session, request)
                return
            async with self._news:
                self.shared.append(session)
                self._news.notify_all()
        async with session.received:
            session.requests.append(request)
            session.received.notify_all()
        responding = self.respond(session, request)
        if responding is not None:
            await responding


class ScriptedSession:
    """One WebSocket connection to a node: the requests that it received, and what is sent over it."""

    def __init__(self, socket: web.WebSocketResponse, handshake: web.BaseRequest) -> None:
        assert handshake.transport is not None
        self.socket = socket
        self.handshake = handshake
        self.headers = handshake.headers
        self.transport: asyncio.Transport = handshake.transport
        self.requests: list[dict[str, Any]] = []
        self.received = asyncio.Condition()
        self.ended = asyncio.Event()

    async def send(self, message: dict[str, Any] | bytes) -> None:
        """Sends a message: JSON with its members in the order given, or bytes unchanged."""
        text = message if isinstance(message, bytes) else orjson.dumps(message)
        await self.socket.send_frame(text, aiohttp.WSMsgType.TEXT)

    async def respond(self, request: dict[str, Any], result: Any = None, **extra: Any) -> None:
        """Sends the response to a request as rippled does."""
        await self.send(response_to(request, {} if result is None else result, **extra))

    async def wait_requests(self, count: int) -> list[dict[str, Any]]:
        """Waits until it has received that many requests; returns them all."""
        async with asyncio.timeout(SECONDS), self.received:
            await self.received.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    def abort(self) -> None:
        """Breaks the connection."""
        if not self.transport.is_closing():  # asyncio's fails if it has been closed with something unsent
            self.transport.abort()


def is_own_address(forwarded_for: str) -> bool:
    """Whether the proxy names no client for a connection: those for shared streams, and its checks."""
    return forwarded_for.startswith("2001:db8::")


def response_to(request: dict[str, Any], result: Any, **extra: Any) -> dict[str, Any]:
    """The response of rippled to a request, members in alphabetical order; a `result` with `error` is an error."""
    envelope = {"id": request["id"], "type": "response", **extra}
    if "api_version" in request:
        envelope["api_version"] = request["api_version"]
    if "error" in result:
        return dict(sorted({**result, **envelope, "request": request, "status": "error"}.items()))
    return dict(sorted({**envelope, "result": result, "status": "success"}.items()))


def silent(_session: ScriptedSession, _request: dict[str, Any]) -> None:
    """A responder that leaves each response to the test."""


async def hang(_request: web.BaseRequest, _params: dict[str, Any]) -> Answer:
    """Never answers."""
    await asyncio.Event().wait()
    return {}


async def break_off(request: web.BaseRequest, _params: dict[str, Any]) -> Answer:
    """Breaks the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()
    return await hang(request, _params)


async def answer_half(request: web.BaseRequest, _params: dict[str, Any]) -> Answer:
    """Begins an answer and breaks off in the middle of it."""
    assert request.transport is not None
    request.transport.write(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"result":{'
    )
    request.transport.close()
    return await hang(request, _params)
