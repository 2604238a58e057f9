"""A session's requests that are under way: each asked of the node, its answer put where its turn is."""

import asyncio
from functools import partial

import structlog

from adapters import VERSIONS, Pipeline, Question
from proxy.envelope import Call, splice_websocket, write_websocket
from proxy.failures import FAILURES, Failure, told_of_failure
from proxy.nodes.http import NodeFailure
from proxy.nodes.methods import READING_METHODS
from proxy.observe.served import Served
from proxy.sessions.link import Message, NodeLink, read_answer
from proxy.sessions.node_side import NodeSide
from proxy.sessions.order import DeliveryOrder, Slot
from proxy.sessions.pushed import PATH_METHODS
from proxy.sessions.services import Services
from proxy.sessions.subscriptions import SUBSCRIBING
from proxy.translation import NodeAnswer, error_of

log = structlog.get_logger(__name__)


class Calls:
    """The requests under way of the client at the address `peer`, asked of `nodes`."""

    def __init__(self, peer: str, services: Services, order: DeliveryOrder, nodes: NodeSide) -> None:
        self._peer = peer
        self._services = services
        self._account = services.account
        self._order = order
        self._nodes = nodes
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0

    def too_many(self, size: int) -> str | None:
        """Why a request of `size` bytes cannot be taken on now; None if it can."""
        limits = self._services.limits
        if len(self._tasks) >= limits.in_flight:
            return f"More than {limits.in_flight} requests of this session are under way."
        if self._tasks and self._bytes + size > limits.queue_bytes:
            return f"More than {limits.queue_bytes} bytes of requests of this session are under way."
        return None

    def start(self, call: Call, served: Served, size: int) -> None:
        """Takes on a request of `size` bytes. Its place in the order is its place among the client's messages."""
        self._services.busy_polling.asked()
        slot = self._order.open(holds_pushed=call.method in SUBSCRIBING)
        task = asyncio.create_task(self._serve(call, served, slot), name=f"request of {self._peer}")
        self._bytes += size
        self._tasks.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._bytes -= size

        task.add_done_callback(done)

    async def wait(self, seconds: float) -> None:
        """Waits for all to be answered, at most so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def cancel(self) -> None:
        """Ends all that are left."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, call: Call, served: Served, slot: Slot) -> None:
        metrics = self._account.metrics
        metrics.in_flight.inc()
        try:
            with self._account.tracing.request(served):
                answer = await self._answer_in_time(call, served, slot)
        finally:
            metrics.in_flight.dec()
        self._account.ended(served, None)
        if self._account.shadow is not None:
            self._account.shadow.heard(call, answer, served)
        self._order.fill(slot, self._services.notices.warned(call.version, answer))

    async def _answer_in_time(self, call: Call, served: Served, slot: Slot) -> bytes:
        try:
            async with asyncio.timeout(self._services.limits.request_seconds):
                link = await self._nodes.link()
                with link.node.busy():
                    return await self._answer(call, served, slot, link)
        except TimeoutError:
            return self._failed(NodeFailure("timeout", served.node or "none"), call, served)
        except FAILURES as failure:
            return self._failed(failure, call, served)
        except Exception:
            log.exception("request_failed", request_id=served.request_id)
            return self._failed(NodeFailure("nonsense", served.node or "none"), call, served)

    async def _answer(self, call: Call, served: Served, slot: Slot, link: NodeLink) -> bytes:
        version = link.version
        served.node, served.node_version = link.node.name, version
        pipeline: Pipeline = VERSIONS.pipeline(call.version, version, call.method)
        split = self._nodes.shared.split(call.method, call.params) if call.method in SUBSCRIBING else None
        first: NodeAnswer | None = None
        if pipeline.passes and split is None:
            message = await self._ask(Question(call.method, call.params), call, slot, link)
            if message.parsed is None and call.method not in PATH_METHODS:
                spliced = splice_websocket(call, message.text)
                if spliced is not None:
                    served.outcome = "success"
                    return spliced
            first = read_answer(message, link.node)

        async def ask(question: Question) -> NodeAnswer:
            if split is not None:
                with self._account.tracing.question(link.node.name, question.method):
                    return await self._nodes.subscribe(split, call, slot, link)
            return read_answer(await self._ask(question, call, slot, link), link.node)

        translated = await self._services.translator.converse(pipeline.converse(call.params), version, ask, first)
        if not pipeline.same_version:
            self._account.metrics.translation(call.method, call.version, version, translated.seconds)
        if call.method in PATH_METHODS:
            self._nodes.pushed_messages.put_id_back(call, translated.result)
        served.error = error_of(translated.result)
        served.outcome = "success" if served.error is None else "error"
        return write_websocket(call, translated.result, translated.beside)

    async def _ask(self, question: Question, call: Call, slot: Slot, link: NodeLink) -> Message:
        with self._account.tracing.question(link.node.name, question.method):
            return await link.ask(question, partial(self._nodes.answered, call, slot, question.method == call.method))

    def _failed(self, failure: Failure, call: Call, served: Served) -> bytes:
        served.outcome = "failed"
        _, result = told_of_failure(failure, call.version, call.method in READING_METHODS)
        served.error = error_of(result)
        return write_websocket(call, result)
