"""A session's requests in flight: sends each to the node and puts its response into the order."""

import asyncio
from functools import partial

import structlog

from adapters import VERSIONS, NodeRequest, Pipeline
from proxy.access.admission import Admission
from proxy.access.fair_share import LARGE_RESPONSE_BYTES
from proxy.envelope import Call, splice_websocket, write_websocket
from proxy.envelope.methods import PATH_METHODS, READING_METHODS, SUBSCRIPTION_METHODS
from proxy.nodes.failures import NODE_ERRORS, Failure, failure_response
from proxy.nodes.http import NodeFailure
from proxy.nodes.ledger_range import validated_ledger_in
from proxy.rpc.dispatch import CallContext
from proxy.rpc.large_translations import VERY_LARGE_BYTES, VeryLarge
from proxy.telemetry.recorder import RequestRecord
from proxy.versions.translator import MISSING_ERRORS, NodeAnswer, error_of
from proxy.websocket.context import SessionContext
from proxy.websocket.node_channel import NodeChannel
from proxy.websocket.node_message import NodeMessage, read_response
from proxy.websocket.node_session import NodeSession
from proxy.websocket.sequencer import ResponseSequencer, Slot
from proxy.websocket.streams.budget import SubscriptionBudget

log = structlog.get_logger(__name__)


class PendingRequests:
    """The requests in flight of the client at the address `peer`, sent to `nodes`.

    `charge`: called for each node request beyond the first of a message; False if the client may have no more.
    """

    def __init__(
        self,
        peer: str,
        services: SessionContext,
        order: ResponseSequencer,
        nodes: NodeSession,
        budget: SubscriptionBudget,
        admission: Admission,
    ) -> None:
        self._peer = peer
        self._budget = budget
        self._services = services
        self._account = services.account
        self._order = order
        self._nodes = nodes
        self._admission = admission
        self._charge = partial(admission.charge, peer)
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[Slot, asyncio.Task[None]] = {}
        self._bytes = 0

    def too_many(self, size: int) -> str | None:
        """Why a request of `size` bytes is refused now; None if it is not."""
        limits = self._services.limits
        if len(self._tasks) >= limits.in_flight:
            return f"More than {limits.in_flight} requests of this session are in flight."
        # The node may not even have read what it did not answer in time.
        waiting = max(self._bytes, self._nodes.unsent)
        if waiting and waiting + size > limits.queue_bytes:
            return f"More than {limits.queue_bytes} bytes of requests of this session are in flight."
        return None

    def start(self, call: Call, served: RequestRecord, size: int) -> tuple[str, str] | None:
        """Start to serve a request of `size` bytes, with the next place in the order of responses.

        Returns a label for the metric and a sentence for the client if it would subscribe to too much.
        """
        subscribing = self._nodes.subscriptions.size_of(call.params) if call.method == "subscribe" else 0
        if subscribing and (refusal := self._budget.refusal(subscribing)) is not None:
            return refusal
        if not self._admission.hold(self._peer, size):
            return "total_request_bytes", "The server is overloaded: too many large requests are in progress."
        slot = self._order.open(blocks_pushes=call.method in SUBSCRIPTION_METHODS)
        self._bytes += size
        self._budget.add(subscribing)  # until the node confirms it: several requests may be in flight
        serving = self._serve(call, served, slot, size, subscribing)
        self._tasks[slot] = self._loop.create_task(serving, name=f"request of {self._peer}")
        return None

    async def wait(self, seconds: float) -> None:
        """Wait for all responses, at most `seconds`."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)

    async def cancel(self) -> None:
        """Cancel the remaining ones."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Those that had not started have not done this themselves.
        self._tasks.clear()
        self._admission.let_go(self._peer, self._bytes)
        self._bytes = 0

    async def _serve(self, call: Call, served: RequestRecord, slot: Slot, size: int, subscribing: int) -> None:
        metrics = self._account.metrics
        metrics.in_flight.inc()
        try:
            with self._account.tracing.request(served):
                answer = await self._answer_in_time(call, served, slot)
        finally:
            metrics.in_flight.dec()
            self._bytes -= size
            self._admission.let_go(self._peer, size)
            self._budget.add(-subscribing)
            del self._tasks[slot]
        served.call, served.answer = call, answer
        self._account.finish(served, None)
        self._order.complete(slot, self._services.notices.with_warning(call.version, answer))

    async def _answer_in_time(self, call: Call, served: RequestRecord, slot: Slot) -> bytes:
        # Each wait ends at its deadline. All share one timer, because one each would cost 4 us.
        deadline = self._loop.time() + self._services.limits.request_seconds
        try:
            link = await self._nodes.channel(deadline)
            if self._services.other_nodes.serve(call.method, link.node):
                result, extras = await self._services.other_nodes.answer(call, served, deadline, self._charge)
                return write_websocket(call, result, extras)
            link.node.in_flight += 1
            try:
                return await self._answer(call, served, slot, link, deadline)
            finally:
                link.node.in_flight -= 1
        except TimeoutError:
            return self._failed(NodeFailure("timeout", served.node or "none"), call, served)
        except NODE_ERRORS as failure:
            return self._failed(failure, call, served)
        except Exception:
            log.exception("request_failed", request_id=served.request_id)
            return self._failed(NodeFailure("nonsense", served.node or "none"), call, served)

    async def _answer(self, call: Call, served: RequestRecord, slot: Slot, link: NodeChannel, deadline: float) -> bytes:
        version = link.version
        served.node, served.node_version = link.node.name, version
        pipeline: Pipeline = VERSIONS.pipeline(call.version, version, call.method, link.node.server)
        split = self._nodes.shared.split(call.method, call.params) if call.method in SUBSCRIPTION_METHODS else None
        first: NodeAnswer | None = None
        if pipeline.is_identity and split is None:
            message = await self._ask(NodeRequest(call.method, call.params), call, slot, link, deadline)
            if len(message.text) >= LARGE_RESPONSE_BYTES:
                await self._take_turn(len(message.text), deadline, is_translated=False)
            if message.parsed is None and call.method not in PATH_METHODS:
                spliced = splice_websocket(call, message.text)
                if spliced is not None:
                    link.node.note_ledger(validated_ledger_in(message.text))
                    served.outcome = "success"
                    return spliced
            first = read_response(message, link.node, served.request_id)

        hands_over = first is None and call.method in READING_METHODS and call.method not in PATH_METHODS

        async def ask(question: NodeRequest) -> NodeAnswer:
            nonlocal hands_over
            if split is not None:
                with self._account.tracing.node_request(link.node.name, question.method):
                    async with asyncio.timeout_at(deadline):
                        return await self._nodes.subscribe(split, call, slot, link)
            message = await self._ask(question, call, slot, link, deadline)
            if hands_over and len(message.text) >= VERY_LARGE_BYTES and message.parsed is None:
                hands_over = False
                very_large = VeryLarge(message.text)
                del message
                raise very_large
            hands_over = False
            if len(message.text) >= LARGE_RESPONSE_BYTES:
                await self._take_turn(len(message.text), deadline, is_translated=True)
            answer = read_response(message, link.node, served.request_id)
            if answer.result.get("validated") is True:
                link.node.note_ledger(answer.result.get("ledger_index"))
            return answer

        translator = self._services.translator
        budget = translator.budget(self._charge)
        try:
            translated = await translator.converse(
                pipeline.converse(call.params), version, ask, first, pipeline.extras, budget
            )
        except VeryLarge as response:
            response.__traceback__ = None  # its frames would hold the response
            link.node.note_ledger(validated_ledger_in(response.body))
            await self._take_turn(len(response.body), deadline, is_translated=False)
            async with asyncio.timeout_at(deadline):
                written = await self._services.large.translate(
                    call, version, link.node.server, response, websocket=True
                )
            if written is not None:
                served.outcome = "success"
                return written
            translated = await translator.converse(
                pipeline.converse(call.params), version, ask, first, pipeline.extras, budget
            )
        if translated.result.get("error") in MISSING_ERRORS:
            context = CallContext(served, deadline, budget, allow_passthrough=False)
            translated = await self._services.other_nodes.retry(call, context, link.node, translated)
        if not pipeline.same_version:
            self._account.metrics.translation(call.method, call.version, version, translated.seconds)
        if call.method in PATH_METHODS:
            self._nodes.forwarder.restore_id(call, translated.result)
        served.error = error_of(translated.result)
        served.outcome = "success" if served.error is None else "error"
        return write_websocket(call, translated.result, translated.extras)

    async def _take_turn(self, size: int, deadline: float, *, is_translated: bool) -> None:
        async with asyncio.timeout_at(deadline):
            await self._services.fair_share.response_turn(self._peer, size, is_translated=is_translated)

    async def _ask(
        self, question: NodeRequest, call: Call, slot: Slot, link: NodeChannel, deadline: float
    ) -> NodeMessage:
        noted = partial(self._nodes.on_response, call, slot, question.method == call.method)
        with self._account.tracing.node_request(link.node.name, question.method):
            return await link.request(question, noted, deadline)

    def _failed(self, failure: Failure, call: Call, served: RequestRecord) -> bytes:
        served.outcome = "failed"
        _, result = failure_response(failure, call.version, call.method in READING_METHODS)
        served.error = error_of(result)
        return write_websocket(call, result)
