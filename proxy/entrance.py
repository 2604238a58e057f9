"""Where a client's bytes come in: tells JSON-RPC, WebSocket and a load balancer's question apart, and whom to serve."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from proxy.admission import Admission, Refusal
from proxy.guard import Network, client_address
from proxy.jsonrpc import JsonRpcEndpoint
from proxy.listening.connection import SERVER
from proxy.listening.origins import Origins
from proxy.listening.response import JsonResponse
from proxy.observe.endpoints import Readiness
from proxy.observe.served import Account, Served
from proxy.sessions import WebSocketEndpoint

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Users:
    """Counts who uses something, each within `with`."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def __enter__(self) -> None:
        self._count += 1
        if self._count == 1:
            self._none.clear()

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if not self._count:
            self._none.set()

    async def none(self) -> None:
        """Waits until there is none."""
        await self._none.wait()


@dataclass(frozen=True, slots=True)
class Door:
    """What the configuration in force has behind one listener. A reload puts another in its place.

    `request_bytes`: of one POST's body. `users`: entered while a request is served, for who waits until none is.
    """

    jsonrpc: JsonRpcEndpoint
    websocket: WebSocketEndpoint
    admission: Admission
    origins: Origins
    account: Account
    trusted_proxies: Sequence[Network]
    request_bytes: int
    users: Users


class Entrance:
    """The handler of one listener. Any path will do, as on rippled's."""

    def __init__(self, door: Door, readiness: Callable[[], Readiness], draining: Callable[[], bool]) -> None:
        self.door = door
        """For the requests that come from now on."""
        self.leaving = False
        """Nobody is to come back: each answer closes its connection."""
        self._readiness = readiness
        self._draining = draining

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse | JsonResponse:
        """Answers one HTTP request."""
        door = self.door
        with door.users:
            response = await _answer(request, door, self._status)
        if not response.prepared:  # a session is over by now
            response.headers["Server"] = SERVER
            door.origins.mark(request, response)
            if self.leaving or self._draining():
                response.force_close()
        return response

    def _status(self) -> web.Response:
        """What load balancers poll; rippled has a page at 200, or 500, and 503 is what a balancer knows as well."""
        readiness = self._readiness()
        why = "it is going down" if readiness.draining else "no node can be asked"
        text = "This server is ready.\n" if readiness.ready else f"This server is not ready: {why}.\n"
        return web.Response(status=200 if readiness.ready else 503, text=text)


async def _answer(
    request: web.BaseRequest, door: Door, status: Callable[[], web.Response]
) -> web.StreamResponse | JsonResponse:
    is_session = request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket"
    if (request.method == "POST" or is_session) and door.origins.refuses(request):
        return _refuse(request, door, "origin", 403, "Forbidden")
    if request.method == "POST":
        return await _post(request, door)
    if is_session:
        refusal = door.admission.admit(_peer(request, door))
        if refusal is not None:
            return _overloaded(request, door, refusal)
        return await door.websocket.handle(request, door.admission)
    if request.method in ("GET", "HEAD"):
        return status()
    if request.method == "OPTIONS":
        preflight = door.origins.preflight(request)
        if preflight is not None:
            return preflight
    return web.Response(status=405, text="Ask by POST\r\n", headers={"Allow": "GET, HEAD, POST"})


async def _post(request: web.BaseRequest, door: Door) -> web.StreamResponse | JsonResponse:
    peer = _peer(request, door)
    refusal = door.admission.admit(peer)
    if refusal is not None:
        return _overloaded(request, door, refusal)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        text = "Unable to parse request: it is compressed, send it without Content-Encoding"
        return _refuse(request, door, "compressed", 400, text)
    if (request.content_length or 0) > door.request_bytes:
        # Before it is read; of one that does not say its length, no more than so many bytes are read.
        text = f"Unable to parse request: larger than {door.request_bytes} bytes"
        return _refuse(request, door, "too_large", 400, text)
    refusal = door.admission.enter(peer)
    if refusal is not None:
        return _overloaded(request, door, refusal)
    try:
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(_CONTINUE)
        return await door.jsonrpc.handle(request, peer, door.admission)
    finally:
        door.admission.leave(peer)


def _peer(request: web.BaseRequest, door: Door) -> str:
    return client_address(request.remote or "", request.headers, door.trusted_proxies)


def _overloaded(request: web.BaseRequest, door: Door, refusal: Refusal) -> web.Response:
    return _refuse(request, door, refusal, 503, "Server is overloaded")


def _refuse(request: web.BaseRequest, door: Door, reason: str, status: int, text: str) -> web.Response:
    served = Served("ws" if request.method == "GET" else "http", _peer(request, door), door.account.request_id())
    door.account.refused(served, reason)
    door.account.ended(served, status)
    return web.Response(status=status, text=f"{text}\r\n")
