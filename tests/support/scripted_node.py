"""A node whose ways a test sets: what it tells of itself, what it answers by method, and when it is there at all."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

import orjson
from aiohttp import web

Answer = dict[str, Any] | web.Response
Answering = Callable[[web.BaseRequest, dict[str, Any]], Awaitable[Answer]]


class ScriptedNode:
    """HTTP and WebSocket on one port, as a Clio has it. Change its attributes at any time.

    `versions`: the API versions that it speaks; others it refuses as rippled does. `answers`: by method, a result, a
    whole response, or a coroutine function of the request and the question that gives either; a method without one
    gets an empty result. `info`: of `server_info`. `role`, `websocket_role`: what `ping` tells.
    """

    def __init__(self, name: str = "node-1", *, versions: range = range(2, 3), **answers: Answer | Answering) -> None:
        self.name = name
        self.versions = versions
        self.answers: dict[str, Answer | Answering] = dict(answers)
        self.info: dict[str, Any] = {
            "server_state": "full",
            "complete_ledgers": "2-131",
            "validated_ledger": {"seq": 131, "age": 1},
            "uptime": 9,
        }
        self.refuses_all_but: tuple[str, ...] = ()
        """Methods; if there are any, all others are refused for their version."""
        self.role: str | None = None
        self.websocket_role: str | None = None
        self.tls: ssl.SSLContext | None = None
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.handshakes: list[dict[str, str]] = []
        """The headers of each WebSocket handshake."""
        self.largest_body = 0
        """Bytes of the largest request over HTTP."""
        self._news = asyncio.Event()
        self._port = 0
        self._runner: web.ServerRunner | None = None

    @property
    def http_url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self._port}"

    @property
    def websocket_url(self) -> str:
        return f"ws{'s' if self.tls else ''}://127.0.0.1:{self._port}"

    def settings(self, **more: Any) -> dict[str, Any]:
        """Its entry in `nodes`, with no WebSocket unless `more` says so."""
        return {"name": self.name, "http": self.http_url, "api_version": self.versions[-1], **more}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, on the same port as before if it did before."""
        self._runner = web.ServerRunner(
            web.Server(self._handle, access_log=None, handler_cancellation=True), shutdown_timeout=0.05
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True, ssl_context=self.tls).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Break all connections and listen no more."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    def times(self, method: str) -> int:
        """How often `method` was asked."""
        return Counter(asked for asked, _ in self.asked)[method]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds, looking whenever something was asked."""
        async with asyncio.timeout(5):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return await self._websocket(request)
        body = await request.read()
        self.largest_body = max(self.largest_body, len(body))
        question = orjson.loads(body)
        method, params = question["method"], dict(question["params"][0])
        refused = self.refuses_all_but and method not in self.refuses_all_but
        if params.pop("api_version", 1) not in self.versions or refused:
            return web.Response(status=400, text="invalid_API_version")
        self.asked.append((method, params))
        self._news.set()
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

    async def _websocket(self, request: web.BaseRequest) -> web.WebSocketResponse:
        self.handshakes.append(dict(request.headers))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        with suppress(ConnectionError):
            async for message in socket:
                question = orjson.loads(message.data)
                result = {"role": self.websocket_role} if self.websocket_role else {}
                answer = {"id": question["id"], "result": result, "status": "success", "type": "response"}
                await socket.send_bytes(orjson.dumps(answer))
        return socket


async def hang(_request: web.BaseRequest, _params: dict[str, Any]) -> Answer:
    """Never answers."""
    await asyncio.sleep(60)
    return {}


async def break_off(request: web.BaseRequest, _params: dict[str, Any]) -> Answer:
    """Breaks the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()
    await asyncio.sleep(60)
    return {}


async def answer_half(request: web.BaseRequest, _params: dict[str, Any]) -> Answer:
    """Begins an answer and breaks off in the middle of it."""
    assert request.transport is not None
    request.transport.write(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"result":{'
    )
    request.transport.close()
    await asyncio.sleep(60)
    return {}
