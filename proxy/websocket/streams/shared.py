"""The one connection to a node over which all its sessions get the public streams."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex

import structlog

from adapters import JsonObject, NodeRequest
from proxy.nodes.failures import NODE_ERRORS
from proxy.nodes.http import NodeFailure
from proxy.nodes.pool import Node
from proxy.nodes.websocket import WebSocketConnector
from proxy.telemetry.metrics import Metrics
from proxy.versions.own import own_token
from proxy.websocket.node_channel import NodeChannel
from proxy.websocket.node_message import NodeMessage, read_response
from proxy.websocket.own_version import in_version_of
from proxy.websocket.stream_names import is_validated, ledger_index_in, stream_name
from proxy.websocket.streams.attribution import StreamTracker
from proxy.websocket.streams.broadcaster import Broadcaster, Subscriber
from proxy.websocket.streams.subscriptions import REJECTED_OUTRIGHT

log = structlog.get_logger(__name__)

_SNAPSHOT_STREAMS = frozenset({"ledger", "server"})
"""Streams whose `subscribe` returns the current state; for the others it returns an empty result."""
_ASKED_AGAIN = 0.05
"""Least seconds between two requests for the state alone: thousands of clients may reconnect at the same time."""

_ENDED_AGAIN = 1.0
"""Least seconds until an unused stream, or the connection, is ended: a client that left may come back."""

OnSubscribed = Callable[[JsonObject, tuple[str, ...]], None]
"""Receives the result of a `subscribe`, and the streams that the session gets from now on."""


@dataclass(slots=True, eq=False)
class _PendingSubscribe:
    """A session that joins streams and waits for the node's response, which `noted` receives immediately."""

    subscriber: Subscriber
    streams: tuple[str, ...]
    noted: OnSubscribed
    left: frozenset[str] = frozenset()
    """The streams that it left again before the node responded."""
    refused_with_others: bool = False
    """The node has refused these streams together with those of other sessions."""
    answer: asyncio.Future[JsonObject] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def can_batch_with(self, first: "_PendingSubscribe") -> bool:
        """Whether one request for `first` and for this gets the response that a node would give to either."""
        if self.refused_with_others or first.refused_with_others:
            return self.streams == first.streams
        return _SNAPSHOT_STREAMS.intersection(self.streams) == _SNAPSHOT_STREAMS.intersection(first.streams)


class SharedSubscription:
    """Opened for the first session that joins, closed after the last has left, or lost; then `ended` is called.

    To the node, used in `version`, it is a connection of the proxy itself, without a client. `answer_seconds`: seconds
    to wait for a response.
    """

    def __init__(
        self,
        node: Node,
        version: int,
        connector: WebSocketConnector,
        answer_seconds: float,
        metrics: Metrics,
        ended: Callable[["SharedSubscription"], None],
    ) -> None:
        self._node = node
        self._version = version
        self._connector = connector
        self._answer_seconds = answer_seconds
        self._metrics = metrics
        self._ended = ended
        self._broadcaster = Broadcaster(node.name, version, node.server, metrics)
        self._pushed = StreamTracker()
        self._not_to_end: set[str] = set()
        """Streams that the node cannot stop: rippled's `unsubscribe` does not support `book_changes`."""
        self._joins: deque[_PendingSubscribe] = deque()
        self._asked_of: list[_PendingSubscribe] = []
        self._newest_ledger = 0
        self._last_asked = float("-inf")
        self._last_ended = asyncio.get_running_loop().time()
        self._wake = asyncio.Event()
        self._is_over = False
        self.task = asyncio.create_task(self._run(), name=f"shared streams of {node.name}")

    # Sessions

    def join(self, subscriber: Subscriber, asked: tuple[str, ...], noted: OnSubscribed) -> asyncio.Future[JsonObject]:
        """Deliver streams, as the client named them, to the session; return the future result of `subscribe`.

        The session gets what the node pushes after its response. `noted` is called at that moment, with the streams
        that were not left again in the meantime; not if the result is an error. The future may fail with NodeFailure.
        """
        join = _PendingSubscribe(subscriber, tuple(dict.fromkeys(map(stream_name, asked))), noted)
        if self._is_over:
            join.answer.set_exception(NodeFailure("disconnected", self._node.name))
        elif self._is_known(join):
            self._complete(join, {})
        else:
            self._joins.append(join)
            self._wake.set()
        return join.answer

    def leave(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        """Stop delivering these streams to the session."""
        left = frozenset(streams)
        for join in (*self._joins, *self._asked_of):
            if join.subscriber is subscriber:
                join.left |= left
        if subscriber.streams & {"ledger", "transactions", "transactions_proposed"}:
            subscriber.forwarder.note_ledger(self._newest_ledger)
        self._broadcaster.remove(subscriber, left)
        self._wake.set()

    def set_version(self, subscriber: Subscriber, version: int) -> None:
        """Deliver to the session in this version from now on."""
        self._broadcaster.set_version(subscriber, version)

    # Messages of the node

    def on_pushed(self, kind: str, message: bytes) -> None:
        """Deliver a pushed message."""
        stream = self._pushed.stream_of(kind, message)
        ledger_index = ledger_index_in(message) if kind in ("ledger", "transactions") else None
        if ledger_index is not None and stream == "ledger":
            for subscriber in self._broadcaster.subscribers("ledger"):
                subscriber.forwarder.closed(ledger_index, self._node.name)
        if ledger_index is not None and (stream == "ledger" or is_validated(message)):
            self._newest_ledger = max(self._newest_ledger, ledger_index)
            self._node.note_ledger(ledger_index)
        self._broadcaster.publish(stream, kind, message)

    # Requests to the node

    async def _run(self) -> None:
        failure = NodeFailure("disconnected", self._node.name)
        try:
            await self._serve()
        except NODE_ERRORS as found:
            failure = found if isinstance(found, NodeFailure) else failure
        except Exception:
            log.exception("shared_subscription_failed", node=self._node.name)
        finally:
            self._end(failure)

    async def _serve(self) -> None:
        node, url = self._node, self._node.websocket_url
        if url is None:
            raise NodeFailure("refused", node.name, maybe_received=False)
        try:
            connection = await self._connector.connect(
                node.name, url, None, node.tls, node.http.headers, forwarded=node.http.forwarded
            )
        except NodeFailure as failure:
            log.warning("node_websocket_failed", node=node.name, failure=failure.kind, detail=failure.detail)
            raise
        log.info("shared_subscription_opened", node=node.name)
        connection.after_read = self._broadcaster.flush
        channel = NodeChannel(node, self._version, connection, self._answer_seconds, self._metrics)
        listening, asking = (asyncio.create_task(part) for part in (channel.listen(self), self._ask_all(channel)))
        try:
            await asyncio.wait((listening, asking), return_when=asyncio.FIRST_COMPLETED)
            if not self._is_over:
                log.warning(
                    "shared_subscription_lost",
                    node=node.name,
                    code=connection.close_code,
                    reason=connection.close_reason,
                    silent=connection.ping_timed_out,
                )
                self._end(NodeFailure("disconnected", node.name))
        finally:
            listening.cancel()
            asking.cancel()
            results = await asyncio.gather(listening, asking, return_exceptions=True)
            await channel.close()
        for result in results:
            if isinstance(result, Exception):
                raise result

    def _end(self, failure: Exception) -> None:
        """Accept no more sessions, and end those that have or await its streams."""
        if self._is_over:
            return
        self._is_over = True
        self._ended(self)
        waiting = [join for join in (*self._asked_of, *self._joins) if not join.answer.done()]
        self._fail(failure, waiting)
        for subscriber in (*self._broadcaster.subscribers(), *(join.subscriber for join in waiting)):
            self.leave(subscriber, subscriber.streams)
            subscriber.lost()

    async def _ask_all(self, channel: NodeChannel) -> None:
        """Subscribe to what sessions wait for, and unsubscribe from what none needs, until none needs anything."""
        while not self._is_over:
            self._wake.clear()
            unwanted = [
                stream
                for stream in self._pushed.active()
                if not self._broadcaster.has_subscribers(stream) and stream not in self._not_to_end
            ]
            wait = self._last_ended + _ENDED_AGAIN - asyncio.get_running_loop().time()
            if self._joins:
                await self._ask_for_first(channel)
            elif self._broadcaster and not unwanted:
                await self._wake.wait()
            elif wait > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
            elif self._broadcaster:
                await self._unsubscribe(channel, unwanted[0])
            else:
                self._end(NodeFailure("disconnected", self._node.name))

    async def _ask_for_first(self, channel: NodeChannel) -> None:
        """Subscribe for the session that waits longest, and for all that get the same state in the response."""
        first = self._joins[0]
        if first.answer.done():
            self._joins.popleft()  # the session that wanted it is gone
            return
        if self._pushed.are_on(first.streams):
            # Other sessions that need the state may join in the meantime, and get the same response.
            await asyncio.sleep(self._last_asked + _ASKED_AGAIN - asyncio.get_running_loop().time())
        self._asked_of = [join for join in self._joins if join.can_batch_with(first)]
        self._joins = deque(join for join in self._joins if not join.can_batch_with(first))
        streams = tuple(dict.fromkeys(stream for join in self._asked_of for stream in join.streams))
        self._pushed.asked(streams)
        self._not_to_end.difference_update(streams)
        self._last_asked = asyncio.get_running_loop().time()
        try:
            request = NodeRequest("subscribe", {"streams": list(streams)})
            await channel.request(in_version_of(channel, request), partial(self._answered, streams))
        except TimeoutError:
            self._fail(NodeFailure("timeout", self._node.name), self._asked_of)
        self._asked_of = []

    def _answered(self, streams: tuple[str, ...], message: NodeMessage) -> None:
        """Complete the joins that waited for this response, and those that need none."""
        try:
            result = read_response(message, self._node).result
        except NodeFailure as failure:
            self._fail(failure, self._asked_of)
            return
        if "error" not in result:
            self._pushed.begun(streams)
        elif (
            own_token(result["error"], self._version) not in REJECTED_OUTRIGHT
            and len({join.streams for join in self._asked_of}) > 1
        ):
            for join in self._asked_of:
                join.refused_with_others = True
            self._joins.extendleft(reversed(self._asked_of))
            return
        for number, join in enumerate(self._asked_of):
            if number and "random" in result:
                result = {**result, "random": token_hex(32).upper()}  # rippled draws one for each response
            self._complete(join, result)
        for join in [join for join in self._joins if self._is_known(join)]:
            self._joins.remove(join)
            self._complete(join, {})

    def _is_known(self, join: _PendingSubscribe) -> bool:
        return self._pushed.are_on(join.streams) and _SNAPSHOT_STREAMS.isdisjoint(join.streams)

    def _complete(self, join: _PendingSubscribe, result: JsonObject) -> None:
        if join.answer.done():
            return  # the session that wanted it is gone
        if "error" not in result:
            staying = tuple(stream for stream in join.streams if stream not in join.left)
            if staying:
                self._broadcaster.add(join.subscriber, staying)
            join.noted(result, staying)
        join.answer.set_result(result)

    async def _unsubscribe(self, channel: NodeChannel, stream: str) -> None:
        self._last_ended = asyncio.get_running_loop().time()
        self._pushed.ending(stream)
        try:
            request = NodeRequest("unsubscribe", {"streams": [stream]})
            await channel.request(in_version_of(channel, request), partial(self._answered_end, stream))
        except TimeoutError:
            self._not_to_end.add(stream)

    def _answered_end(self, stream: str, message: NodeMessage) -> None:
        if "error" in message.read():
            self._not_to_end.add(stream)
        else:
            self._pushed.ended(stream)

    @staticmethod
    def _fail(failure: Exception, joins: Iterable[_PendingSubscribe]) -> None:
        for join in joins:
            if not join.answer.done():
                join.answer.set_exception(failure)
                join.answer.exception()  # perhaps nobody waits for it any longer
