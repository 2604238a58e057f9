"""Where a client's bytes come in: tells JSON-RPC, WebSocket and a load balancer's question apart, and whom to serve."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from proxy.access.admission import Admission, Refusal
from proxy.access.client_address import Network, client_address
from proxy.http.cors import CorsPolicy
from proxy.http.request import Request
from proxy.http.response import TEXT, Response
from proxy.nodes.readiness import Readiness
from proxy.rpc.endpoint import JsonRpcEndpoint
from proxy.telemetry.client_usage import ClientIdentity
from proxy.telemetry.recorder import RequestRecord, RequestRecorder


class WebSocketSessions(Protocol):
    """Serves WebSocket clients."""

    async def handle(
        self, request: web.BaseRequest, peer: str, caller: ClientIdentity | None, admission: Admission
    ) -> web.StreamResponse:
        """Serves the client at the address `peer` until its session ends, or refuses it."""

    async def drain(self, seconds: float) -> None:
        """Closes all sessions, within `seconds`."""


class ActiveCount:
    """Counts who uses something, each within `with`."""

    def __init__(self) -> None:
        self._count = 0
        self._none: asyncio.Event | None = None

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if not self._count and self._none is not None:
            self._none.set()

    async def wait_idle(self) -> None:
        """Waits until there is none; nobody is to come any more."""
        if self._count:
            self._none = self._none or asyncio.Event()
            await self._none.wait()


@dataclass(frozen=True, slots=True)
class ListenerServices:
    """What the configuration in force has behind one listener. A reload puts another in its place.

    `request_bytes`: of one POST's body. `users`: entered while a request is served, for who waits until none is.
    """

    jsonrpc: JsonRpcEndpoint
    websocket: WebSocketSessions
    admission: Admission
    origins: CorsPolicy
    account: RequestRecorder
    trusted_proxies: Sequence[Network]
    request_bytes: int
    users: ActiveCount


class Gateway:
    """The handlers of one listener. Any path will do, as on rippled's."""

    def __init__(
        self, door: ListenerServices, readiness: Callable[[], Readiness], draining: Callable[[], bool]
    ) -> None:
        self.door = door
        """For the requests that come from now on."""
        self.closing = False
        """Nobody is to come back: each answer closes its connection."""
        self._readiness = readiness
        self._draining = draining

    async def handle(self, request: Request) -> Response:
        """Answers one HTTP request."""
        door = self.door
        if request.method == "POST":
            with door.users:
                peer = client_address(request.remote, request.headers, door.trusted_proxies)
                response = _refusal(request, peer, door) or await door.jsonrpc.handle(request, peer, door.admission)
        else:
            response = self._non_post(request, door)
        door.origins.add_headers(request, response)
        if self.closing or self._draining():
            response.keep_alive = False
        return response

    async def upgrade(self, request: web.BaseRequest, asked: Request) -> web.StreamResponse:
        """Serves a client that wants a WebSocket, from its handshake to the end of its session, or refuses it.

        `asked` is the same request as `request`, which aiohttp made of it.
        """
        door = self.door
        with door.users:
            peer = client_address(asked.remote, asked.headers, door.trusted_proxies)
            refused = _admission_refusal(asked, peer, door)
            if refused is not None:
                return web.Response(status=refused.status, body=refused.body, content_type="text/plain")
            caller = door.account.callers.identify(peer, asked.remote, asked.headers)
            del asked  # which would be kept for as long as the session lasts
            return await door.websocket.handle(request, peer, caller, door.admission)

    def _non_post(self, request: Request, door: ListenerServices) -> Response:
        if request.method in ("GET", "HEAD"):
            return self._status()
        preflight = door.origins.preflight(request) if request.method == "OPTIONS" else None
        return preflight or Response(405, b"Ask by POST\r\n", TEXT, {"Allow": "GET, HEAD, POST"})

    def _status(self) -> Response:
        """What load balancers poll; rippled has a page at 200, or 500, and 503 is what a balancer knows as well."""
        readiness = self._readiness()
        if readiness.ready:
            return Response(200, b"This server is ready.\n", TEXT)
        why = "it is going down" if readiness.draining else "no node can be asked"
        return Response(503, f"This server is not ready: {why}.\n".encode(), TEXT)


def _refusal(request: Request, peer: str, door: ListenerServices) -> Response | None:
    """What a POST is answered before its body is read; None where it is to be served."""
    refused = _admission_refusal(request, peer, door)
    if refused is not None:
        return refused
    headers = request.headers
    if "content-encoding" in headers and headers["content-encoding"].lower() != "identity":
        text = "Unable to parse request: it is compressed, send it without Content-Encoding"
        return _refuse(request, peer, door, "compressed", 400, text)
    if request.head.content_length > door.request_bytes:
        # Before it is read; of one that does not say its length, no more than so many bytes are read.
        text = f"Unable to parse request: larger than {door.request_bytes} bytes"
        return _refuse(request, peer, door, "too_large", 400, text)
    return None


def _admission_refusal(request: Request, peer: str, door: ListenerServices) -> Response | None:
    """What a client is told that is not to be served now, wherever it comes from; None where it is."""
    if door.origins.refuses(request):
        return _refuse(request, peer, door, "origin", 403, "Forbidden")
    refusal = door.admission.admit(peer)
    return None if refusal is None else _overloaded(request, peer, door, refusal)


def _overloaded(request: Request, peer: str, door: ListenerServices, refusal: Refusal) -> Response:
    return _refuse(request, peer, door, refusal, 503, "Server is overloaded")


def _refuse(request: Request, peer: str, door: ListenerServices, reason: str, status: int, text: str) -> Response:
    served = RequestRecord("ws" if request.method == "GET" else "http", peer, door.account.request_id())
    door.account.refused(served, reason)
    door.account.finish(served, status)
    return Response(status, f"{text}\r\n".encode(), TEXT)
