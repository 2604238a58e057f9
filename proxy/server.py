"""Puts it all together: what listens, what looks after the nodes, and how it starts and ends."""

import asyncio
import signal
from dataclasses import replace

import structlog
import uvloop
from aiohttp import web

import proxy
from proxy.answering import Answering
from proxy.config import NodeSettings, Settings
from proxy.entrance import Entrance
from proxy.envelope import Policy
from proxy.guard import Guard
from proxy.jsonrpc import JsonRpcEndpoint
from proxy.kept import KeptAnswers
from proxy.negotiation import VersionRange
from proxy.nodes import Breaker, HealthRules, HttpNode, Node, NodeHealth, Nodes, node_tls
from proxy.nodes.websocket import WebSocketDialer
from proxy.observe import logs
from proxy.observe.endpoints import ObserveServer, Readiness
from proxy.observe.metrics import Metrics
from proxy.observe.nodes import NodesCollector
from proxy.observe.served import Account
from proxy.sessions import EndpointLimits, SessionLimits, WebSocketEndpoint
from proxy.translation import Translator

log = structlog.get_logger(__name__)


class Proxy:
    """One process's proxy, from `start` to `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics(proxy.__version__)
        self._draining = False
        self._nodes: Nodes | None = None
        self._observe: ObserveServer | None = None
        self._runner: web.ServerRunner | None = None
        self._sessions: WebSocketEndpoint | None = None
        self._dialer: WebSocketDialer | None = None

    async def start(self) -> None:
        """Listen, and look after the nodes. Raises OSError where an address cannot be had."""
        settings = self._settings
        try:
            self._nodes = nodes = Nodes([self._node(node) for node in settings.nodes], self._health_rules())
            self._metrics.registry.register(NodesCollector(self._readiness, nodes.paused))
            self._observe = ObserveServer(
                settings.observe.host,
                settings.observe.port,
                version=proxy.__version__,
                metrics=self._metrics,
                readiness=self._readiness,
            )
            await self._observe.start()
            await self._nodes.start(settings.timeouts.connect)
            await self._listen(self._nodes)
        except BaseException:
            await self.stop()
            raise
        log.info("started", listen=self.http_url, observe=self.observe_url, version=proxy.__version__)

    async def stop(self) -> None:
        """Ends: not ready from now on, requests under way are given `timeouts.shutdown`, then all is closed."""
        self._draining = True
        if self._sessions is not None:
            await self._sessions.drain(self._settings.timeouts.shutdown)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._dialer is not None:
            await self._dialer.close()
        if self._nodes is not None:
            await self._nodes.close()
        if self._observe is not None:
            await self._observe.stop()

    @property
    def http_url(self) -> str:
        """Where clients connect, with the real port."""
        if self._runner is None:
            raise RuntimeError("the proxy has not been started")
        host = self._settings.listen.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._runner.addresses[0][1]}/"

    @property
    def observe_url(self) -> str:
        """Where operators look, with the real port."""
        if self._observe is None:
            raise RuntimeError("the proxy has not been started")
        return self._observe.url

    def _readiness(self) -> Readiness:
        return Readiness(self._nodes.statuses() if self._nodes is not None else (), draining=self._draining)

    def _node(self, settings: NodeSettings) -> Node:
        timeouts, limits, health = self._settings.timeouts, self._settings.limits, self._settings.health
        secure = settings.http.startswith("https") or (settings.websocket or "").startswith("wss")
        tls = node_tls(settings.tls.ca, settings.tls.verify) if secure else None
        http = HttpNode(
            settings.name,
            settings.http,
            connect_timeout=timeouts.connect,
            answer_timeout=timeouts.node_answer,
            idle_timeout=timeouts.node_idle,
            connections=limits.node_connections,
            answer_bytes=limits.answer_bytes,
            tls=tls,
        )
        http.watch(self._metrics.node_asked)
        looked_after = NodeHealth(
            http,
            api_version=None if settings.api_version == "auto" else settings.api_version,
            newest=self._settings.versions.max,
            interval=timeouts.health_interval,
            timeout=health.timeout,
            rules=self._health_rules(),
            websocket_url=settings.websocket,
            tls=tls,
            allow_admin=self._settings.guard.allow_admin_nodes,
            changed=self._metrics.node_up,
        )
        breaker = Breaker(
            failures=health.breaker_failures,
            window=health.breaker_window,
            pause=health.breaker_pause,
            longest_pause=health.breaker_longest_pause,
        )
        return Node(settings.name, http, settings.websocket, looked_after, settings.weight, tls, breaker)

    def _health_rules(self) -> HealthRules:
        health = self._settings.health
        return HealthRules(
            failures=health.failures,
            successes=health.successes,
            max_validated_age=health.max_validated_age,
            max_lag=health.max_lag,
            states=frozenset(health.states),
        )

    def _policy(self) -> Policy:
        guard, limits, versions = self._settings.guard, self._settings.limits, self._settings.versions
        return Policy(
            versions=VersionRange(versions.min, versions.max),
            guard=Guard(
                allow_admin_methods=frozenset(guard.allow_admin_methods),
                allow_admin_credentials=guard.allow_admin_credentials,
                allow_subscribe_url=guard.allow_subscribe_url,
            ),
            depth=limits.depth,
            request_bytes=limits.request_bytes,
            batch_items=limits.batch_items,
        )

    def _translator(self) -> Translator:
        limits = self._settings.limits
        return Translator(
            questions=limits.questions, question_bytes=limits.question_bytes, remembered=limits.remembered_ledgers
        )

    def _sessions_for(self, nodes: Nodes, translator: Translator, account: Account) -> WebSocketEndpoint:
        settings, websocket = self._settings, self._settings.websocket
        self._dialer = WebSocketDialer(
            connect_timeout=settings.timeouts.connect,
            ping_interval=websocket.ping_interval,
            message_bytes=websocket.answer_bytes,
        )
        return WebSocketEndpoint(
            policy=replace(self._policy(), request_bytes=websocket.message_bytes),
            nodes=nodes,
            dialer=self._dialer,
            translator=translator,
            account=account,
            trusted_proxies=settings.guard.trusted_proxies,
            limits=EndpointLimits(
                sessions=websocket.sessions,
                sessions_per_address=websocket.sessions_per_address,
                message_bytes=websocket.message_bytes,
                ping_interval=websocket.ping_interval,
                compression=websocket.compression,
            ),
            session_limits=SessionLimits(
                request_seconds=settings.timeouts.request,
                node_seconds=settings.timeouts.node_answer,
                in_flight=websocket.in_flight,
                queue_bytes=websocket.queue_bytes,
                reconnect_seconds=settings.timeouts.reconnect if websocket.reconnect else 0,
            ),
        )

    async def _listen(self, nodes: Nodes) -> None:
        settings = self._settings
        translator = self._translator()
        account = Account(self._metrics, logs.AccessLog(settings.logging.requests))
        answering = Answering(
            nodes,
            translator,
            KeptAnswers(settings.cache.bytes, self._metrics),
            self._metrics,
            tries=settings.health.tries,
            share=settings.cache.share_in_flight,
        )
        jsonrpc = JsonRpcEndpoint(
            policy=self._policy(),
            answering=answering,
            account=account,
            trusted_proxies=settings.guard.trusted_proxies,
            request_seconds=settings.timeouts.request,
            in_flight=settings.limits.in_flight,
        )
        self._sessions = self._sessions_for(nodes, translator, account)
        self._runner = web.ServerRunner(
            # Bodies are taken as they come: a compressed one is not JSON to rippled either.
            web.Server(
                Entrance(jsonrpc, self._sessions, self._readiness).handle,
                access_log=None,
                keepalive_timeout=settings.timeouts.idle_client,
                auto_decompress=False,
            ),
            handle_signals=False,
            shutdown_timeout=settings.timeouts.shutdown,
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, settings.listen.host, settings.listen.port).start()


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError where an address cannot be had."""
    writer = logs.configure(settings.logging.level, settings.logging.format)
    try:
        uvloop.run(_serve(settings))
    finally:
        writer.close()


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    served = Proxy(settings)
    await served.start()
    await stop.wait()
    log.info("stopping")
    await served.stop()
