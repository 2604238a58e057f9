"""WebSocket: requests and answers, streams pushed to many, and memory; the node and the clients are of this process."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import aiohttp
import orjson
import uvloop
from aiohttp import web

from bench.answers import Case, Json, account_info
from bench.python import Python
from bench.servers import LOAD_CORE, Started, our_proxy, plain_python
from proxy.demo.recorded import read_streams

S = TypeVar("S")
T = TypeVar("T")

_PATIENCE = 60.0
_SETTLING = 0.5
_WARMING = 0.3
_LONGEST = 180.0
_COLD = 4
"""One in so many messages comes before those measured: the other proxy's turn has emptied the processor's caches."""


@dataclass(slots=True)
class FixedNode:
    """Answers every request alike, and pushes to all connections that subscribed."""

    answer: bytes
    port: int = 0
    _subscribed: dict[web.WebSocketResponse, None] = field(default_factory=dict)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FixedNode"]:
        """Listens until the end."""
        runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    async def push(self, message: bytes) -> None:
        """Pushes a message to each connection that subscribed."""
        for socket in self._subscribed:
            await socket.send_frame(message, aiohttp.WSMsgType.TEXT)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST":
            await request.read()
            return web.Response(body=b'{"result":%b}' % self.answer, content_type="application/json")
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        async for message in socket:
            asked = orjson.loads(message.data)
            if asked["command"] == "subscribe":
                self._subscribed[socket] = None
            text = b'{"api_version":2,"id":%d,"result":%b,"status":"success","type":"response"}'
            await socket.send_frame(text % (asked["id"], self.answer), aiohttp.WSMsgType.TEXT)
        self._subscribed.pop(socket, None)
        return socket


def recorded_transaction() -> bytes:
    """A validated transaction as version 2 pushes it."""
    messages: list[Json] = read_streams()["streams/2"]["messages"]
    transactions = (message for message in messages if message.get("type") == "transaction")
    return next(orjson.dumps(message) for message in transactions if message["validated"])


@asynccontextmanager
async def _started(
    folder: Path, python: Python, case: Case | None = None, *, plain: bool = False
) -> AsyncIterator[tuple[FixedNode, Started]]:
    answer = orjson.dumps(orjson.loads((case or account_info(1, 2, "")).answer)["result"])
    async with FixedNode(answer).running() as node:
        address = f"127.0.0.1:{node.port}"
        urls = {"http": f"http://{address}", "websocket": f"ws://{address}", "api_version": 2}
        starting = plain_python(node.port, python.path) if plain else our_proxy(folder, urls, python=python.path)
        proxy = await asyncio.to_thread(starting.__enter__)
        try:
            yield node, proxy
        finally:
            await asyncio.to_thread(starting.__exit__, None, None, None)


@asynccontextmanager
async def _sessions(
    proxy: Started, count: int, compress: int = 0
) -> AsyncIterator[list[aiohttp.ClientWebSocketResponse]]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        sockets: list[aiohttp.ClientWebSocketResponse] = []
        for begin in range(0, count, 50):
            opening = (http.ws_connect(proxy.url, compress=compress) for _ in range(min(50, count - begin)))
            sockets += await asyncio.gather(*opening)
        if any(bool(socket.compress) is not bool(compress) for socket in sockets):
            raise RuntimeError("compression was not negotiated as requested")
        yield sockets
        await asyncio.gather(*(socket.close() for socket in sockets))


Turn = Callable[[], Coroutine[None, None, T]]


@asynccontextmanager
async def requests(
    folder: Path, python: Python, case: Case, *, sessions: int, seconds: float, plain: bool = False
) -> AsyncIterator[Turn[tuple[float, float]]]:
    """Yields what measures requests a second, and the proxy's CPU seconds for each. `plain`: of the plain proxy."""
    asked = orjson.loads(case.request)
    message = orjson.dumps({"id": 1, "command": asked["method"], **asked["params"][0]}).decode()
    answered = 0

    async def ask(socket: aiohttp.ClientWebSocketResponse, until: float) -> None:
        nonlocal answered
        while time.monotonic() < until:
            await socket.send_str(message)
            await socket.receive()
            answered += 1

    async with _started(folder, python, case, plain=plain) as (_, proxy), _sessions(proxy, sessions) as sockets:

        async def turn() -> tuple[float, float]:
            nonlocal answered
            answered = 0
            before, began = proxy.cpu_seconds(), time.monotonic()
            await asyncio.gather(*(ask(socket, began + seconds) for socket in sockets))
            return answered / (time.monotonic() - began), (proxy.cpu_seconds() - before) / answered

        await asyncio.gather(*(ask(socket, time.monotonic() + _WARMING) for socket in sockets))
        yield turn


@asynccontextmanager
async def stream(
    folder: Path, python: Python, *, subscribers: int, messages: int, at_once: int = 1, plain: bool = False
) -> AsyncIterator[Turn[float]]:
    """Yields what measures the proxy's CPU seconds for one transaction given on to one of so many subscribers, half of
    each version.

    So many come `at_once`, as they do with a ledger; the next when all have been taken. `plain`: of the plain proxy.
    """
    pushed = recorded_transaction()
    taken = 0
    all_taken = asyncio.Event()

    async def take(socket: aiohttp.ClientWebSocketResponse) -> None:
        nonlocal taken
        while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            taken += 1
            if taken == at_once * subscribers:
                all_taken.set()

    async with _started(folder, python, plain=plain) as (node, proxy), _sessions(proxy, subscribers) as sockets:

        async def push(times: int) -> None:
            nonlocal taken
            for _ in range(times):
                taken = 0
                all_taken.clear()
                for _ in range(at_once):
                    await node.push(pushed)
                await all_taken.wait()

        async def turn() -> float:
            await push(messages // (_COLD * at_once))
            before = proxy.cpu_seconds()
            await push(messages // at_once)
            return (proxy.cpu_seconds() - before) / (messages * subscribers)

        for number, socket in enumerate(sockets):
            request = {"id": 1, "command": "subscribe", "streams": ["transactions"], "api_version": 1 + number % 2}
            await socket.send_json(request)
        async with asyncio.timeout(_PATIENCE):
            await asyncio.gather(*(socket.receive() for socket in sockets))
        taking = [asyncio.create_task(take(socket)) for socket in sockets]
        try:
            yield turn
        finally:
            for task in taking:
                task.cancel()
            await asyncio.gather(*taking, return_exceptions=True)


@contextmanager
def in_turns(
    measured: Callable[[Path, bool], AbstractAsyncContextManager[Turn[T]]],
) -> Iterator[Callable[[], tuple[T, T]]]:
    """Yields what measures the proxy and the plain one (`measured(folder, True)`), one after the other; both run, with
    all their sessions, until the end. Raises TimeoutError for a turn that hangs.
    """
    _to_the_core_of_the_load()
    with TemporaryDirectory() as name, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stack = AsyncExitStack()

        def limited(step: Coroutine[None, None, S]) -> S:
            return runner.run(asyncio.wait_for(step, _LONGEST))

        try:
            ours, theirs = (limited(stack.enter_async_context(measured(Path(name), plain))) for plain in (False, True))
            yield lambda: (limited(ours()), limited(theirs()))
        finally:
            limited(stack.aclose())


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of the proxy's for each of many sessions: asked nothing yet, answered once, and subscribed to a stream."""

    idle: float
    answered: float
    subscribed: float


async def memory(folder: Path, python: Python, *, sessions: int, compress: int = 0) -> Memory:
    """What so many sessions take, of clients that take compressed messages (`compress`: 15) or not."""
    async with _started(folder, python) as (_, proxy):
        async with _sessions(proxy, 20, compress) as sockets:
            await _ask_each(sockets, {"command": "account_info"})
        await asyncio.sleep(_SETTLING)
        empty = proxy.memory()
        async with _sessions(proxy, sessions, compress) as sockets:
            used = []
            for asked in (None, {"command": "account_info"}, {"command": "subscribe", "streams": ["transactions"]}):
                if asked is not None:
                    await _ask_each(sockets, asked)
                await asyncio.sleep(_SETTLING)
                used.append((proxy.memory() - empty) / sessions)
            return Memory(*used)


async def memory_of_subscriptions(folder: Path, python: Python, *, sessions: int, accounts: int) -> float:
    """Bytes that a session takes more once it is subscribed to so many accounts."""
    async with _started(folder, python) as (_, proxy), _sessions(proxy, sessions + 1) as sockets:
        names = [f"r{number:033}" for number in range(accounts)]
        await _ask_each(sockets[:1], {"command": "subscribe", "accounts": names})
        await asyncio.sleep(_SETTLING)
        before = proxy.memory()
        await _ask_each(sockets[1:], {"command": "subscribe", "accounts": names})
        await asyncio.sleep(_SETTLING)
        return (proxy.memory() - before) / sessions


async def _ask_each(sockets: list[aiohttp.ClientWebSocketResponse], asked: Json) -> None:
    """One after the other: the memory of a thousand requests in flight is not that of their sessions."""
    for socket in sockets:
        await socket.send_json({"id": 1, **asked})
        await socket.receive()


def run(measurement: Coroutine[None, None, T]) -> T:
    """Runs a measurement on the core of the load. Raises TimeoutError for one that hangs."""
    _to_the_core_of_the_load()
    return uvloop.run(asyncio.wait_for(measurement, _LONGEST))


def _to_the_core_of_the_load() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {LOAD_CORE})
