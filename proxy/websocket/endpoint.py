"""The WebSocket endpoint: admits clients, connects each to a node, and ends all sessions on shutdown."""

import asyncio
from dataclasses import dataclass, replace
from functools import partial

import structlog

from proxy.access.admission import Admission, InFlight
from proxy.envelope import RequestPolicy
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.http.request import Request
from proxy.http.response import TEXT, Response
from proxy.http.upgrade import Upgrade
from proxy.http.websocket_handshake import is_handshake, is_other_version
from proxy.nodes.failures import NoHealthyNode
from proxy.nodes.http import NodeFailure
from proxy.nodes.pool import Node, NodePool
from proxy.nodes.websocket import NodeConnection, WebSocketConnector
from proxy.rpc.large_translations import LargeTranslations
from proxy.telemetry.client_usage import ClientIdentity
from proxy.telemetry.log_rate import RateLimitedLog
from proxy.telemetry.recorder import RequestRecorder
from proxy.versions.path import path_version
from proxy.versions.sunset import DeprecationNotices
from proxy.versions.translator import Translator
from proxy.websocket.context import CANCELLED, SessionContext, SessionLimits, going_down
from proxy.websocket.elsewhere import OtherNodes
from proxy.websocket.session import Session
from proxy.websocket.streams.shared_registry import SharedSubscriptions

log = structlog.get_logger(__name__)
session_log = RateLimitedLog(log, lines=100)

# Most nodes to try for one client.
_TRIES = 3
_NO_HANDSHAKE = (
    "Not a WebSocket handshake: it needs HTTP/1.1, Host, Connection: Upgrade, Sec-WebSocket-Version: 13 and a "
    "Sec-WebSocket-Key of 16 bytes in base64"
)


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """Limits on sessions and on clients' connections. Bytes for sizes, seconds for times."""

    sessions: int
    sessions_per_address: int
    message_bytes: int
    ping_interval: float
    compression: bool


class WebSocketEndpoint:
    """Upgrades requests to sessions, and owns all open sessions."""

    def __init__(
        self,
        *,
        policy: RequestPolicy,
        nodes: NodePool,
        connector: WebSocketConnector,
        translator: Translator,
        recorder: RequestRecorder,
        limits: EndpointLimits,
        session_limits: SessionLimits,
        notices: DeprecationNotices,
        in_flight: InFlight,
        shared: SharedSubscriptions,
        other_nodes: OtherNodes,
        large: LargeTranslations,
        unsent_bytes: UnsentBytes,
    ) -> None:
        self._nodes = nodes
        self._connector = connector
        self._recorder = recorder
        self._limits = limits
        self._services = SessionContext(
            policy,
            translator,
            recorder,
            session_limits,
            partial(self._connect, policy.default_version),
            notices,
            shared,
            other_nodes,
            large,
            unsent_bytes,
            in_flight.subscription_bytes,
            in_flight.fair_share,
        )
        self._sessions: set[Session] = set()
        self._open = in_flight.sessions
        self._draining = False

    async def handle(
        self, upgrade: Upgrade, peer: str, caller: ClientIdentity | None, admission: Admission
    ) -> Response | None:
        """Serve the client at the address `peer` until its session ends, or return a refusal: 400, 426 or 503.

        `admission` has admitted the handshake as one request, and is consulted for each message.
        """
        if not is_handshake(upgrade.request.head):
            return self._no_handshake(upgrade.request)
        counted = admission.limit_key(peer)
        refusal = self._refusal(peer, counted)
        if refusal is not None:
            reason, text = refusal
            self._recorder.metrics.refused(reason)
            return _text(503, text)
        key = counted or peer
        self._open[key] += 1
        try:
            return await self._serve(upgrade, peer, caller, admission)
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

    def _refusal(self, peer: str, counted: str | None) -> tuple[str, str] | None:
        """Why `peer` may not open a session: a label for the metric, and a sentence for the client. None if it may.

        `counted`: its key for limits per address; None if it is exempt from them.
        """
        limits = self._limits
        if self._draining:
            return "draining", "This server is going down: connect to another"
        if not self._nodes.any_websocket:
            return "no_websocket", "This server has no node with WebSocket: use POST"
        if self._open.total() >= limits.sessions:
            return "sessions", f"Server is overloaded: {limits.sessions} sessions are open (websocket.sessions)"
        if counted is not None and self._open[counted] >= limits.sessions_per_address:
            most = limits.sessions_per_address
            return "sessions_per_address", f"{most} sessions are open from {peer} (websocket.sessions_per_address)"
        return None

    def _no_handshake(self, request: Request) -> Response:
        self._recorder.metrics.refused("no_handshake")
        if is_other_version(request.head):
            return _text(426, _NO_HANDSHAKE, {"Sec-WebSocket-Version": "13"})
        return _text(400, _NO_HANDSHAKE)

    async def _serve(
        self, upgrade: Upgrade, peer: str, caller: ClientIdentity | None, admission: Admission
    ) -> Response | None:
        services = self._services_for(upgrade.request)
        request_id = upgrade.request.id
        try:
            node, connection = await services.connect(peer)
        except (NoHealthyNode, NodeFailure):
            self._recorder.metrics.refused("no_node")
            return _text(503, "No node is available at the moment")
        try:
            socket = upgrade.accept(
                peer,
                services.fair_share,
                self._connector.write_batcher,
                compress=self._limits.compression,
                # Up to twice the limit the client gets an error, as from rippled.
                max_size=2 * self._limits.message_bytes,
                ping_interval=self._limits.ping_interval,
            )
            session = Session(socket, peer, caller, services, admission, node, connection)
        except BaseException:  # such as that the client left while its node was being connected
            await connection.close()
            raise
        del socket, connection
        await self._run(session, node, request_id)
        return None

    async def _run(self, session: Session, node: Node, request_id: str | None) -> None:
        metrics = self._recorder.metrics.sessions
        metrics.opened(session.version)
        session_log.info("session_opened", peer=session.peer, node=node.name, request_id=request_id)
        began = asyncio.get_running_loop().time()
        self._sessions.add(session)
        ending = CANCELLED
        try:
            if self._draining:
                session.end(going_down(0))
            ending = await session.run()
        finally:
            self._sessions.discard(session)
            metrics.closed(session.version, ending.reason)
            seconds = round(asyncio.get_running_loop().time() - began, 3)
            session_log.info(
                "session_closed",
                ending.reason,
                peer=session.peer,
                reason=ending.reason,
                seconds=seconds,
                request_id=request_id,
                **session.counts(),
            )

    def _services_for(self, request: Request) -> SessionContext:
        """The session context for this request: the path of its URL may set another default version."""
        version = path_version(request.head.target)
        if version is None:
            return self._services
        policy = replace(self._services.policy, default_version=version)
        connect = partial(self._connect, version)
        return replace(self._services, policy=policy, connect=connect, path=f"/v{version}")

    async def _connect(self, version: int, peer: str, min_ledger: int = 0) -> tuple[Node, NodeConnection]:
        """Choose a node and connect to it, or to another if it fails. Raises NoHealthyNode and NodeFailure.

        `min_ledger`: the newest ledger that the client has seen; a node that has it is preferred.
        """
        tried: set[Node] = set()
        while True:
            node = self._nodes.select(version, websocket=True, min_ledger=min_ledger, exclude=tried)
            if node is None or node.websocket_url is None:
                raise NoHealthyNode
            try:
                return node, await self._connector.connect(
                    node.name,
                    node.websocket_url,
                    peer,
                    node.tls,
                    node.http.headers,
                    forwarded=node.http.forwarded,
                    large_responses=node.http.large_responses,
                )
            except NodeFailure as failure:
                session_log.warning(
                    "node_websocket_failed", node.name, node=node.name, failure=failure.kind, detail=failure.detail
                )
                tried.add(node)
                if len(tried) >= _TRIES:
                    raise

    async def drain(self, seconds: float) -> None:
        """Admit no more clients, close all sessions with 1001 (going away), and wait for them to end.

        Requests in flight get half of `seconds`.
        """
        self._draining = True
        for session in tuple(self._sessions):
            session.end(going_down(seconds / 2))
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(session.ended.wait() for session in tuple(self._sessions)))
        except TimeoutError:
            pass


def _text(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(status, f"{text}\r\n".encode(), TEXT, headers)
