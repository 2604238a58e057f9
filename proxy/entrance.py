"""Where a client's bytes come in: tells JSON-RPC, WebSocket and a load balancer's question apart."""

from collections.abc import Callable

from aiohttp import web

from proxy.jsonrpc import JsonRpcEndpoint
from proxy.observe.endpoints import Readiness
from proxy.sessions import WebSocketEndpoint

_HEADERS = {"Server": "xrpl-version-proxy"}


class Entrance:
    """The handler of the public port. Any path will do, as on rippled's."""

    def __init__(
        self, jsonrpc: JsonRpcEndpoint, websocket: WebSocketEndpoint, readiness: Callable[[], Readiness]
    ) -> None:
        self._jsonrpc = jsonrpc
        self._websocket = websocket
        self._readiness = readiness

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one HTTP request."""
        if request.method == "POST":
            response: web.StreamResponse = await self._jsonrpc.handle(request)
        elif request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket":
            response = await self._websocket.handle(request)
        elif request.method in ("GET", "HEAD"):
            response = self._status()
        else:
            response = web.Response(status=405, text="Ask by POST\r\n", headers={"Allow": "GET, HEAD, POST"})
        if not response.prepared:  # a session is over by now
            response.headers.update(_HEADERS)
        return response

    def _status(self) -> web.Response:
        """What load balancers poll; rippled has a page at 200, or 500, and 503 is what a balancer knows as well."""
        ready = self._readiness().ready
        text = "This server is ready.\n" if ready else "This server is not ready: no node can be asked.\n"
        return web.Response(status=200 if ready else 503, text=text)
