"""The observe address, for operators and never on the clients' port: metrics, health, readiness, specifications."""

import asyncio
import gzip
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest, gzip_accepted
from prometheus_client.openmetrics import exposition as openmetrics

from proxy.http.listener import bind
from proxy.http.response import SERVER
from proxy.nodes.readiness import Readiness
from proxy.nodes.status import NodeStatus
from proxy.observe.background import BACKGROUND, Background
from proxy.observe.hosts import ALLOWED, AllowedHosts, refuse_other_hosts
from proxy.observe.responses import json_response
from proxy.observe.specification_routes import add_specifications

Handler = Callable[[web.Request], Awaitable[web.Response]]
"""Answers a GET."""


OPENMETRICS = "application/openmetrics-text"
"""The metrics' format that has exemplars."""
_RECEIVE_BUFFER = 4_096
"""Bytes that the system buffers of a client's requests, so that little is parsed at a time: none of them has a body."""


class HasRegistry(Protocol):
    """Anything with a registry of metrics."""

    registry: CollectorRegistry


class ObserveServer:
    """Serves GET and HEAD of these paths on `host` and `port` (0 for any free one).

    `/metrics`  the metrics, in Prometheus' text format or, if requested, OpenMetrics; compressed if accepted;
    `/health`   200 while the process lives: `{"status": "alive", "version": …}`;
    `/ready`    200 or 503: `{"ready": …, "draining": …, "nodes": [{"name", "up", "healthy", "api_version", "problem",
                "websocket_problem", "grpc_problem", "overloaded", "network_id", "server_state", "validated_ledger",
                "validated_ledger_age", "lag", "complete_ledgers", "seconds_since_answer"}]}`, null for unknown
                values. It contains no node's address;
    `/spec`     the specifications for people, `/spec/1-2` two versions side by side, and for programs
                `/openapi/v1.json` and `/asyncapi/v1.json`, one per API version.

    `pages`: handlers of further paths. `allowed_hosts`: host names to accept in addition to those that are always
    allowed. Large responses are built in a thread.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        version: str,
        metrics: HasRegistry,
        readiness: Callable[[], Readiness],
        pages: Mapping[str, Handler] = MappingProxyType({}),
        allowed_hosts: Iterable[str] = (),
    ) -> None:
        self._host = host
        self._port = port
        self._version = version
        self._metrics = metrics
        self._readiness = readiness
        self._pages = pages
        self._allowed_hosts = AllowedHosts((*allowed_hosts, host))
        self._runner: web.AppRunner | None = None
        self._sites: list[web.BaseSite] = []

    async def start(self) -> None:
        """Listen. Raises OSError if the address is unavailable."""
        app = web.Application(middlewares=[_refuse_bodies, refuse_other_hosts])
        app[ALLOWED] = self._allowed_hosts
        app[BACKGROUND] = Background()
        app.on_cleanup.append(_close_background)
        app.router.add_get("/metrics", self._serve_metrics)
        app.router.add_get("/health", self._serve_health)
        app.router.add_get("/ready", self._serve_ready)
        add_specifications(app.router)
        for path, page in self._pages.items():
            app.router.add_get(path, page)
        self._runner = runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=1, lingering_time=0
        )
        await runner.setup()
        if runner.server is not None:
            runner.server.request_factory = partial(runner.server.request_factory, _cls=_Request)  # type: ignore[call-arg]
        try:
            self._sites = await _listen(runner, self._host, self._port)
        except OSError:
            await self.stop()
            raise

    async def move(self, host: str, port: int, allowed_hosts: Iterable[str] = ()) -> None:
        """Listen at another address and no longer at the present one, where requests in progress are completed.

        Raises OSError if it is unavailable, or RuntimeError before `start`: then nothing has changed.
        """
        if self._runner is None:
            raise RuntimeError("the observe server has not been started")
        if (host, port) != (self._host, self._port) or not self._sites:
            left = self._sites
            if port and port == self._port:  # one of the two hosts may be all addresses of this machine
                self._sites = []
                await _leave(left)
            try:
                self._sites = await _listen(self._runner, host, port)
            except OSError:
                if not self._sites:
                    self._sites = await _listen(self._runner, self._host, self._port)
                raise
            await _leave(site for site in left if site in self._runner.sites)
            self._host, self._port = host, port
        self._allowed_hosts.replace((*allowed_hosts, host))

    async def stop(self) -> None:
        """Stop listening, and end the requests in flight."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            self._sites = []

    @property
    def url(self) -> str:
        """The address with the actual port, for example `http://127.0.0.1:9652`. Raises RuntimeError before `start`."""
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the observe server has not been started")
        port = self._runner.addresses[-1][1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{port}"

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        is_openmetrics = wants_openmetrics(request)
        compressed: bool = gzip_accepted(request.headers.get("Accept-Encoding", ""))
        body = await request.app[BACKGROUND].run(_exposition, self._metrics.registry, is_openmetrics, compressed)
        content_type = openmetrics.CONTENT_TYPE_LATEST if is_openmetrics else CONTENT_TYPE_PLAIN_0_0_4
        headers = {"Content-Type": content_type, "Vary": "Accept-Encoding"}
        return web.Response(body=body, headers=headers | ({"Content-Encoding": "gzip"} if compressed else {}))

    async def _serve_health(self, _: web.Request) -> web.Response:
        return json_response(200, {"status": "alive", "version": self._version})

    async def _serve_ready(self, _: web.Request) -> web.Response:
        readiness = self._readiness()
        now = asyncio.get_running_loop().time()
        return json_response(
            200 if readiness.ready else 503,
            {
                "ready": readiness.ready,
                "draining": readiness.draining,
                "nodes": [node_status_json(node, now) for node in readiness.nodes],
            },
        )


def wants_openmetrics(request: web.Request) -> bool:
    """Whether metrics are to be in OpenMetrics' format."""
    # Not by the library's choose_encoder, which fails on an Accept header whose version is not a number.
    return OPENMETRICS in request.headers.get("Accept", "")


def node_status_json(node: NodeStatus, now: float) -> dict[str, object]:
    """A node as `/ready` reports it, at the event loop's time `now`."""
    return {
        "name": node.name,
        "up": node.up,
        "healthy": node.healthy,
        "api_version": node.api_version,
        "problem": node.problem,
        "websocket_problem": node.websocket_problem,
        "grpc_problem": node.grpc_problem,
        "overloaded": node.overloaded,
        "network_id": node.network_id,
        "server_state": node.server_state,
        "validated_ledger": node.validated_ledger,
        "validated_ledger_age": node.validated_ledger_age,
        "lag": node.lag,
        "complete_ledgers": node.complete_ledgers,
        "seconds_since_answer": None if node.last_answer is None else round(now - node.last_answer, 3),
    }


def _exposition(registry: CollectorRegistry, is_openmetrics: bool, compressed: bool) -> bytes:
    text: bytes = openmetrics.generate_latest(registry) if is_openmetrics else generate_latest(registry)  # type: ignore[no-untyped-call]
    return gzip.compress(text, 5) if compressed else text


async def _listen(runner: web.AppRunner, host: str, port: int) -> list[web.BaseSite]:
    """Serve at every address of `host`. Raises OSError."""
    sites: list[web.BaseSite] = []
    for each in await bind(host, port):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        sites.append(web.SockSite(runner, each))
    for site in sites:
        await site.start()
    return sites


async def _leave(sites: Iterable[web.BaseSite]) -> None:
    for site in sites:
        await site.stop()


async def _close_background(app: web.Application) -> None:
    app[BACKGROUND].close()


@web.middleware
async def _refuse_bodies(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Middleware: responds 413 to a request with a body, and closes its connection."""
    if not request.can_read_body:
        return await handler(request)
    with suppress(Exception):  # what is wrong with it
        request.content.read_nowait()  # or it would wait for the garbage collector
    response = web.Response(status=413, text="Requests to this address have no body.\n")
    response.force_close()
    return response


class _Request(web.Request):
    """A request whose response, including one to invalid HTTP, names this server and not aiohttp."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        await super()._prepare_hook(response)
        response.headers["Server"] = SERVER
