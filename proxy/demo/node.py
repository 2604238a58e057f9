"""The demo node: HTTP and WebSocket ports of one API version, with recorded responses."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
from aiohttp import web

from proxy.demo.live_streams import LiveStreams
from proxy.demo.recorded import API_VERSIONS, PortKind, Release
from proxy.demo.replay import MAX_REQUEST_BYTES, Caller, Replay

ApiVersion = int | Literal["all"]

_LOWEST_LEDGER = 2
"""The first ledger that every recorded server has."""
TEST_PAGE = "<!DOCTYPE html><html><head><title>Test page</title></head><body><h1>Test</h1></body></html>"


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A received request: its `transport` ("http" or "websocket"), headers (of the handshake) and body."""

    transport: str
    headers: Mapping[str, str]
    body: bytes


class DemoNode:
    """A node of one API version, with responses recorded from a real server.

    The ledger stands still until a signed transaction is submitted that was not recorded: it is applied, and ledgers
    close, each a second after the last, that have it.

    A request in another version is refused as rippled refuses an unknown one; a method without a recording is
    `unknownCmd`; a known method with parameters that were not recorded gets HTTP 500 or a WebSocket error
    `replayMiss`, and is added to `misses`, which `GET /misses` on the HTTP port returns too.

    api_version: the one version spoken, or "all" for a node that speaks all versions of the release.
    port_kind: whether the ports are for the public or for administrators.
    http_port, websocket_port: 0 for free ones, which `http_url` and `websocket_url` have after `start()`.
    idle_timeout: seconds after which an idle HTTP connection is closed; 3 as in rippled on loopback.
    release: which server's recordings are replayed; 1.12 speaks version 1 only.
    """

    def __init__(
        self,
        api_version: ApiVersion = 2,
        port_kind: PortKind = "public",
        host: str = "127.0.0.1",
        http_port: int = 0,
        websocket_port: int = 0,
        idle_timeout: float = 3.0,
        release: Release = "rippled-2.6",
    ) -> None:
        self.api_version: ApiVersion = api_version
        self.release: Release = release
        spoken = API_VERSIONS[release]
        if api_version != "all" and api_version not in spoken:
            raise ValueError(
                f'{release} does not speak API version {api_version}: {", ".join(map(str, spoken))} or "all"'
            )
        versions = spoken if api_version == "all" else range(api_version, api_version + 1)
        self._replay = Replay(versions, port_kind, release)
        self._streams = LiveStreams(self._replay.ledger, self._replay.live, len(spoken) > 1, _LOWEST_LEDGER)
        self._host = host
        self._ports = {"http": http_port, "websocket": websocket_port}
        self._idle_timeout = idle_timeout
        self._runners: list[web.AppRunner] = []
        self._sockets: set[web.WebSocketResponse] = set()
        self.seen: deque[ReceivedRequest] = deque(maxlen=256)

    @property
    def misses(self) -> list[dict[str, Any]]:
        """The requests without a recording, as `{"method", "params"}`; the newest thousand."""
        return list(self._replay.misses)

    @property
    def asked(self) -> Counter[str]:
        """The number of requests of each method, over both transports."""
        return self._replay.asked

    @property
    def http_url(self) -> str:
        """The URL for JSON-RPC. Raises KeyError before a port is known."""
        return f"http://{self._host}:{self._ports['http']}"

    @property
    def websocket_url(self) -> str:
        """The URL for WebSocket."""
        return f"ws://{self._host}:{self._ports['websocket']}"

    async def start(self) -> None:
        """Open both ports. Raises OSError if one is in use. After `stop()` it opens the same ones again."""
        self._replay.load()  # first, so that no request waits for it and times out
        try:
            await self._open("http", self._http_routes())
            await self._open("websocket", [web.get("/{path:.*}", self._websocket)])
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close the ports and every connection."""
        # Stop accepting first: a client that connects in the meantime would be missed.
        for site in [site for runner in self._runners for site in runner.sites]:
            await site.stop()
        await asyncio.gather(*(socket.close(code=aiohttp.WSCloseCode.GOING_AWAY) for socket in set(self._sockets)))
        while self._runners:
            await self._runners.pop().cleanup()
        await self._streams.stop()

    async def __aenter__(self) -> "DemoNode":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _open(self, port: str, routes: Iterable[web.RouteDef]) -> None:
        # Room beyond the limit, so that the node itself refuses a too large request, with rippled's text.
        app = web.Application(client_max_size=2 * MAX_REQUEST_BYTES)
        app.add_routes(routes)
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=self._idle_timeout, shutdown_timeout=1.0)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, self._host, self._ports[port]).start()
        self._ports[port] = runner.addresses[0][1]

    def _http_routes(self) -> list[web.RouteDef]:
        return [web.get("/", self._test_page), web.get("/misses", self._misses), web.post("/{path:.*}", self._http)]

    async def _test_page(self, _request: web.Request) -> web.Response:
        return web.Response(text=TEST_PAGE, content_type="text/html")

    async def _misses(self, _request: web.Request) -> web.Response:
        return web.json_response(self.misses)

    async def _http(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.seen.append(ReceivedRequest("http", request.headers, body))
        status, answer = self._replay.http(body, _caller(request))
        self._streams.wake()
        return web.Response(status=status, body=answer, headers={"Content-Type": "application/json; charset=UTF-8"})

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=2 * MAX_REQUEST_BYTES, autoclose=False)
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            async for message in socket:
                if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    await self._websocket_message(socket, request, message.data)
        except ConnectionResetError:
            pass  # the client left during a write
        finally:
            self._sockets.discard(socket)
            self._streams.left(socket)
        # A client's close is answered with its own code, as rippled does (Boost.Beast's read): xrpl.js takes any
        # other than the one it sent for a lost connection, and connects again.
        await socket.close(code=socket.close_code or aiohttp.WSCloseCode.OK)
        return socket

    async def _websocket_message(self, socket: web.WebSocketResponse, request: web.Request, data: str | bytes) -> None:
        self.seen.append(
            ReceivedRequest("websocket", request.headers, data.encode() if isinstance(data, str) else data)
        )
        reply = self._replay.websocket(data, _caller(request))
        for text in (reply.message, *reply.pushed):
            await socket.send_str(text)
        if reply.subscribing is not None:
            self._streams.handled(socket, *reply.subscribing)
        self._streams.wake()


def _caller(request: web.Request) -> Caller:
    """The client as a port with `secure_gateway` sees it: the leftmost of `X-Forwarded-For`, else the peer."""
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")[0].strip()
    return Caller(forwarded or request.remote or "", proxied=bool(forwarded))
