"""Dispatching a call over HTTP: the response comes from the cache, from an equal call in flight, or from a node."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from adapters import VERSIONS, Pipeline
from proxy.access.fair_share import LARGE_RESPONSE_BYTES, FairShare
from proxy.envelope import Call, splice_jsonrpc
from proxy.envelope.lazy_metadata import loads_lazy_metadata
from proxy.envelope.methods import COALESCABLE_METHODS, METADATA_METHODS, READING_METHODS
from proxy.envelope.node import CLIO_WARNING_FIELD
from proxy.envelope.unparsed_ledger import loads_unparsed_ledger
from proxy.envelope.written_json import write_sorted
from proxy.nodes import LedgerRange, Node, NodePool, NodeResponse, requested_ledgers
from proxy.nodes.failures import NODE_ERRORS, NoHealthyNode
from proxy.nodes.ledger_range import LEDGER_PARAMS, validated_ledger_in
from proxy.rpc.attempt import Answer, Attempt, PassthroughAnswer, PlainTextAnswer, VersionRefused
from proxy.rpc.large_translations import VERY_LARGE_BYTES, LargeTranslations, VeryLarge
from proxy.rpc.ledger_choice import reads_validated_ledger
from proxy.rpc.response_cache import ResponseCache
from proxy.rpc.single_flight import SingleFlight
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.recorder import RequestRecord
from proxy.versions.own import own_token, request_in_own_version
from proxy.versions.single_request import SingleRequest
from proxy.versions.translator import (
    MISSING_ERRORS,
    UNABLE_ERRORS,
    NodeAnswer,
    SubrequestBudget,
    TranslatedResult,
    Translator,
    error_of,
)

log = structlog.get_logger(__name__)

_VERSION_SECONDS = 2.0
"""Most seconds that a read waits for a node's API version to be detected again."""


@dataclass(slots=True)
class CallContext:
    """The limits of a call, and the record that it fills in.

    `deadline`: in the event loop's time. `budget`: of node requests; None until one is needed, if it is the call's own.
    `charge`: as in `SubrequestBudget`. `allow_passthrough`: the node's bytes may be the response, where they are the
    same in both versions.
    """

    record: RequestRecord
    deadline: float
    charge: Callable[[], bool]
    budget: SubrequestBudget | None = None
    allow_passthrough: bool = False


class Dispatcher:
    """Answers calls for all clients over HTTP.

    `tries`: the most nodes that one call is sent to. `share`: whether equal reads that wait together share a response.
    """

    def __init__(
        self,
        nodes: NodePool,
        translator: Translator,
        cache: ResponseCache,
        metrics: Metrics,
        fair_share: FairShare,
        *,
        tries: int,
        share: bool,
    ) -> None:
        self._nodes = nodes
        self._translator = translator
        self.budget = translator.budget
        self._cache = cache
        self._metrics = metrics
        self._fair_share = fair_share
        self.large = LargeTranslations(metrics, fair_share)
        """The process that translates very large responses."""
        self._tries = tries
        self._loop = asyncio.get_running_loop()
        self._sharing: SingleFlight[tuple[Answer, RequestRecord]] | None = SingleFlight() if share else None

    async def close(self) -> None:
        """End the process that translates very large responses."""
        await self.large.close()

    def answer(self, call: Call, context: CallContext) -> Awaitable[Answer]:
        """The response to `call`; the context's record receives the node and the outcome.

        Raises NODE_ERRORS and PlainTextAnswer.
        """
        key = self._cache.key(call)
        if key is not None:
            return self._answer_from_cache(key, call, context)
        return self._ask_nodes(call, context) if self._sharing is None else self._answer_uncached(call, context)

    def answer_uncached(self, call: Call, context: CallContext) -> Awaitable[Answer]:
        """The same, always with a separate node request."""
        return self._ask_nodes(call, context)

    async def _answer_from_cache(self, key: bytes, call: Call, context: CallContext) -> Answer:
        cached = self._cache.get(key, call.method)
        if cached is not None:
            context.record.outcome = "success"
            return cached
        answer = await self._answer_uncached(call, context)
        self._cache.put(key, answer.body if isinstance(answer, PassthroughAnswer) else answer)
        return answer

    def _answer_uncached(self, call: Call, context: CallContext) -> Awaitable[Answer]:
        if self._sharing is None or call.method not in COALESCABLE_METHODS or not reads_validated_ledger(call):
            return self._ask_nodes(call, context)
        return self._share(self._sharing, call, context)

    async def _share(
        self, sharing: SingleFlight[tuple[Answer, RequestRecord]], call: Call, context: CallContext
    ) -> Answer:
        async def ask() -> tuple[Answer, RequestRecord]:
            return await self._ask_nodes(call, context), context.record

        params = write_sorted(call.params)
        key = (call.version, call.method, params, context.allow_passthrough)
        (answer, by), shared = await sharing.ask(key, ask, _may_share, context.deadline)
        if shared:
            self._metrics.coalesced(call.method)
            record = context.record
            record.node, record.node_version = by.node, by.node_version
            record.outcome, record.error = by.outcome, by.error
            if isinstance(answer, PassthroughAnswer):
                return PassthroughAnswer(answer.body, splice_jsonrpc(call, answer.body) or b"")
        return answer

    async def answer_elsewhere(
        self, call: Call, context: CallContext, node: Node, result: TranslatedResult
    ) -> TranslatedResult:
        """The answer of other nodes to a call of a session that `node` has answered with `result`, which is returned
        unless one of them does better.

        They are tried if it only reads, and the result is about a ledger or transaction that `node` lacks and another
        may have, or about the state of `node`.
        """
        if call.method not in READING_METHODS:
            return result
        if own_token(result.result.get("error"), call.version) in UNABLE_ERRORS:
            is_elsewhere = self._nodes.may_have(None, exclude=(node,))
        else:
            wanted = requested_ledgers(request_in_own_version(call.version, call.method, call.params))
            is_elsewhere = self._may_be_elsewhere(result, call.version, wanted, (node,))
        if not is_elsewhere:
            return result
        try:
            answer = await self._ask_nodes(call, context, node, result)
        except (*NODE_ERRORS, PlainTextAnswer):
            return result
        if not isinstance(answer, TranslatedResult):
            return result
        extras = {("warning" if name == CLIO_WARNING_FIELD else name): value for name, value in answer.extras.items()}
        return TranslatedResult(answer.result, extras, answer.seconds)

    async def _ask_nodes(
        self, call: Call, context: CallContext, first: Node | None = None, first_result: Answer | None = None
    ) -> Answer:
        """Send the call to a node; if that fails and cannot have had an effect, to another, from the beginning.

        `first`: a node that has answered it with `first_result` already.
        """
        record, deadline = context.record, context.deadline
        reads_only, wanted = call.method in READING_METHODS, None
        if not LEDGER_PARAMS.isdisjoint(call.params):
            wanted = requested_ledgers(request_in_own_version(call.version, call.method, call.params))
        attempted: list[Node] = [] if first is None else [first]
        outcome: Answer | Exception | None = first_result
        latest: Answer | Exception | None = None
        for _ in range(self._tries - len(attempted)):
            node = self._nodes.select(
                call.version, reads_only=reads_only, method=call.method, ledger_index=wanted, exclude=attempted
            )
            version = None if node is None else node.api_version
            if node is None or version is None:
                break
            if attempted:
                self._metrics.retried(attempted[-1].name)
            attempt = Attempt(node, version, call.method, record, deadline, self._fair_share)
            try:
                answer = latest = await self._ask_node(call, attempt, context)
                if isinstance(answer, PassthroughAnswer) or "error" not in answer.result:
                    record.node, record.node_version = node.name, attempt.version
                    record.outcome, record.error = "success", None
                    return answer
            except (*NODE_ERRORS, PlainTextAnswer) as failure:
                latest = failure
            missing = reads_only and self._may_be_elsewhere(latest, call.version, wanted, (*attempted, node))
            followed = (missing or attempt.is_retryable(latest)) and self._loop.time() < deadline
            # A node's "busy" or "not found" is more useful to the client than another node's failure.
            if outcome is None or isinstance(outcome, NODE_ERRORS) or not (followed or isinstance(latest, Exception)):
                outcome = latest
                record.node, record.node_version = node.name, attempt.version
            if not followed:
                break
            if isinstance(latest, VersionRefused):
                await node.health.probe_now(min(deadline, self._loop.time() + _VERSION_SECONDS))
            if node.api_version == attempt.version:
                attempted.append(node)
        if outcome is None:
            raise NoHealthyNode
        if isinstance(outcome, Exception):
            try:
                raise outcome
            finally:
                # Its traceback has this frame, which would hold it, and with it the node's response.
                del outcome, latest
        record.error = error_of(outcome.result) if isinstance(outcome, TranslatedResult) else None
        record.outcome = "success" if record.error is None else "error"
        return outcome

    def _may_be_elsewhere(
        self, outcome: Answer | Exception, client_version: int, wanted: LedgerRange | None, attempted: tuple[Node, ...]
    ) -> bool:
        """Whether an untried node may have the ledger or transaction that this one lacks."""
        if not isinstance(outcome, TranslatedResult):
            return False
        error = own_token(outcome.result.get("error"), client_version)
        if error not in MISSING_ERRORS or outcome.result.get("searched_all") is True:
            return False
        if error == "lgrIdxMalformed" and wanted is None:
            return False  # the client sent a malformed index
        return self._nodes.may_have(wanted, exclude=attempted)

    async def _ask_node(self, call: Call, attempt: Attempt, context: CallContext) -> Answer:
        """Send the call to one node. A result that is the same in both versions is not parsed."""
        node = attempt.node
        pipeline: Pipeline = VERSIONS.pipeline(call.version, attempt.version, call.method, node.server)
        if call.method in METADATA_METHODS and pipeline.opaque_metadata:
            attempt.loads = loads_unparsed_ledger if pipeline.takes_unparsed else loads_lazy_metadata
        raw: NodeResponse | None = None
        node.in_flight += 1
        try:
            if context.allow_passthrough and pipeline.is_identity:
                raw = await attempt.post(call.method, call.params)
                if len(raw.body) >= LARGE_RESPONSE_BYTES:
                    await attempt.take_turn(len(raw.body), is_translated=False)
                spliced = splice_jsonrpc(call, raw.body) if raw.status == 200 else None
                if spliced is not None:
                    if (newest := validated_ledger_in(raw.body)) is not None:
                        node.note_ledger(newest)
                    return PassthroughAnswer(raw.body, spliced)
            elif context.allow_passthrough:
                single = SingleRequest(pipeline, call.method, call.params)
                if single.params is not None:
                    raw = await attempt.post(call.method, single.params)
                    if len(raw.body) < LARGE_RESPONSE_BYTES:
                        received, extras = attempt.read(raw, call.method)
                        result = single.finish(received)
                        if result is not None:
                            self._metrics.translation(call.method, call.version, attempt.version, single.seconds)
                            return TranslatedResult(result, extras, single.seconds)
            return await self._converse(call, pipeline, attempt, raw, context)
        finally:
            node.in_flight -= 1

    async def _converse(
        self, call: Call, pipeline: Pipeline, attempt: Attempt, first: NodeResponse | None, context: CallContext
    ) -> Answer:
        """Serve the call with all the node requests that it takes. `first`: the response to the first one, if sent."""

        def converse(answer: NodeAnswer | None) -> Awaitable[TranslatedResult]:
            conversation, extras = pipeline.converse(call.params), pipeline.extras
            return self._translator.converse(
                conversation, attempt.version, attempt.ask, answer, extras, budget, client_version=call.version
            )

        budget = context.budget = context.budget or self.budget(context.charge)
        attempt.hands_over = context.allow_passthrough and call.method in READING_METHODS
        try:
            translated = await converse(None if first is None else await attempt.take(first, call.method))
        except VeryLarge as response:
            node = attempt.node
            written = await self.large.answer(call, attempt.version, node, response, context.record, context.deadline)
            if written is not None:
                return PassthroughAnswer(written, written)
            translated = await converse(None)  # from the beginning
        if not pipeline.same_version:
            self._metrics.translation(call.method, call.version, attempt.version, translated.seconds)
        return translated


def _may_share(given: tuple[Answer, RequestRecord]) -> bool:
    """Whether other clients may get the response: it is from a validated ledger, and not about one client."""
    answer, _ = given
    if isinstance(answer, PassthroughAnswer):
        body = answer.body
        # To look through a very large one would take the event loop for too long.
        return len(body) < VERY_LARGE_BYTES and b'"validated":true' in body and b'"warning"' not in body
    return answer.result.get("validated") is True and answer.extras.keys().isdisjoint({"warning", CLIO_WARNING_FIELD})
