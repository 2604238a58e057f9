"""A session's requests in flight: sends each to the node and puts its response into the order."""

import asyncio
from collections.abc import Awaitable
from functools import partial

from adapters import VERSIONS, NodeRequest, Pipeline
from proxy.access.admission import ClientAdmission
from proxy.access.fair_share import LARGE_RESPONSE_BYTES
from proxy.envelope import Call, splice_websocket, write_websocket
from proxy.envelope.methods import METADATA_METHODS, PATH_METHODS, READING_METHODS, SUBSCRIPTION_METHODS
from proxy.nodes.ledger_range import validated_ledger_in
from proxy.nodes.pool import Node
from proxy.rpc.dispatch import CallContext
from proxy.rpc.large_translations import VERY_LARGE_BYTES, VeryLarge
from proxy.rpc.own_work import in_time
from proxy.telemetry.recorder import RequestRecord
from proxy.telemetry.tracing import NO_TRACING
from proxy.versions.own import own_token
from proxy.versions.translator import MISSING_ERRORS, UNABLE_ERRORS, NodeAnswer, TranslatedResult, error_of
from proxy.websocket.context import SessionContext
from proxy.websocket.exchange import Exchange, failure_message
from proxy.websocket.node_channel import NodeChannel
from proxy.websocket.node_message import NodeMessage, read_response
from proxy.websocket.node_session import NodeSession
from proxy.websocket.own_version import subscription_params
from proxy.websocket.sequencer import ResponseSequencer, Slot
from proxy.websocket.streams.budget import SubscriptionBudget

_IN_A_TASK = SUBSCRIPTION_METHODS | PATH_METHODS
"""Methods whose requests are more than one node request and its response."""
_OF_ANOTHER_NODE = (MISSING_ERRORS | UNABLE_ERRORS) - {"slowDown"}
"""Errors of a session's node to which another node may have a better response; `slowDown` is about the client."""


class PendingRequests:
    """The requests in flight of the client at the address `peer`, sent to `nodes`."""

    def __init__(
        self,
        peer: str,
        services: SessionContext,
        order: ResponseSequencer,
        nodes: NodeSession,
        budget: SubscriptionBudget,
        admission: ClientAdmission,
    ) -> None:
        self._peer = peer
        self._budget = budget
        self._services = services
        self._recorder = services.recorder
        self._order = order
        self._nodes = nodes
        self._admission = admission
        self._charge = admission.charge
        self._loop = asyncio.get_running_loop()
        self._in_flight: dict[Slot, asyncio.Task[None] | Exchange] = {}
        self._all_done: asyncio.Future[None] | None = None  # unless something waits for that
        self._starting = 0
        """Tasks that have not started, and so have sent nothing to the node."""
        self._bytes = 0
        self._request_seconds = services.limits.request_seconds
        self._node_seconds = min(services.limits.node_seconds, services.limits.request_seconds)

    def too_many(self, size: int) -> str | None:
        """Why a request of `size` bytes is refused now; None if it is not."""
        limits = self._services.limits
        if len(self._in_flight) >= limits.in_flight:
            return f"More than {limits.in_flight} requests of this session are in flight."
        # The node may not even have read what it did not answer in time.
        waiting = max(self._bytes, self._nodes.unsent())
        if waiting and waiting + size > limits.queue_bytes:
            return f"More than {limits.queue_bytes} bytes of requests of this session are in flight."
        return None

    def start(self, call: Call, served: RequestRecord, size: int) -> tuple[str, str] | None:
        """Start to serve a request of `size` bytes, with the next place in the order of responses.

        Returns a label for the metric and a sentence for the client if it would subscribe to too much.
        """
        subscribing = self._nodes.subscriptions.size_of(subscription_params(call)) if call.method == "subscribe" else 0
        if subscribing and (refusal := self._budget.refusal(subscribing)) is not None:
            return refusal
        if not self._admission.hold(size):
            return "total_request_bytes", "The server is overloaded: too many large requests are in progress."
        slot = self._order.open(blocks_pushes=call.method in SUBSCRIPTION_METHODS)
        self._bytes += size
        if subscribing:
            self._budget.add(subscribing)  # until the node confirms it: several requests may be in flight
        # The node gets requests in the client's order: none may overtake one whose task has not started.
        if self._starting or call.method in _IN_A_TASK or not self._send(call, served, slot, size):
            self._starting += 1
            self._in_flight[slot] = self._loop.create_task(self._serve(call, served, slot, size, subscribing))
        return None

    async def wait(self, seconds: float) -> None:
        """Wait for all responses, at most `seconds`."""
        if self._in_flight and seconds > 0:
            self._all_done = self._loop.create_future()
            await asyncio.wait((self._all_done,), timeout=seconds)
            self._all_done = None

    async def cancel(self) -> None:
        """Cancel the remaining ones."""
        tasks = []
        for pending in tuple(self._in_flight.values()):
            if isinstance(pending, Exchange):
                pending.cancel()
                self._recorder.metrics.in_flight.dec()
            else:
                pending.cancel()
                tasks.append(pending)
        await asyncio.gather(*tasks, return_exceptions=True)
        # Those that had not started have not done this themselves.
        self._in_flight.clear()
        self._admission.let_go(self._bytes)
        self._bytes = 0

    # Without a task: nearly every request is one node request

    def _send(self, call: Call, served: RequestRecord, slot: Slot, size: int) -> bool:
        """Send a request to the node, to be continued by `received` or `failed`; False if that needs a task."""
        channel = self._nodes.current
        if channel is None or self._recorder.tracing is not NO_TRACING:
            return False
        if self._services.other_nodes.serve(call.method, channel.node):
            return False
        now = self._loop.time()
        exchange = Exchange(self, call, served, slot, size, channel, now + self._request_seconds)
        if not exchange.send(now + self._node_seconds):
            return False
        self._recorder.metrics.in_flight.inc()
        self._in_flight[slot] = exchange
        return True

    def received(self, exchange: Exchange, message: NodeMessage) -> None:
        """The node has responded."""
        metrics, call, served, slot = self._recorder.metrics, exchange.call, exchange.served, exchange.slot
        metrics.in_flight.dec()
        self._nodes.flush_pushed()
        try:
            answer = exchange.translate(message, metrics)
        except Exception as error:  # noqa: BLE001 - it must not go unanswered
            answer = failure_message(error, call, served)
        if answer is not None:
            self._order.respond(slot, self._finished(call, served, slot, exchange.size, answer))
        else:
            self._order.fix_position(slot)
            self._in_flight[slot] = self._loop.create_task(self._serve(call, served, slot, exchange.size, 0, exchange))

    def failed(self, exchange: Exchange, failure: Exception) -> None:
        """The node will not respond."""
        self._recorder.metrics.in_flight.dec()
        call, served = exchange.call, exchange.served
        answer = failure_message(failure, call, served)
        self._order.complete(exchange.slot, self._finished(call, served, exchange.slot, exchange.size, answer))

    def _done(self, slot: Slot, size: int) -> None:
        if self._in_flight.pop(slot, None) is None:
            return  # after `cancel`
        self._bytes -= size
        self._admission.let_go(size)
        if self._all_done is not None and not self._in_flight and not self._all_done.done():
            self._all_done.set_result(None)

    def _finished(self, call: Call, served: RequestRecord, slot: Slot, size: int, answer: bytes) -> bytes:
        """Record a request whose response is ready, and return the message to send."""
        self._done(slot, size)
        served.call, served.answer = call, answer
        self._recorder.finish(served, None)
        return self._services.notices.with_warning(call.version, answer)

    # In a task

    async def _serve(
        self,
        call: Call,
        served: RequestRecord,
        slot: Slot,
        size: int,
        subscribing: int,
        exchange: Exchange | None = None,
    ) -> None:
        """Serve a request; an `exchange` has received the first response of the node."""
        metrics = self._recorder.metrics
        metrics.in_flight.inc()
        self._starting -= exchange is None
        try:
            with self._recorder.tracing.request(served):
                answer = await self._answer_in_time(call, served, slot, exchange)
        except BaseException:
            self._done(slot, size)
            raise
        finally:
            metrics.in_flight.dec()
            self._budget.add(-subscribing)
        self._order.complete(slot, self._finished(call, served, slot, size, answer))

    async def _answer_in_time(self, call: Call, served: RequestRecord, slot: Slot, exchange: Exchange | None) -> bytes:
        try:
            deadline = self._loop.time() + self._request_seconds if exchange is None else exchange.deadline
            channel = await self._nodes.channel(deadline) if exchange is None else exchange.channel
            if exchange is None and self._services.other_nodes.serve(call.method, channel.node):
                result, extras = await self._services.other_nodes.answer(call, served, deadline, self._charge)
                return write_websocket(call, result, extras)
            channel.node.in_flight += 1
            try:
                return await self._answer(call, served, slot, channel, deadline, exchange)
            finally:
                channel.node.in_flight -= 1
        except Exception as error:  # noqa: BLE001 - it must not go unanswered
            return failure_message(error, call, served)

    async def _answer(
        self,
        call: Call,
        served: RequestRecord,
        slot: Slot,
        channel: NodeChannel,
        deadline: float,
        exchange: Exchange | None,
    ) -> bytes:
        version = channel.version
        served.node, served.node_version = channel.node.name, version
        pipeline: Pipeline = VERSIONS.pipeline(call.version, version, call.method, channel.node.server)
        split = self._nodes.split(call)
        first: NodeAnswer | None = None
        if pipeline.is_identity and split is None:
            message = None if exchange is None else exchange.take()
            if message is None:
                message = await self._ask(NodeRequest(call.method, call.params), call, slot, channel, deadline)
            if len(message.text) >= LARGE_RESPONSE_BYTES:
                await self._take_turn(len(message.text), channel.node, deadline, is_translated=False)
            if message.parsed is None and call.method not in PATH_METHODS:
                spliced = splice_websocket(call, message.text)
                if spliced is not None:
                    channel.node.note_ledger(validated_ledger_in(message.text))
                    served.outcome = "success"
                    return spliced
            first = read_response(message, channel.node, served.request_id)

        hands_over = first is None and call.method in READING_METHODS and call.method not in PATH_METHODS

        async def ask(request: NodeRequest) -> NodeAnswer:
            nonlocal hands_over
            if split is not None:
                with self._recorder.tracing.node_request(channel.node.name, request.method):
                    async with asyncio.timeout_at(deadline):
                        return await self._nodes.subscribe(split, call, slot, channel)
            message = None if exchange is None else exchange.take()
            if message is None:
                message = await self._ask(request, call, slot, channel, deadline)
            if hands_over and len(message.text) >= VERY_LARGE_BYTES and message.parsed is None:
                hands_over = False
                very_large = VeryLarge(message.text, message.room)
                del message
                raise very_large
            hands_over = False
            if len(message.text) >= LARGE_RESPONSE_BYTES:
                await self._take_turn(len(message.text), channel.node, deadline, is_translated=True)
            is_lazy = pipeline.opaque_metadata and request.method == call.method and call.method in METADATA_METHODS
            answer = read_response(message, channel.node, served.request_id, is_lazy=is_lazy)
            if answer.result.get("validated") is True:
                channel.node.note_ledger(answer.result.get("ledger_index"))
            return answer

        translator = self._services.translator
        budget = translator.budget(self._charge)

        def converse() -> Awaitable[TranslatedResult]:
            conversation, extras = pipeline.converse(call.params), pipeline.extras
            return translator.converse(conversation, version, ask, first, extras, budget, client_version=call.version)

        try:
            translated = await converse()
        except VeryLarge as response:
            written = await self._services.large.answer(
                call, version, channel.node, response, served, deadline, websocket=True
            )
            if written is not None:
                served.outcome = "success"
                return written
            translated = await converse()
        if "error" in translated.result and own_token(translated.result["error"], call.version) in _OF_ANOTHER_NODE:
            context = CallContext(served, deadline, self._charge, budget)
            translated = await self._services.other_nodes.retry(call, context, channel.node, translated)
        if not pipeline.same_version:
            self._recorder.metrics.translation(call.method, call.version, version, translated.seconds)
        if call.method in PATH_METHODS:
            self._nodes.forwarder.restore_id(call, translated.result)
        served.error = error_of(translated.result)
        served.outcome = "success" if served.error is None else "error"
        return write_websocket(call, translated.result, translated.extras)

    async def _take_turn(self, size: int, node: Node, deadline: float, *, is_translated: bool) -> None:
        turn = self._services.fair_share.response_turn(self._peer, size, is_translated=is_translated)
        await in_time(turn, node.name, deadline)

    async def _ask(
        self, request: NodeRequest, call: Call, slot: Slot, channel: NodeChannel, deadline: float
    ) -> NodeMessage:
        noted = partial(self._nodes.on_response, call, slot, request.method == call.method)
        with self._recorder.tracing.node_request(channel.node.name, request.method):
            return await channel.request(request, noted, deadline)
