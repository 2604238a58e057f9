"""One session: a client's WebSocket and its connection to a node, from the first message to the last."""

import asyncio

import structlog

from adapters import JsonObject
from proxy.access.admission import Admission
from proxy.access.fair_share import CHEAP_BYTES
from proxy.envelope import Call, RejectedCall, WebSocketRefusal, read_websocket, write_websocket
from proxy.eventloop.compact_event import CompactEvent
from proxy.http.client_websocket import ClientWebSocket
from proxy.http.websocket_connection import ABNORMAL_CLOSURE, NORMAL_CLOSURE
from proxy.http.websocket_frames import INVALID_TEXT, MESSAGE_TOO_BIG, NO_CODE
from proxy.nodes.pool import Node
from proxy.nodes.websocket import NodeConnection
from proxy.telemetry.client_usage import ClientIdentity
from proxy.telemetry.recorder import RequestRecord
from proxy.versions.negotiation import version_result
from proxy.versions.own import own_error
from proxy.websocket.context import (
    CANCELLED,
    CLOSING_SECONDS,
    INTERNAL,
    NOT_UTF8,
    RATE_EXCEEDED,
    TOO_SLOW,
    CloseReason,
    SessionContext,
)
from proxy.websocket.node_session import NodeSession
from proxy.websocket.requests import PendingRequests
from proxy.websocket.send_queue import SendQueue
from proxy.websocket.sequencer import ResponseSequencer
from proxy.websocket.streams.budget import SubscriptionBudget

log = structlog.get_logger(__name__)

_UNPACK_SECONDS = 3e-9
"""Seconds that it takes to unmask, and perhaps decompress, one byte of a message before it is delivered."""


class Session:
    """One client's session with the node `node`, over `connection`, from `run` to its end.

    `client`: its WebSocket, to be started. `peer`: its address. `caller`: the key of its usage record.
    `admission`: its rate limits.
    """

    def __init__(
        self,
        client: ClientWebSocket,
        peer: str,
        caller: ClientIdentity | None,
        services: SessionContext,
        admission: Admission,
        node: Node,
        connection: NodeConnection,
    ) -> None:
        self.peer = peer
        self.version = services.policy.default_version
        """The version that the client used last."""
        self.ended = CompactEvent()
        """Set when the session has ended and is cleaned up."""
        self._client = client
        self._caller = caller
        self._services = services
        self._admission = admission.of_client(peer)
        self._recorder = services.recorder
        self._output = SendQueue(
            client,
            services.limits.queue_bytes,
            services.recorder.metrics.sessions.queue_bytes,
            services.unsent_bytes,
            lambda: self.end(TOO_SLOW),
        )
        self._order = ResponseSequencer(self._output.put, self._output.reserve, self._output.put_frames)
        budget = SubscriptionBudget(
            services.limits.subscriptions, services.subscription_bytes, admission.limit_key(peer)
        )
        self._nodes = NodeSession(peer, services, node, connection, self._order, budget, self.end)
        self._calls = PendingRequests(peer, services, self._order, self._nodes, budget, self._admission)
        self._ending: asyncio.Future[CloseReason] = asyncio.get_running_loop().create_future()
        self._requests = 0

    def end(self, ending: CloseReason) -> None:
        """End the session; the first reason counts."""
        if not self._ending.done():
            self._ending.set_result(ending)

    async def run(self) -> CloseReason:
        """Serve the client until either side leaves or `end` is called; return why it ended."""
        following = asyncio.create_task(self._follow_node(), name=f"session of {self.peer}")
        self._client.start(self._on_message, self._on_client_end)
        ending = CANCELLED
        try:
            ending = await asyncio.shield(self._ending)
        finally:
            try:
                await self._close(ending, following)
            finally:
                self.ended.set()
        return ending

    async def _follow_node(self) -> None:
        """Read from the node; end the session if that fails unexpectedly, rather than let it hang."""
        try:
            await self._nodes.run()
        except Exception:
            log.exception("session_failed", peer=self.peer)
            self.end(INTERNAL)

    def counts(self) -> JsonObject:
        """The session's statistics, for the log."""
        return {
            "requests": self._requests,
            "messages": self._output.sent,
            "pushed": self._nodes.forwarder.count,
            "subscriptions": len(self._nodes.subscriptions),
        }

    async def _close(self, ending: CloseReason, following: asyncio.Task[None]) -> None:
        """Send the reason, as far as the client still reads, and clean up."""
        try:
            if ending.notifies_client and self._client.is_open:
                await self._calls.wait(ending.grace)
                self._nodes.fail_pending()
                try:
                    async with asyncio.timeout(CLOSING_SECONDS):
                        await self._calls.wait(CLOSING_SECONDS)
                        await self._output.flushed()
                except TimeoutError:
                    pass
        finally:
            self._output.close()
            self._nodes.stop()
            following.cancel()
            await asyncio.gather(self._calls.cancel(), following, return_exceptions=True)
            await asyncio.gather(self._close_client(ending), self._nodes.close(), return_exceptions=True)

    async def _close_client(self, ending: CloseReason) -> None:
        """Close the WebSocket with the reason, wait a little for the client, then drop the connection in any case."""
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                heard = self._client.close_code
                code = ending.code or (NORMAL_CLOSURE if heard in (None, NO_CODE, ABNORMAL_CLOSURE) else heard)
                await self._client.close(code, ending.message.encode())
        except TimeoutError:
            pass
        finally:
            # Closing a connection waits for unsent data, which a client that does not read never accepts.
            self._client.abort()

    # Messages of the client

    def _on_client_end(self) -> None:
        client = self._client
        if client.violation and client.close_code == INVALID_TEXT:
            self.end(NOT_UTF8)
        elif client.violation:
            self.end(CloseReason("message_too_big" if client.close_code == MESSAGE_TOO_BIG else "protocol_error"))
        elif client.ping_timed_out:
            self.end(CloseReason("client_silent"))
        else:
            self.end(CloseReason("client_gone" if client.close_code == ABNORMAL_CLOSURE else "client_closed"))

    def _on_message(self, message: bytes) -> None:
        """Process one message, and charge the time to the client if it may be long."""
        self._requests += 1
        if len(message) < CHEAP_BYTES:
            self._take(message)
            return
        fair_share = self._services.fair_share
        began = fair_share.cpu_clock()
        self._take(message)
        fair_share.spent(self.peer, fair_share.cpu_clock() - began + len(message) * _UNPACK_SECONDS)

    def _take(self, message: bytes) -> None:
        """Process one message of the client."""
        served = self._recorder.begin("ws", self.peer, self._caller)
        if self._services.path:
            served.path = self._services.path
        refusal = self._admission.admit()  # even an invalid message: reading it has a cost
        read = read_websocket(message, self._services.policy)
        if isinstance(read, Call):
            call = read
        elif isinstance(read, RejectedCall):
            call = read.call
        else:
            served.method = read.method or ""
            self._refuse(served, read.reason, read.message, read)
            if refusal is not None:
                self._end_over_rate()
            return
        version = call.version
        served.method, served.client_version = call.method, version
        if version != self.version:
            self._recorder.metrics.sessions.version_changed(self.version, version)
            self.version = version
        if refusal is not None:
            # As rippled does with a client that has used up its balance.
            self._refuse(served, refusal, write_websocket(call, own_error("slowDown", None, version)))
            self._end_over_rate()
        elif isinstance(read, RejectedCall):
            self._refuse(served, read.reason, write_websocket(call, read.result))
        elif self._ending.done():
            result = own_error("tooBusy", "This session is being closed: connect again.", version)
            self._refuse(served, "session_closing", write_websocket(call, result))
        elif (problem := self._calls.too_many(len(message))) is not None:
            result = own_error("tooBusy", problem, version)
            self._refuse(served, "session_in_flight", write_websocket(call, result))
        elif call.method == "version":
            served.outcome = "success"
            self._recorder.finish(served, None)
            result = version_result(version, self._services.policy.versions)
            answer = self._services.notices.with_warning(version, write_websocket(call, result))
            self._order.complete(self._order.open(), answer)
        elif (refused := self._calls.start(call, served, len(message))) is not None:
            result = own_error("tooBusy", refused[1], version)
            self._refuse(served, refused[0], write_websocket(call, result))

    def _refuse(
        self, served: RequestRecord, reason: str, message: bytes, refusal: WebSocketRefusal | None = None
    ) -> None:
        self._recorder.refused(served, reason, refusal.version_refused if refusal is not None else None)
        self._recorder.finish(served, None)
        if served.client_version is not None:
            message = self._services.notices.with_warning(served.client_version, message)
        self._order.complete(self._order.open(), message)

    def _end_over_rate(self) -> None:
        """End the session as rippled does; the client's remaining messages are not even refused."""
        self.end(RATE_EXCEEDED)
        self._client.pause()
