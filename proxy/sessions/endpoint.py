"""The WebSocket endpoint: lets clients in, connects each to a node, and ends all sessions when the proxy ends."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from aiohttp import WSCloseCode, web

from proxy.envelope import Policy
from proxy.failures import NoNode
from proxy.guard import Network, client_address
from proxy.nodes.http import NodeFailure
from proxy.nodes.pool import Node, Nodes
from proxy.nodes.websocket import NodeConnection, WebSocketDialer
from proxy.observe.served import Account
from proxy.sessions.session import Ending, Services, Session, SessionLimits
from proxy.translation import Translator

log = structlog.get_logger(__name__)

_CLOSING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """How many sessions there may be, and what a client's connection may do. Bytes for sizes, seconds for times."""

    sessions: int
    sessions_per_address: int
    message_bytes: int
    ping_interval: float
    compression: bool


class WebSocketEndpoint:
    """Upgrades requests to sessions, and keeps all that are open."""

    def __init__(
        self,
        *,
        policy: Policy,
        nodes: Nodes,
        dialer: WebSocketDialer,
        translator: Translator,
        account: Account,
        trusted_proxies: Sequence[Network],
        limits: EndpointLimits,
        session_limits: SessionLimits,
    ) -> None:
        self._nodes = nodes
        self._dialer = dialer
        self._account = account
        self._trusted_proxies = trusted_proxies
        self._limits = limits
        self._services = Services(policy, translator, account, session_limits, self._connect)
        self._sessions: set[Session] = set()
        self._open = Counter[str]()
        self._draining = False

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serves one client until its session ends, or refuses it with 503 before there is one."""
        peer = client_address(request.remote or "", request.headers, self._trusted_proxies)
        refusal = self._refusal(peer)
        if refusal is not None:
            reason, text = refusal
            self._account.metrics.refused(reason)
            return web.Response(status=503, text=f"{text}\r\n")
        self._open[peer] += 1
        try:
            return await self._serve(request, peer)
        finally:
            self._open[peer] -= 1
            if not self._open[peer]:
                del self._open[peer]

    def _refusal(self, peer: str) -> tuple[str, str] | None:
        """Why there may be no further session from `peer`: a word for the metric, and a sentence for the client."""
        limits = self._limits
        if self._draining:
            return "draining", "This server is going down: connect to another"
        if not self._nodes.any_websocket:
            return "no_websocket", "This server has no node that speaks WebSocket: ask by POST"
        if self._open.total() >= limits.sessions:
            return "sessions", f"Server is overloaded: {limits.sessions} sessions are open (websocket.sessions)"
        if self._open[peer] >= limits.sessions_per_address:
            most = limits.sessions_per_address
            return "sessions_per_address", f"{most} sessions are open from {peer} (websocket.sessions_per_address)"
        return None

    async def _serve(self, request: web.BaseRequest, peer: str) -> web.StreamResponse:
        try:
            node, connection = await self._connect(peer)
        except (NoNode, NodeFailure):
            self._account.metrics.refused("no_node")
            return web.Response(status=503, text="No node can be connected to at the moment\r\n")
        # rippled tells a client whose message is too large so, but only up to a point.
        largest = 2 * self._limits.message_bytes
        socket = web.WebSocketResponse(
            timeout=_CLOSING_SECONDS,
            heartbeat=self._limits.ping_interval,
            compress=self._limits.compression,
            max_msg_size=largest,
            decode_text=False,
        )
        try:
            await socket.prepare(request)
        except BaseException:
            await connection.close()
            raise

        def abort() -> None:
            if request.transport is not None:
                request.transport.abort()

        await self._run(Session(socket, peer, self._services, node, connection, abort), node)
        return socket

    async def _run(self, session: Session, node: Node) -> None:
        metrics = self._account.metrics
        metrics.session_opened(session.version)
        log.info("session_opened", peer=session.peer, node=node.name)
        began = asyncio.get_running_loop().time()
        self._sessions.add(session)
        ending = Ending("cancelled")
        try:
            if self._draining:
                session.end(_GOING_DOWN)
            ending = await session.run()
        finally:
            self._sessions.discard(session)
            metrics.session_closed(session.version, ending.reason)
            seconds = round(asyncio.get_running_loop().time() - began, 3)
            log.info("session_closed", peer=session.peer, reason=ending.reason, seconds=seconds, **session.counts())

    async def _connect(self, peer: str) -> tuple[Node, NodeConnection]:
        """Chooses a node and connects to it. Raises NoNode and NodeFailure."""
        node = self._nodes.choose(self._services.policy.default_version, websocket=True)
        if node is None or node.websocket_url is None:
            raise NoNode
        return node, await self._dialer.connect(node.name, node.websocket_url, peer)

    async def drain(self, seconds: float) -> None:
        """Lets in nobody else, tells all that the server is going down (1001), and waits for them to be gone."""
        self._draining = True
        for session in tuple(self._sessions):
            session.end(_GOING_DOWN)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(session.ended.wait() for session in tuple(self._sessions)))
        except TimeoutError:
            pass


_GOING_DOWN = Ending("draining", WSCloseCode.GOING_AWAY, "the server is going down")
