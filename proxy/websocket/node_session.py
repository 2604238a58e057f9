"""A session's side towards the nodes: the link it has, and another one when that is lost."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog
from aiohttp import WSCloseCode

from adapters import JsonObject, NodeRequest
from proxy.envelope import Call
from proxy.envelope.methods import SUBSCRIPTION_METHODS
from proxy.eventloop.backoff import Backoff
from proxy.eventloop.compact_event import CompactEvent
from proxy.nodes.failures import NODE_ERRORS
from proxy.nodes.http import NodeFailure
from proxy.nodes.pool import Node
from proxy.nodes.websocket import NodeConnection
from proxy.versions.translator import NodeAnswer
from proxy.websocket.context import CloseReason, SessionContext
from proxy.websocket.node_channel import NodeChannel
from proxy.websocket.node_message import NodeMessage, read_response
from proxy.websocket.sequencer import ResponseSequencer, Slot
from proxy.websocket.stream_names import stream_name
from proxy.websocket.streams.budget import SubscriptionBudget
from proxy.websocket.streams.forwarder import StreamForwarder
from proxy.websocket.streams.membership import SharedMembership, Split
from proxy.websocket.streams.subscriptions import Subscriptions

log = structlog.get_logger(__name__)

# Seconds between two tries to find a node again: at first, and at most.
_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class NodeSession:
    """Follows the node of the client at the address `peer`: `node`, over `connection`, and maybe others after it.

    `end` ends the session.
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
        metrics = services.account.metrics
        self._peer = peer
        self._services = services
        self._order = order
        self._end = end
        self._link: NodeChannel | None = self._new_link(node, connection)
        self._link_resolved = CompactEvent()
        """Set while there is a link, or there will be none any more."""
        self._link_resolved.set()
        self._over = False
        self.subscriptions = Subscriptions(
            metrics, self._link.version, services.policy.default_version, node.server, budget
        )
        self.forwarder = StreamForwarder(peer, metrics, order, self.subscriptions)
        self.shared = SharedMembership(services.shared, self._link, self.forwarder, self.subscriptions)

    def _new_link(self, node: Node, connection: NodeConnection) -> NodeChannel:
        version = node.api_version or self._services.policy.default_version
        return NodeChannel(
            node, version, connection, self._services.limits.node_seconds, self._services.account.metrics
        )

    async def channel(self, deadline: float) -> NodeChannel:
        """The link for one request, all of it; waits for one while the node is being replaced.

        Raises NodeFailure; TimeoutError at `deadline` (the event loop's time).
        """
        if self._link is None:
            async with asyncio.timeout_at(deadline):
                await self._link_resolved.wait()
        if self._link is None:
            raise NodeFailure("refused", "none", maybe_received=False)
        return self._link

    @property
    def unsent(self) -> int:
        """Bytes of questions that the node has not taken yet."""
        return 0 if self._link is None else self._link.connection.unsent

    async def run(self) -> None:
        """Reads the node, and where that is wanted the next one after it was lost."""
        while (link := self._link) is not None:
            await link.listen(self)
            await self._lost(link)

    def fail_pending(self) -> None:
        """There is nobody to ask any more: fails what waits, and what would."""
        self._over = True
        self.shared.fail_pending()
        if self._link is not None:
            self._link.fail_pending()
        self._link_resolved.set()

    async def close(self) -> None:
        """Closes the connection, for good."""
        self._end = _ended  # not the session's any more, which holds this
        if self._link is not None:
            await self._link.close()

    # What the node says

    def on_pushed(self, stream: str, text: bytes) -> None:
        """Gives on what was pushed."""
        name = self._link.node.name if self._link is not None else ""
        self.forwarder.take(stream, text, name)

    def on_response(self, call: Call, slot: Slot, first: bool, answer: NodeMessage) -> None:
        """Learns what was subscribed to, and fixes the answer's place. `first`: the question was the client's own."""
        if first and call.method in SUBSCRIPTION_METHODS:
            # Now, not when the call's task runs: the node's next message may already be pushed by it.
            self._apply_subscription(call, answer.result())
        self._order.fix_position(slot)

    def _apply_subscription(self, call: Call, result: JsonObject) -> None:
        self.subscriptions.on_response(call.method, call.params, call.version, result)
        self.shared.sync_version()
        if "url" in call.params:
            return  # as Subscriptions has it
        if call.method == "unsubscribe":
            taken = self.shared.effective_streams(call.method, call.params, result.get("error"))
            self.shared.leave(frozenset(map(stream_name, taken)))
        if "error" in result:
            return
        if call.method == "path_find" and call.params.get("subcommand") == "create":
            self.forwarder.created_path_find(call)
        elif call.method == "subscribe":
            self.forwarder.subscribed(result)

    # Streams of the shared subscription

    async def subscribe(self, split: Split, call: Call, slot: Slot, channel: NodeChannel) -> NodeAnswer:
        """Serves a `subscribe` in two parts: the session's own connection first, then the shared subscription.

        Raises NodeFailure and TimeoutError. When the shared subscription is lost, so is the session's node: see
        `SharedMembership.join`.
        """
        joining: asyncio.Future[JsonObject] | None = None

        def on_answer(answer: NodeMessage) -> None:
            nonlocal joining
            result = answer.result()
            error = result.get("error")
            params = split.own.params if error is None else call.params
            self.subscriptions.on_response(call.method, params, call.version, result)
            self.shared.sync_version()
            # Messages of the shared subscription precede this response until the node has responded there.
            slot.blocks_pushes = split.own.method == call.method
            self._order.fix_position(slot)
            streams = split.shared if error is None else self.shared.effective_streams(call.method, call.params, error)
            if streams:
                joining = self.shared.join(streams, partial(self._joined, slot))

        try:
            own = read_response(await channel.request(split.own, on_answer), channel.node)
            if joining is None:
                return own
            if "error" in own.result:  # about what follows these streams, which take effect all the same
                with suppress(NodeFailure):
                    await joining
                return own
            result = await joining
        finally:
            joining = None  # a failure's traceback has this frame, which would have the failure
        if "error" not in result and split.own.method == call.method:
            result = {**own.result, **result}
        return NodeAnswer(result, own.extras, own.size)

    def _joined(self, slot: Slot, result: JsonObject, streams: tuple[str, ...]) -> None:
        self._order.block_pushes(slot)
        self.subscriptions.confirmed(streams)
        self.forwarder.subscribed(result)

    # When the node is lost

    async def _lost(self, channel: NodeChannel) -> None:
        """The connection ended: requests in flight fail, and the session continues on another node, or ends."""
        connection = channel.connection
        self._link = None
        self.shared.end()
        if not self._over:
            self._link_resolved.clear()
        log.warning(
            "session_lost_node",
            peer=self._peer,
            node=channel.node.name,
            code=connection.close_code,
            reason=connection.close_reason,
            silent=connection.ping_timed_out,
        )
        channel.fail_pending()
        await channel.close()
        if connection.close_code == WSCloseCode.POLICY_VIOLATION:
            # Meant for this client, which has exceeded the node's limits: moving to another node would evade them.
            reason = connection.close_reason or "closed by the node"
            self._end(CloseReason("node_refuses", WSCloseCode.POLICY_VIOLATION, reason[:100]))
            return
        if self._services.limits.reconnect_seconds > 0 and self.subscriptions.can_resume:
            try:
                async with asyncio.timeout(self._services.limits.reconnect_seconds):
                    await self._replace(channel)
                return
            except TimeoutError:
                pass
        reason = "node_silent" if connection.ping_timed_out else "node_lost"
        self._end(CloseReason(reason, WSCloseCode.SERVICE_RESTART, "the connection to the node was lost"))

    async def _replace(self, lost: NodeChannel) -> None:
        """Goes to a node again, and subscribes to all that the client is subscribed to."""
        newest = lost.node.health.status.validated_ledger or 0
        min_ledger = lost.node.newest_ledger  # what the client may have seen
        # All sessions of the node lost look for another together.
        backoff = Backoff(_PAUSE, _LONGEST_PAUSE, jitter=0.5)
        while True:
            try:
                channel = self._new_link(*await self._services.connect(self._peer, min_ledger=min_ledger))
            except NODE_ERRORS:
                await asyncio.sleep(backoff.next())
                continue
            if await self._resumed(channel, newest):
                self._link = channel
                self._link_resolved.set()
                log.info("session_reconnected", peer=self._peer, node=channel.node.name)
                return
            await asyncio.sleep(backoff.next())

    async def _resumed(self, channel: NodeChannel, newest_before: int) -> bool:
        """Subscribes again; what is pushed meanwhile is the client's already. Whether the node took it all."""
        self.subscriptions.node_changed(channel.version, channel.node.server)
        self.shared.begin(channel, use_own_connection=not self.subscriptions.are_streams)
        taken = False
        try:
            newest = None
            for params in self.subscriptions.resume_requests():
                result = await self._subscribe_again(params, channel, newest_before)
                if "error" in result:
                    log.warning("resume_refused", node=channel.node.name, error=str(result["error"])[:40])
                    return False
                newest = result.get("ledger_index", newest)
            if len(self.subscriptions):
                if newest is None:
                    latest = NodeRequest("ledger", {"ledger_index": "validated"})
                    newest = (await channel.request_before_listening(latest, self)).result.get("ledger_index")
                self.forwarder.resumed(newest, newest_before, channel.node.name)
            taken = True
        except NODE_ERRORS:
            pass
        finally:
            if not taken:
                self.shared.end()
                await channel.close()
        return taken

    async def _subscribe_again(self, params: JsonObject, link: NodeChannel, newest_before: int) -> JsonObject:
        def joined(result: JsonObject, _: tuple[str, ...]) -> None:
            self.forwarder.resumed(result.get("ledger_index"), newest_before, link.node.name)

        split = self.shared.split("subscribe", params)
        if split is not None:
            return await self.shared.join(split.shared, joined)
        return (await link.request_before_listening(NodeRequest("subscribe", params), self)).result


def _ended(ending: CloseReason) -> None:
    """What ends a session that is over."""
