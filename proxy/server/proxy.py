"""The proxy of one process: it starts listeners and node connections, applies reloads, drains and stops."""

import asyncio
import os
import time
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any

import structlog

import proxy
from proxy.access.admission import InFlight
from proxy.config import ObserveSettings, Settings
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.http.compression import Compressor
from proxy.nodes import Node, NodePool
from proxy.nodes.readiness import Readiness
from proxy.observe.clients import ClientsPage
from proxy.observe.node_metrics import NodesCollector
from proxy.observe.retiring import RetiringPage
from proxy.observe.server import ObserveServer
from proxy.observe.summary import Summary, serve_page
from proxy.rpc.response_cache import ResponseCache
from proxy.server.builders import (
    make_callers,
    make_health_rules,
    make_node,
    make_supported_versions,
    make_tracing,
    node_identity,
)
from proxy.server.generation import Generation
from proxy.server.listeners import ClientListeners, load_certificates, release
from proxy.telemetry.metrics import Metrics
from proxy.versions.sunset import Clock

if TYPE_CHECKING:
    from proxy.grpc_passthrough.listeners import GrpcListeners  # needs an optional library

log = structlog.get_logger(__name__)


class Proxy:
    """The proxy of one process, from `start` to `stop`.

    `clock`: the time of day as Unix seconds, which sunset dates depend on. `shares_ports`: whether other processes of
    the same proxy listen on the same ports.
    """

    def __init__(self, settings: Settings, clock: Clock = time.time, *, shares_ports: bool = False) -> None:
        self._settings = self._started_with = settings
        self._shares_ports = shares_ports
        self._clock = clock
        self._metrics = Metrics(proxy.__version__, settings.observe.method_buckets)
        self._draining = False
        self._nodes = NodePool((), make_health_rules(settings))
        self._node_cache: dict[str, tuple[object, Node]] = {}
        self._observe: ObserveServer | None = None
        self._cache = ResponseCache(settings.cache.bytes, self._metrics)
        self._unsent_bytes = UnsentBytes(settings.limits.unsent_bytes)
        self._in_flight = InFlight(self._unsent_bytes)
        self._compressor = Compressor()
        self._metrics.unsent_bytes.set_function(lambda: self._unsent_bytes.total)
        self._clients = make_callers(settings, clock)
        self._tracing = make_tracing(settings, proxy.__version__)
        self._summary = Summary(
            proxy.__version__,
            self._metrics,
            lambda: self._settings,
            lambda: make_supported_versions(self._settings, clock),
            self._readiness,
            lambda: self._clients,
            clock,
        )
        self._generation: Generation | None = None
        self._retired: set[Generation] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners = ClientListeners(
            self._readiness,
            lambda: self._draining,
            self._metrics,
            self._unsent_bytes,
            self._in_flight.fair_share,
            self._spawn,
            shared=shares_ports,
        )
        self._grpc: GrpcListeners | None = None

    async def start(self) -> None:
        """Connect to the nodes, start their health checks, and listen.

        Raises OSError if an address cannot be bound, CertificateProblem if a certificate cannot be used any more.
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
                        lambda: self._clients, lambda: self._settings.versions.dry_run_refuse
                    ).serve,
                    "/": serve_page,
                    "/summary": self._summary.serve_json,
                    "/retiring": RetiringPage(self._summary.retiring).serve,
                },
                allowed_hosts=settings.observe.allowed_hosts,
            )
            await self._observe.start()
            self._spawn(self._summary.keep_history())
            await self._apply(settings)
            self._metrics.registry.register(NodesCollector(self._readiness, self._nodes.tripped))
        except BaseException:
            await self.stop()
            raise
        log.info("started", listen=self.http_urls, observe=self.observe_url, version=proxy.__version__)

    async def reload(self, settings: Settings) -> None:
        """Apply other settings. No request or session is interrupted; sessions keep the settings they began with.

        Raises OSError if a new address cannot be bound, and CertificateProblem: then nothing has changed.
        """
        await self._apply(settings)
        if pending := self._keys_for_a_restart(settings):
            # Workers are restarted by their supervisor's restart.
            log.warning("restart_required", keys=pending, pid=os.getppid() if self._shares_ports else os.getpid())
        log.info(
            "reloaded",
            listen=self.http_urls,
            observe=self.observe_url,
            nodes=[node.name for node in settings.nodes],
        )

    def _keys_for_a_restart(self, settings: Settings) -> list[str]:
        """The keys whose values in `settings` are not in force."""
        pending = [] if settings.tracing == self._started_with.tracing else ["tracing"]
        if not self._shares_ports and settings.workers != self._started_with.workers:
            pending.append("workers")
        return pending + ([] if self._grpc is None else self._grpc.keys_for_a_restart(settings))

    async def stop(self) -> None:
        """Drain and stop: report not ready, keep accepting for `timeouts.drain_delay`, then give requests and sessions
        `timeouts.shutdown` seconds to finish, and close everything.
        """
        timeouts = self._settings.timeouts
        self.begin_drain()
        if self._listeners.all:
            await asyncio.sleep(timeouts.drain_delay)
        listeners = self._listeners.all
        generations = [each for each in (self._generation, *self._retired) if each is not None]
        for listener in listeners:
            listener.stop_accepting()
        await asyncio.gather(
            *(generation.drain(timeouts.shutdown) for generation in generations),
            *(listener.finish(timeouts.shutdown) for listener in listeners),
            *([] if self._grpc is None else [self._grpc.stop(timeouts.shutdown)]),
        )
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for generation in generations:
            await generation.close()
        self._compressor.close()
        await self._nodes.close()
        await self._tracing.close()
        if self._observe is not None:
            await self._observe.stop()

    def begin_drain(self) -> None:
        """Report not ready from now on, and close connections with each response: load balancers then stop sending."""
        self._draining = True

    @property
    def http_urls(self) -> list[str]:
        """Where clients connect, with the real ports, in the order of the settings."""
        return self._listeners.urls(self._settings)

    @property
    def http_url(self) -> str:
        """The first URL of `http_urls`."""
        return self.http_urls[0]

    @property
    def grpc_ports(self) -> list[int]:
        """The real gRPC ports."""
        return [] if self._grpc is None else self._grpc.ports

    @property
    def observe_url(self) -> str:
        """The URL of the observe address, with the real port."""
        if self._observe is None:
            raise RuntimeError("the proxy has not been started")
        return self._observe.url

    @property
    def metrics(self) -> Metrics:
        """The metrics, for the owner of this object."""
        return self._metrics

    def _readiness(self) -> Readiness:
        return Readiness(self._nodes.statuses(), draining=self._draining)

    async def _apply(self, settings: Settings) -> None:
        """Acquire everything that can fail first, and only then switch, in one step that does not await a client."""
        certificates = load_certificates(settings)
        bound = await self._listeners.bind(settings)
        grpc, grpc_bound = self._grpc_for(settings), {}
        try:
            if grpc is not None:
                grpc_bound = await grpc.bind(settings, certificates)
            await self._move_observe(settings.observe)
            removed = await self._replace_nodes(settings)
        except BaseException:
            release(bound)
            if grpc is not None:
                await grpc.release(grpc_bound)
            await self._move_observe(self._settings.observe)
            raise
        # New nodes may be on another network, where the same ledger number is another ledger.
        if (settings.cache, _urls(settings)) != (self._settings.cache, _urls(self._settings)):
            self._cache = ResponseCache(settings.cache.bytes, self._metrics)
        if (settings.clients, settings.guard) != (self._settings.clients, self._settings.guard):
            self._clients = make_callers(settings, self._clock)
        self._settings = settings
        self._unsent_bytes.limit = settings.limits.unsent_bytes
        self._metrics.set_method_buckets(settings.observe.method_buckets)
        retired, self._generation = self._generation, self._make_generation(settings)
        services = self._generation.listener_services
        self._listeners.apply(settings, services, certificates, bound)
        if grpc is not None:
            await grpc.apply(settings, services, certificates, grpc_bound, self._spawn)
        if retired is not None:
            self._retired.add(retired)
            self._spawn(self._retire(retired))
        self._spawn(_close_nodes(removed, settings.timeouts.request))

    async def _move_observe(self, settings: ObserveSettings) -> None:
        """Serve operators at this address, if it has changed. Raises OSError if it is unavailable."""
        if self._observe is not None:
            await self._observe.move(settings.host, settings.port, settings.allowed_hosts)

    def _grpc_for(self, settings: Settings) -> "GrpcListeners | None":
        """The gRPC listeners; None until the settings have a `grpc_port` for the first time."""
        if self._grpc is None and any(listen.grpc_port is not None for listen in settings.listeners):
            from proxy.grpc_passthrough.listeners import GrpcListeners

            self._grpc = GrpcListeners(self._nodes, lambda: not self._draining, shared=self._shares_ports)
        return self._grpc

    def _make_generation(self, settings: Settings) -> Generation:
        return Generation(
            settings,
            self._nodes,
            self._cache,
            self._clients,
            self._metrics,
            self._clock,
            self._tracing,
            self._in_flight,
            self._unsent_bytes,
            self._compressor,
        )

    async def _replace_nodes(self, settings: Settings) -> list[Node]:
        """Use the nodes of `settings`, keeping the objects of those that did not change; return the removed ones."""
        made: dict[str, tuple[object, Node]] = {}
        for node in settings.nodes:
            made_from = node_identity(node, settings)
            before = self._node_cache.get(node.name)
            if before is not None and before[0] == made_from:
                made[node.name] = before
            else:
                made[node.name] = (made_from, make_node(node, settings, self._metrics, self._tracing))
        nodes = [node for _, node in made.values()]
        removed = await self._nodes.replace(nodes, make_health_rules(settings), settings.timeouts.connect)
        # Before their metrics are removed: a health check in progress would set them again.
        await asyncio.gather(*(node.health.close() for node in removed))
        for name in set(self._node_cache) - set(made):
            self._metrics.node_gone(name)
        self._node_cache = made
        return removed

    async def _retire(self, generation: Generation) -> None:
        await generation.close_when_idle()
        self._retired.discard(generation)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` as a task; `stop` cancels it if it has not ended by then."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _close_nodes(nodes: Iterable[Node], seconds: float) -> None:
    """Close removed nodes when their last request has ended, after `seconds` at the latest."""
    try:
        async with asyncio.timeout(seconds):
            for node in nodes:
                while node.in_flight:  # noqa: ASYNC110 - a node counts its requests and has no event for it
                    await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    finally:
        for node in nodes:
            await node.close()


def _urls(settings: Settings) -> set[str]:
    """The URLs that cached responses came from."""
    return {node.http for node in settings.nodes}
