"""Puts it all together: what listens, what looks after the nodes, and how it starts, changes and ends."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

import proxy
from proxy.access.admission import InFlight
from proxy.config import Settings, TlsSettings
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.http.listener import Listener, bind
from proxy.nodes import Node, NodePool
from proxy.nodes.readiness import Readiness
from proxy.observe.clients import ClientsPage
from proxy.observe.node_metrics import NodesCollector
from proxy.observe.server import ObserveServer
from proxy.observe.summary import Summary, serve_page
from proxy.rpc.gateway import Gateway
from proxy.rpc.response_cache import ResponseCache
from proxy.server.builders import (
    build_client_limits,
    make_callers,
    make_health_rules,
    make_node,
    make_supported_versions,
    make_tracing,
    node_identity,
)
from proxy.server.generation import Generation
from proxy.telemetry.metrics import Metrics
from proxy.tls import Certificate
from proxy.versions.sunset import Clock

if TYPE_CHECKING:
    from proxy.grpc_passthrough.listeners import GrpcListeners  # whose library is optional

log = structlog.get_logger(__name__)

_ListenerKey = tuple[str, int, int]
"""Host, port, and which of those with the same: of port 0 there may be several."""


@dataclass(slots=True)
class _ActiveListener:
    """A listener, and the handler that it calls."""

    listener: Listener
    entrance: Gateway


class Proxy:
    """One process's proxy, from `start` to `stop`.

    `clock`: the time of day, which versions may go by. `shares_ports`: with other processes of the same proxy.
    """

    def __init__(self, settings: Settings, clock: Clock = time.time, *, shares_ports: bool = False) -> None:
        self._settings = self._started_with = settings
        self._shares_ports = shares_ports
        self._clock = clock
        self._metrics = Metrics(proxy.__version__)
        self._draining = False
        self._nodes = NodePool((), make_health_rules(settings))
        self._node_cache: dict[str, tuple[object, Node]] = {}
        self._observe: ObserveServer | None = None
        self._kept = ResponseCache(settings.cache.bytes, self._metrics)
        self._under_way = InFlight()
        self._unsent_bytes = UnsentBytes(settings.limits.unsent_bytes)
        self._metrics.unsent_bytes.set_function(lambda: self._unsent_bytes.total)
        self._callers = make_callers(settings, clock)
        self._tracing = make_tracing(settings, proxy.__version__)
        self._summary = Summary(
            proxy.__version__,
            self._metrics,
            lambda: self._settings,
            lambda: make_supported_versions(self._settings, clock),
            self._readiness,
            clock,
        )
        self._serving: Generation | None = None
        self._open: dict[_ListenerKey, _ActiveListener] = {}
        self._grpc: GrpcListeners | None = None
        self._closing: set[Listener] = set()
        self._retired: set[Generation] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Look after the nodes, and listen.

        Raises OSError where an address cannot be had, CertificateProblem where a certificate has gone bad meanwhile.
        """
        settings = self._settings
        try:
            self._observe = ObserveServer(
                settings.observe.host,
                settings.observe.port,
                version=proxy.__version__,
                metrics=self._metrics,
                readiness=self._readiness,
                pages={
                    "/clients": ClientsPage(
                        lambda: self._callers, lambda: self._settings.versions.dry_run_refuse
                    ).serve,
                    "/": serve_page,
                    "/summary": self._summary.serve_json,
                },
            )
            await self._observe.start()
            self._spawn(self._summary.keep_history())
            # Before anything is asked of a node: an address that is taken is then all there is to tell.
            await self._apply(settings)
            self._metrics.registry.register(NodesCollector(self._readiness, self._nodes.tripped))
        except BaseException:
            await self.stop()
            raise
        log.info("started", listen=self.http_urls, observe=self.observe_url, version=proxy.__version__)

    async def reload(self, settings: Settings) -> None:
        """Goes over to other settings. No request and no session is cut off; sessions go on with those they began with.

        Raises OSError where a new address cannot be had, and CertificateProblem: then nothing has changed.
        """
        await self._apply(settings)
        keys = ("observe", "logging.format", "tracing") + (() if self._shares_ports else ("workers",))
        kept = [key for key in keys if _value(self._started_with, key) != _value(settings, key)]
        if kept:
            log.warning("restart_required", keys=kept)
        log.info("reloaded", listen=self.http_urls, nodes=[node.name for node in settings.nodes])

    async def stop(self) -> None:
        """Ends: not ready from now on; after `timeouts.drain_delay` nobody is let in any more, and the requests and
        sessions under way are given `timeouts.shutdown`; then all is closed.
        """
        timeouts = self._settings.timeouts
        self.begin_drain()
        if self._open:
            await asyncio.sleep(timeouts.drain_delay)
        listeners = self._listeners()
        servings = [each for each in (self._serving, *self._retired) if each is not None]
        for listener in listeners:
            listener.stop_accepting()
        await asyncio.gather(
            *(serving.drain(timeouts.shutdown) for serving in servings),
            *(listener.finish(timeouts.shutdown) for listener in listeners),
            *([] if self._grpc is None else [self._grpc.stop(timeouts.shutdown)]),
        )
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for serving in servings:
            await serving.close()
        await self._nodes.close()
        await self._tracing.close()
        if self._observe is not None:
            await self._observe.stop()

    def begin_drain(self) -> None:
        """Not ready from now on, as before `stop`: load balancers are told, and answers close their connections."""
        self._draining = True

    @property
    def http_urls(self) -> list[str]:
        """Where clients connect, with the real ports, in the order of the settings."""
        urls = []
        for place, listen in zip(_listener_keys(self._settings), self._settings.listeners, strict=True):
            if place not in self._open:
                raise RuntimeError("the proxy has not been started")
            host = f"[{listen.host}]" if ":" in listen.host else listen.host
            scheme = "http" if listen.tls.certificate is None else "https"
            urls.append(f"{scheme}://{host}:{self._open[place].listener.port}/")
        return urls

    @property
    def http_url(self) -> str:
        """The first of `http_urls`."""
        return self.http_urls[0]

    @property
    def grpc_ports(self) -> list[int]:
        """The real ports where clients call by gRPC."""
        return [] if self._grpc is None else self._grpc.ports

    @property
    def observe_url(self) -> str:
        """Where operators look, with the real port."""
        if self._observe is None:
            raise RuntimeError("the proxy has not been started")
        return self._observe.url

    @property
    def metrics(self) -> Metrics:
        """What is counted, for who drives this."""
        return self._metrics

    def _readiness(self) -> Readiness:
        return Readiness(self._nodes.statuses(), draining=self._draining)

    async def _apply(self, settings: Settings) -> None:
        """Has all in place that the settings want, and only then changes over, at one stroke."""
        places = _listener_keys(settings)
        certificates = [_certificate(listen.tls) for listen in settings.listeners]
        bound: dict[_ListenerKey, list[socket.socket]] = {}
        grpc, grpc_bound = self._grpc_for(settings), {}
        try:
            for place in places:
                if place not in self._open:
                    bound[place] = await bind(place[0], place[1], shared=self._shares_ports)
            if grpc is not None:
                grpc_bound = await grpc.bind(settings, certificates)
            removed = await self._replace_nodes(settings)
        except BaseException:
            for sockets in bound.values():
                for listening in sockets:
                    listening.close()
            if grpc is not None:
                await grpc.release(grpc_bound)
            raise
        # Other nodes may be of another network, where a ledger of the same number is another.
        if (settings.cache, _urls(settings)) != (self._settings.cache, _urls(self._settings)):
            self._kept = ResponseCache(settings.cache.bytes, self._metrics)
        if (settings.clients, settings.guard) != (self._settings.clients, self._settings.guard):
            self._callers = make_callers(settings, self._clock)
        self._settings = settings
        self._unsent_bytes.limit = settings.limits.unsent_bytes
        retired, self._serving = self._serving, self._make_serving(settings)
        for place, listen, certificate, door in zip(
            places, settings.listeners, certificates, self._serving.listener_services, strict=True
        ):
            opened = self._open.get(place)
            if opened is None:
                entrance = Gateway(door, self._readiness, lambda: self._draining)
                name = f"{listen.host}:{bound[place][0].getsockname()[1]}"
                terms = build_client_limits(listen, settings)
                listener = Listener(
                    name, bound[place], entrance.handle, entrance.upgrade, terms, certificate, self._metrics
                )
                self._open[place] = opened = _ActiveListener(listener, entrance)
                listener.start()
            else:
                opened.entrance.door = door
                opened.listener.terms = build_client_limits(listen, settings)
                opened.listener.certificate = certificate
            opened.listener.report_certificate()
        if grpc is not None:
            await grpc.apply(settings, self._serving.listener_services, certificates, grpc_bound, self._spawn)
        for place in set(self._open) - set(places):
            self._retire_listener(self._open.pop(place))
        if retired is not None:
            self._retired.add(retired)
            self._spawn(self._retire(retired))
        self._spawn(_close_nodes(removed, settings.timeouts.request))

    def _grpc_for(self, settings: Settings) -> "GrpcListeners | None":
        """The gRPC ports; None as long as none has been wanted."""
        if self._grpc is None and any(listen.grpc_port is not None for listen in settings.listeners):
            from proxy.grpc_passthrough.listeners import GrpcListeners

            self._grpc = GrpcListeners(self._nodes, lambda: not self._draining, shared=self._shares_ports)
        return self._grpc

    def _make_serving(self, settings: Settings) -> Generation:
        return Generation(
            settings,
            self._nodes,
            self._kept,
            self._callers,
            self._metrics,
            self._clock,
            self._tracing,
            self._under_way,
            self._unsent_bytes,
        )

    async def _replace_nodes(self, settings: Settings) -> list[Node]:
        """Goes over to the nodes of the settings, those that stay the same being kept; gives those that are gone."""
        made: dict[str, tuple[object, Node]] = {}
        for node in settings.nodes:
            made_from = node_identity(node, settings)
            before = self._node_cache.get(node.name)
            same = before is not None and before[0] == made_from
            made[node.name] = (
                before if before and same else (made_from, make_node(node, settings, self._metrics, self._tracing))
            )
        nodes = [node for _, node in made.values()]
        removed = await self._nodes.replace(nodes, make_health_rules(settings), settings.timeouts.connect)
        # All at once, and first: who looks after a node, or hears of its requests, tells whether it is up.
        await asyncio.gather(*(node.health.close() for node in removed))
        for name in set(self._node_cache) - set(made):
            self._metrics.node_gone(name)
        self._node_cache = made
        return removed

    def _retire_listener(self, removed: _ActiveListener) -> None:
        """Ends a listener that the settings have no more, once nobody is connected to it. Its address is free now."""
        removed.entrance.closing = True
        removed.listener.stop_accepting()
        self._closing.add(removed.listener)
        self._spawn(self._finish(removed.listener))

    async def _finish(self, listener: Listener) -> None:
        await listener.finish(None)
        self._closing.discard(listener)
        # A later reload may have brought one of the same name, of which the metrics are then.
        if listener.name not in {other.name for other in self._listeners()}:
            self._metrics.listener_gone(listener.name)

    def _listeners(self) -> list[Listener]:
        """All with clients: those that are open, and those that end."""
        return [*(each.listener for each in self._open.values()), *self._closing]

    async def _retire(self, serving: Generation) -> None:
        await serving.close_when_idle()
        self._retired.discard(serving)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Does it meanwhile; `stop` ends it at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _close_nodes(nodes: Iterable[Node], seconds: float) -> None:
    """Closes nodes that get no new work, when they are done with what they have, after `seconds` at the latest."""
    try:
        async with asyncio.timeout(seconds):
            for node in nodes:
                while node.in_flight:  # noqa: ASYNC110 - a node counts, and tells nobody
                    await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    finally:
        for node in nodes:
            await node.close()


def _listener_keys(settings: Settings) -> list[_ListenerKey]:
    seen = Counter[tuple[str, int]]()
    places = []
    for listen in settings.listeners:
        key = (listen.host, listen.port)
        places.append((*key, seen[key]))
        seen[key] += 1
    return places


def _urls(settings: Settings) -> set[str]:
    """Where answers come from."""
    return {node.http for node in settings.nodes}


def _certificate(tls: TlsSettings) -> Certificate | None:
    return Certificate(tls.certificate, tls.key) if tls.certificate and tls.key else None


def _value(settings: Settings, key: str) -> object:
    value: object = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value
