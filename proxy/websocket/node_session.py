"""A session's connection to a node: its subscriptions there, and another node when that one is lost."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from adapters import JsonObject, NodeRequest
from proxy.envelope import Call
from proxy.envelope.methods import SUBSCRIPTION_METHODS
from proxy.eventloop.backoff import Backoff
from proxy.eventloop.compact_event import CompactEvent
from proxy.nodes.failures import NODE_ERRORS
from proxy.nodes.http import NodeFailure
from proxy.nodes.pool import Node
from proxy.nodes.websocket import NodeConnection
from proxy.telemetry.log_rate import RateLimitedLog
from proxy.versions.translator import NodeAnswer
from proxy.websocket.context import POLICY_VIOLATION, SERVICE_RESTART, CloseReason, SessionContext
from proxy.websocket.node_channel import NodeChannel
from proxy.websocket.node_message import NodeMessage, read_response
from proxy.websocket.own_version import in_version_of, own_result, subscription_params
from proxy.websocket.sequencer import ResponseSequencer, Slot
from proxy.websocket.stream_names import stream_name
from proxy.websocket.streams.budget import SubscriptionBudget
from proxy.websocket.streams.forwarder import StreamForwarder
from proxy.websocket.streams.membership import SharedMembership, Split
from proxy.websocket.streams.own import OwnStreams
from proxy.websocket.streams.subscriptions import Subscriptions

log = RateLimitedLog(structlog.get_logger(__name__), lines=100)

_VALIDATED = {"ledger_index": "validated"}
_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two attempts to reconnect: at first, and at most."""


class NodeSession:
    """The node of the client at the address `peer`: first `node`, over `connection`, later perhaps others.

    `order`: of the messages to the client. `budget`: of its subscriptions. `end`: ends the session.
    """

    def __init__(
        self,
        peer: str,
        services: SessionContext,
        node: Node,
        connection: NodeConnection,
        order: ResponseSequencer,
        budget: SubscriptionBudget,
        end: Callable[[CloseReason], None],
    ) -> None:
        metrics = services.recorder.metrics
        self._peer = peer
        self._services = services
        self._order = order
        self._end = end
        self.current: NodeChannel | None = self._new_channel(node, connection)
        """The channel; None while the node is being replaced, and once it will not be."""
        self._channel_resolved = CompactEvent()
        """Set while there is a channel, or when there will not be one again."""
        self._channel_resolved.set()
        self._over = False
        self.subscriptions = Subscriptions(metrics, services.policy.default_version, node.server, budget)
        self.forwarder = StreamForwarder(peer, metrics, order, self.subscriptions)
        self.shared = SharedMembership(services.shared, self.current, self.forwarder, self.subscriptions)
        self._own = OwnStreams(self.current, self.forwarder, self.subscriptions, metrics)

    def _new_channel(self, node: Node, connection: NodeConnection) -> NodeChannel:
        version = node.api_version or self._services.policy.default_version
        return NodeChannel(
            node, version, connection, self._services.limits.node_seconds, self._services.recorder.metrics
        )

    async def channel(self, deadline: float) -> NodeChannel:
        """The channel for one request; waits for one while the node is being replaced.

        Raises NodeFailure, and TimeoutError at `deadline` (the event loop's time).
        """
        if self.current is None:
            async with asyncio.timeout_at(deadline):
                await self._channel_resolved.wait()
        if self.current is None:
            raise NodeFailure("refused", "none", maybe_received=False)
        return self.current

    def unsent(self) -> int:
        """Bytes of requests that the node has not read yet."""
        return 0 if self.current is None else self.current.connection.unsent()

    async def run(self) -> None:
        """Read from the node and, if configured, from the next one after it is lost."""
        while (channel := self.current) is not None:
            await channel.listen(self._own)
            await self._lost(channel)

    def fail_pending(self) -> None:
        """Fail the requests in flight, and any later ones."""
        self._over = True
        self.shared.fail_pending()
        if self.current is not None:
            self.current.fail_pending()
        self._channel_resolved.set()

    def stop(self) -> None:
        """Process no more messages of the node, and forget the client's subscriptions."""
        if self.current is not None:
            self.current.stop()
        self.shared.end()
        self.subscriptions.close()

    async def close(self) -> None:
        """Close the connection, for good."""
        self._end = _ended  # a bound method would hold the session
        if self.current is not None:
            await self.current.close()

    # Responses

    def flush_pushed(self) -> None:
        """Deliver what was pushed before the response that has just arrived."""
        self._own.flush()

    def on_response(self, call: Call, slot: Slot, first: bool, answer: NodeMessage) -> None:
        """Update the client's subscriptions, and fix the response's position. `first`: to the call itself."""
        self._own.flush()  # messages pushed before the response are sent before it
        if first and call.method in SUBSCRIPTION_METHODS:
            # Now, not when the call's task runs: the node's next message may belong to the new subscription.
            self._apply_subscription(call, self._read(call.method, answer.result()))
        self._order.fix_position(slot)

    def _learn(self, method: str, params: JsonObject, version: int, result: JsonObject) -> None:
        self.subscriptions.on_response(method, params, version, result)
        self.shared.sync_version()
        self._own.sync_version()

    def _read(self, method: str, result: JsonObject) -> JsonObject:
        return result if self.current is None else own_result(self.current, method, result)

    def _apply_subscription(self, call: Call, result: JsonObject) -> None:
        params = subscription_params(call)
        self._learn(call.method, params, call.version, result)
        if "url" in params:
            return  # the URL is a separate subscriber
        if call.method == "unsubscribe":
            taken = self.shared.effective_streams(call.method, params, result.get("error"))
            self.shared.leave(frozenset(map(stream_name, taken)))
        if "error" in result:
            return
        if call.method == "path_find" and params.get("subcommand") == "create":
            self.forwarder.created_path_find(call)
        elif call.method == "subscribe":
            self.forwarder.subscribed(result)

    # Streams of the shared subscription

    def split(self, call: Call) -> Split | None:
        """The parts of a call for the shared subscription and for the session's own connection; None for one part."""
        if call.method not in SUBSCRIPTION_METHODS:
            return None
        return self.shared.split(call.method, subscription_params(call))

    async def subscribe(self, split: Split, call: Call, slot: Slot, channel: NodeChannel) -> NodeAnswer:
        """Serve a `subscribe` in two parts: the session's own connection first, then the shared subscription.

        Raises NodeFailure and TimeoutError. `SharedMembership.join` says what ends with the shared subscription.
        """
        joining: asyncio.Future[JsonObject] | None = None

        def on_answer(answer: NodeMessage) -> None:
            nonlocal joining
            self._own.flush()
            result = own_result(channel, call.method, answer.result())
            error = result.get("error")
            params = subscription_params(call)
            self._learn(call.method, split.own.params if error is None else params, call.version, result)
            # Messages of the shared subscription precede this response until the node has responded there.
            slot.blocks_pushes = split.own.method == call.method
            self._order.fix_position(slot)
            streams = split.shared if error is None else self.shared.effective_streams(call.method, params, error)
            if streams:
                joining = self.shared.join(streams, partial(self._joined, slot))

        try:
            request = in_version_of(channel, split.own)
            own = read_response(await channel.request(request, on_answer), channel.node)
            if joining is None:
                return own
            if "error" in own.result:  # an error about the rest of the request; these streams take effect
                with suppress(NodeFailure):
                    await joining
                return own
            result = await joining
        finally:
            joining = None  # a reference cycle: the failure's traceback has this frame
        if "error" not in result and split.own.method == call.method:
            result = {**own.result, **result}
        return NodeAnswer(result, own.extras, own.size)

    def _joined(self, slot: Slot, result: JsonObject, streams: tuple[str, ...]) -> None:
        self._order.block_pushes(slot)
        self.subscriptions.confirmed(streams)
        self.forwarder.subscribed(self._read("subscribe", dict(result)))

    # Reconnecting

    async def _lost(self, channel: NodeChannel) -> None:
        """The connection ended: requests in flight fail, and the session continues on another node, or ends."""
        connection = channel.connection
        self.current = None
        self._own.flush()
        self.shared.end()
        if not self._over:
            self._channel_resolved.clear()
        log.warning(
            "session_lost_node",
            channel.node.name,
            peer=self._peer,
            node=channel.node.name,
            code=connection.close_code,
            reason=connection.close_reason,
            silent=connection.ping_timed_out,
        )
        channel.fail_pending()
        channel.node.health.request_probe()  # it may have been restarted, with other software or on another network
        await channel.close()
        if connection.close_code == POLICY_VIOLATION:
            # The client has exceeded the node's limits: moving to another node would evade them.
            reason = connection.close_reason or "closed by the node"
            self._end(CloseReason("node_refuses", POLICY_VIOLATION, reason[:100]))
            return
        if self._services.limits.reconnect_seconds > 0 and self.subscriptions.can_resume:
            try:
                async with asyncio.timeout(self._services.limits.reconnect_seconds):
                    await self._replace(channel)
                return
            except TimeoutError:
                pass
        reason = "node_silent" if connection.ping_timed_out else "node_lost"
        self._end(CloseReason(reason, SERVICE_RESTART, "the connection to the node was lost"))

    async def _replace(self, lost: NodeChannel) -> None:
        """Connect to a node, the same or another, and renew the client's subscriptions."""
        newest = lost.node.health.status.validated_ledger or 0
        min_ledger = lost.node.newest_ledger  # the newest ledger that the client may have seen
        # All sessions of the lost node look for another at the same time.
        backoff = Backoff(_PAUSE, _LONGEST_PAUSE, jitter=0.5)
        while True:
            try:
                channel = self._new_channel(*await self._services.connect(self._peer, min_ledger=min_ledger))
            except NODE_ERRORS:
                await asyncio.sleep(backoff.next())
                continue
            if await self._resumed(channel, newest):
                self.current = channel
                self._channel_resolved.set()
                log.info("session_reconnected", channel.node.name, peer=self._peer, node=channel.node.name)
                return
            await asyncio.sleep(backoff.next())

    async def _resumed(self, channel: NodeChannel, newest_before: int) -> bool:
        """Subscribe again, while pushed messages already reach the client; return whether the node
        accepted everything.
        """
        self.subscriptions.node_changed(channel.node.server)
        self._own = OwnStreams(channel, self.forwarder, self.subscriptions, self._services.recorder.metrics)
        self.shared.begin(channel, use_own_connection=not self.subscriptions.are_streams)
        taken = False
        try:
            newest = None
            for params in self.subscriptions.resume_requests():
                result = await self._subscribe_again(params, channel, newest_before)
                if "error" in result:
                    log.warning(
                        "resubscribe_refused",
                        channel.node.name,
                        node=channel.node.name,
                        error=str(result["error"])[:40],
                    )
                    return False
                newest = result.get("ledger_index", newest)
            if len(self.subscriptions):
                if newest is None:
                    newest = (await self._ask_before_listening("ledger", _VALIDATED, channel)).get("ledger_index")
                self.forwarder.resumed(newest, newest_before, channel.node.name)
            taken = True
        except NODE_ERRORS:
            pass
        finally:
            if not taken:
                self.shared.end()
                await channel.close()
        return taken

    async def _subscribe_again(self, params: JsonObject, channel: NodeChannel, newest_before: int) -> JsonObject:
        def joined(result: JsonObject, _: tuple[str, ...]) -> None:
            newest = own_result(channel, "subscribe", dict(result)).get("ledger_index")
            self.forwarder.resumed(newest, newest_before, channel.node.name)

        split = self.shared.split("subscribe", params)
        if split is not None:
            return own_result(channel, "subscribe", dict(await self.shared.join(split.shared, joined)))
        return await self._ask_before_listening("subscribe", params, channel)

    async def _ask_before_listening(self, method: str, params: JsonObject, channel: NodeChannel) -> JsonObject:
        """The node's result for a request of the proxy; both as they are written and read here."""
        request = in_version_of(channel, NodeRequest(method, params))
        answer = await channel.request_before_listening(request, self._own)
        return own_result(channel, method, answer.result)


def _ended(ending: CloseReason) -> None:
    """Does nothing: for a session that has ended."""
