"""Nodes for a soak test: they answer at once, late, out of order or never, push numbered messages, and hang up."""

import asyncio
import itertools
import random
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import WSMsgType, web

_connections = itertools.count(1)
_REMEMBERED = 100_000


class Submissions:
    """Transactions that have come to any node of a test. Only the last ones are remembered, so that a test of an hour
    takes no more memory than one of a minute; a proxy submits again within seconds or never.
    """

    def __init__(self) -> None:
        self.repeated: list[str] = []
        """Those that have come more than once."""
        self._recent: dict[str, None] = {}

    def add(self, blob: str) -> None:
        """One has come."""
        if blob in self._recent:
            self.repeated.append(blob)
        self._recent[blob] = None
        if len(self._recent) > _REMEMBERED:
            del self._recent[next(iter(self._recent))]


class SoakNode:
    """A node of `api_version`; `unordered`: it answers each request as it is done, as Clio does, rather than in order.

    A request is answered with its `tag`. A `subscribe` has `tag` and `pushes`, the seconds between two messages:
    each message tells the tag, the connection and its number on that connection, from 1 on. One to `streams` is pushed
    what all are: each message tells the node and its number among that stream's.
    """

    def __init__(
        self, api_version: int, unordered: bool, chance: random.Random, submissions: Submissions | None = None
    ) -> None:
        self.api_version = api_version
        self.http_url = self.websocket_url = ""
        self.submissions = Submissions() if submissions is None else submissions
        self.fails = True
        """Whether it hangs up, is late, or never answers, every now and then."""
        self._unordered = unordered
        self._chance = chance
        self._runner: web.AppRunner | None = None
        self._subscribed: dict[web.WebSocketResponse, frozenset[str]] = {}
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Opens a port for HTTP and WebSocket, and begins to push."""
        app = web.Application()
        app.add_routes([web.post("/", self._http), web.get("/", self._websocket)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        self.http_url, self.websocket_url = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Closes the port and all connections."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _http(self, request: web.Request) -> web.Response:
        ledger = {"seq": 100, "age": 1, "hash": "0" * 64}
        info = {"server_state": "full", "validated_ledger": ledger, "complete_ledgers": "1-100", "uptime": 1}
        return web.Response(body=orjson.dumps({"result": {"info": info, "status": "success"}}))

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(timeout=0.5, compress=False)
        try:
            await socket.prepare(request)
        except ConnectionError:
            return web.Response()  # who connected is gone already, and nobody reads this
        transport = request.transport
        # Who asks how the node is names its program; clients' connections, and the one that they share, do not.
        is_health = "User-Agent" in request.headers
        if self.fails and transport is not None and not is_health and self._chance.random() < 0.2:
            asyncio.get_running_loop().call_later(self._chance.uniform(0.05, 2), _abort, transport)
        tasks: set[asyncio.Task[None]] = set()
        try:
            async for message in socket:
                asked = orjson.loads(message.data)
                answering = self._answer(socket, asked, tasks)
                if self._unordered and asked["command"] != "subscribe":
                    task = asyncio.create_task(answering)
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                else:
                    await answering
        except ConnectionError:
            pass
        finally:
            self._subscribed.pop(socket, None)
            for task in tuple(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return socket

    async def _answer(
        self, socket: web.WebSocketResponse, asked: dict[str, Any], tasks: set[asyncio.Task[None]]
    ) -> None:
        if "tx_blob" in asked:
            self.submissions.add(asked["tx_blob"])
        whim = self._chance.random() if self.fails else 1
        if whim < 0.005:
            return  # never
        if whim < 0.2:
            await asyncio.sleep(self._chance.uniform(0, 0.05))
        data: dict[str, Any] = {"Account": asked.get("tag")}
        result: dict[str, Any] = {"tag": asked.get("tag"), "pad": "x" * asked.get("size", 0)}
        if asked["command"] == "account_info":
            lists = [asked["tag"]]
            result |= {"account_data": {**data, "signer_lists": lists}} if self.api_version == 1 else {
                "account_data": data, "signer_lists": lists,
            }  # fmt: skip
        answer = {"api_version": asked["api_version"], "id": asked["id"], "result": result, "status": "success"}
        await self._say(socket, {**answer, "type": "response"})
        if asked["command"] == "subscribe":
            streams = self._subscribed.get(socket, frozenset()) | frozenset(asked.get("streams", ()))
            self._subscribed[socket] = streams
        elif asked["command"] == "unsubscribe":
            self._subscribed[socket] = self._subscribed.get(socket, frozenset()) - frozenset(asked["streams"])
        if asked["command"] == "subscribe" and asked.get("pushes"):
            task = asyncio.create_task(self._push(socket, asked))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _tick(self) -> None:
        for number in itertools.count(1):
            about = {"node": id(self), "number": number, "ledger_index": number, "validated": True}
            tx = {"transaction": {"hash": "A", "x": 1}} if self.api_version == 1 else {"tx_json": {"x": 1}, "hash": "A"}
            for stream, message in (
                ("ledger", {"type": "ledgerClosed", **about}),
                ("transactions", {"type": "transaction", **tx, **about}),
            ):
                for socket, streams in tuple(self._subscribed.items()):
                    if stream in streams and socket in self._subscribed:
                        with suppress(ConnectionError):
                            await socket.send_frame(orjson.dumps(message), WSMsgType.TEXT)
            await asyncio.sleep(0.02)

    async def _push(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        connection = next(_connections)
        for number in itertools.count(1):
            about = {"tag": asked["tag"], "connection": connection, "number": number, "pad": "x" * asked.get("size", 0)}
            if number % 3 == 0:
                await self._say(socket, {"type": "consensusPhase", **about})
            elif self.api_version == 1:
                await self._say(socket, {"type": "transaction", "transaction": {"hash": "A", "x": 1}, **about})
            else:
                await self._say(socket, {"type": "transaction", "tx_json": {"x": 1}, "hash": "A", **about})
            if number == asked.get("most"):
                return
            await asyncio.sleep(asked["pushes"])

    @staticmethod
    async def _say(socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        try:
            await socket.send_frame(orjson.dumps(message), WSMsgType.TEXT)
        except ConnectionError:
            raise asyncio.CancelledError from None  # the recipient is gone


def _abort(transport: asyncio.Transport) -> None:
    """Break the connection, unless it has been closed."""
    if not transport.is_closing():
        transport.abort()
