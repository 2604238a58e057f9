"""Dispatching a call over HTTP: the answer comes from the cache, from an equal call in flight, or from a node."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import orjson
import structlog

from adapters import VERSIONS, NodeRequest, Pipeline
from proxy.envelope import Call, InvalidAnswer, node_request, read_jsonrpc_answer, splice_jsonrpc
from proxy.envelope.lazy_metadata import loads_lazy_metadata
from proxy.envelope.methods import COALESCABLE_METHODS, METADATA_METHODS, READING_METHODS
from proxy.envelope.node import CLIO_WARNING_FIELD
from proxy.envelope.written_json import write_sorted
from proxy.nodes import LedgerRange, Node, NodeFailure, NodePool, NodeResponse, requested_ledgers
from proxy.nodes.failures import NODE_ERRORS, NoHealthyNode
from proxy.nodes.ledger_range import validated_ledger_in
from proxy.nodes.own_requests import refuses_version
from proxy.rpc.ledger_choice import reads_validated_ledger
from proxy.rpc.response_cache import ResponseCache
from proxy.rpc.single_flight import SingleFlight
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.recorder import RequestRecord
from proxy.versions.own import request_in_own_version
from proxy.versions.translator import (
    UNABLE_ERRORS,
    NodeAnswer,
    SubrequestBudget,
    TranslatedResult,
    Translator,
    error_of,
)

log = structlog.get_logger(__name__)

_MISSING_ERRORS = frozenset({"lgrNotFound", "txnNotFound", "lgrIdxMalformed"})
"""Errors about a ledger or a transaction that another node may have: one that is ahead, or that has more history."""

_VERSION_SECONDS = 2.0
"""The longest that a read waits until a node's API version has been determined again."""

_OVERLOADED = 503
"""The HTTP status of a node that is too busy, whatever comes with it: a line of text, or a bare error of Clio's."""


class PlainTextAnswer(Exception):  # noqa: N818 - what has happened
    """The node responded with a line of text, which the client gets unchanged."""

    def __init__(self, answer: NodeResponse) -> None:
        super().__init__(answer.status)
        self.answer = answer


class _VersionRefused(NodeFailure):
    """The node no longer supports the API version that it is spoken to in; the client cannot do anything about it."""

    def __init__(self, node: str) -> None:
        super().__init__("nonsense", node)


class CallContext(NamedTuple):
    """The limits of a call, and the record that it fills in.

    `deadline`: in the event loop's time. `allow_passthrough`: the node's bytes may be the answer, where they are the
    same in both versions.
    """

    record: RequestRecord
    deadline: float
    budget: SubrequestBudget
    allow_passthrough: bool


class PassthroughAnswer(NamedTuple):
    """A node's answer that needs no translation: `body` as the node sent it, `answer` with the client's envelope."""

    body: bytes
    answer: bytes


Answer = PassthroughAnswer | TranslatedResult


class Dispatcher:
    """Answers calls for all clients over HTTP.

    `tries`: the most nodes that one call is sent to. `share`: whether equal reads that wait together share an answer.
    """

    def __init__(
        self,
        nodes: NodePool,
        translator: Translator,
        cache: ResponseCache,
        metrics: Metrics,
        *,
        tries: int,
        share: bool,
    ) -> None:
        self._nodes = nodes
        self._translator = translator
        self._cache = cache
        self._metrics = metrics
        self._tries = tries
        self._loop = asyncio.get_running_loop()
        self._sharing: SingleFlight[tuple[Answer, RequestRecord]] | None = SingleFlight() if share else None

    def budget(self, charge: Callable[[], bool]) -> SubrequestBudget:
        """A budget of node requests for one POST; `charge` as in `SubrequestBudget`."""
        return self._translator.budget(charge)

    def answer(self, call: Call, context: CallContext) -> Awaitable[Answer]:
        """The answer to `call`; the context's record receives the node and the outcome.

        Raises NODE_ERRORS and PlainTextAnswer.
        """
        key = self._cache.key(call)
        if key is not None:
            return self._answer_from_cache(key, call, context)
        return self._answer_uncached(call, context)

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
            self._metrics.answer_shared(call.method)
            record = context.record
            record.node, record.node_version = by.node, by.node_version
            record.outcome, record.error = by.outcome, by.error
            if isinstance(answer, PassthroughAnswer):
                return PassthroughAnswer(answer.body, splice_jsonrpc(call, answer.body) or b"")
        return answer

    async def _ask_nodes(self, call: Call, context: CallContext) -> Answer:
        """Send the call to a node; if that fails and cannot have had an effect, to another, from the beginning."""
        record, deadline = context.record, context.deadline
        own_params = request_in_own_version(call.version, call.method, call.params)
        wanted, reads_only = requested_ledgers(own_params), call.method in READING_METHODS
        attempted: list[Node] = []
        outcome: Answer | Exception | None = None
        for _ in range(self._tries):
            node = self._nodes.select(
                call.version, reads_only=reads_only, method=call.method, ledger_index=wanted, exclude=attempted
            )
            if node is None or node.api_version is None:
                break
            if attempted:
                self._metrics.retried(attempted[-1].name)
            attempt = _Attempt(node, node.api_version, call.method, record, deadline)
            try:
                latest: Answer | Exception = await self._ask_node(call, attempt, context)
            except (*NODE_ERRORS, PlainTextAnswer) as failure:
                latest = failure
            missing = reads_only and self._may_be_elsewhere(latest, wanted, (*attempted, node))
            followed = (missing or attempt.is_retryable(latest)) and self._loop.time() < deadline
            # That a node was busy, or did not have it, is more useful to a client than that another one failed.
            if outcome is None or isinstance(outcome, NODE_ERRORS) or not (followed or isinstance(latest, Exception)):
                outcome = latest
                record.node, record.node_version = node.name, attempt.version
            if not followed:
                break
            if isinstance(latest, _VersionRefused):
                await node.health.probe_now(min(deadline, self._loop.time() + _VERSION_SECONDS))
            if node.api_version == attempt.version:
                attempted.append(node)
        if outcome is None:
            raise NoHealthyNode
        if isinstance(outcome, Exception):
            raise outcome
        record.error = error_of(outcome.result) if isinstance(outcome, TranslatedResult) else None
        record.outcome = "success" if record.error is None else "error"
        return outcome

    def _may_be_elsewhere(
        self, outcome: Answer | Exception, wanted: LedgerRange | None, attempted: tuple[Node, ...]
    ) -> bool:
        """Whether a node that has not been tried yet may have the ledger or transaction that this one lacks."""
        if not isinstance(outcome, TranslatedResult):
            return False
        error = outcome.result.get("error")
        if error not in _MISSING_ERRORS or outcome.result.get("searched_all") is True:
            return False
        if error == "lgrIdxMalformed" and wanted is None:
            return False  # the client sent a malformed index
        return self._nodes.may_have(wanted, exclude=attempted)

    async def _ask_node(self, call: Call, attempt: "_Attempt", context: CallContext) -> Answer:
        """Send the call to one node. A result that is the same in both versions is not parsed."""
        pipeline: Pipeline = VERSIONS.pipeline(call.version, attempt.version, call.method, attempt.node.server)
        first = None
        node = attempt.node
        attempt.opaque_metadata = pipeline.opaque_metadata
        node.in_flight += 1
        try:
            if context.allow_passthrough and pipeline.is_identity:
                raw = await attempt.post(NodeRequest(call.method, call.params))
                spliced = splice_jsonrpc(call, raw.body) if raw.status == 200 else None
                if spliced is not None:
                    node.note_ledger(validated_ledger_in(raw.body))
                    return PassthroughAnswer(raw.body, spliced)
                first = attempt.read(raw)
            conversation = pipeline.converse(call.params)
            translated = await self._translator.converse(
                conversation, attempt.version, attempt.ask, first, pipeline.extras, context.budget
            )
        finally:
            node.in_flight -= 1
        if not pipeline.same_version:
            self._metrics.translation(call.method, call.version, attempt.version, translated.seconds)
        return translated


class _Attempt:
    """One attempt to have a call of `method` answered by one node, in the API version that it is spoken to in."""

    __slots__ = ("_deadline", "_may_have_acted", "_method", "_record", "_unable", "node", "opaque_metadata", "version")

    def __init__(self, node: Node, version: int, method: str, record: RequestRecord, deadline: float) -> None:
        self.node = node
        self.version = version
        self.opaque_metadata = False
        """Whether the adapters leave alone the metadata of listed transactions."""
        self._method = method
        self._record = record
        self._deadline = deadline
        self._may_have_acted = False  # the node may have acted on a request that does not only read
        self._unable = False  # the node responded that it cannot answer at the moment

    def is_retryable(self, outcome: Answer | Exception) -> bool:
        """Whether the call may and should be sent to another node, given the outcome of this attempt."""
        if self._may_have_acted or isinstance(outcome, PassthroughAnswer):
            return False
        if isinstance(outcome, PlainTextAnswer):
            return outcome.answer.status >= 500 or outcome.answer.status == 429
        return self._unable and "error" in outcome.result if isinstance(outcome, TranslatedResult) else True

    async def ask(self, request: NodeRequest) -> NodeAnswer:
        """Send one request to the node. Raises NodeFailure and PlainTextAnswer."""
        is_lazy = self.opaque_metadata and request.method == self._method and request.method in METADATA_METHODS
        read = loads_lazy_metadata if is_lazy else orjson.loads
        return self.read(await self.post(request), read)

    def post(self, request: NodeRequest) -> Awaitable[NodeResponse]:
        """As `ask`, without parsing the response."""
        reads_only = request.method in READING_METHODS
        response = self.node.http.ask(
            node_request(request.method, request.params, self.version),
            client=self._record.peer,
            method=request.method,
            reads_only=reads_only,
            deadline=self._deadline,
        )
        return response if reads_only else self._track_side_effect(response)

    async def _track_side_effect(self, response: Awaitable[NodeResponse]) -> NodeResponse:
        try:
            answer = await response
        except NodeFailure as failure:
            self._may_have_acted |= failure.maybe_received
            raise
        self._may_have_acted = True
        return answer

    def read(self, raw: NodeResponse, read: Callable[[bytes], Any] = orjson.loads) -> NodeAnswer:
        """Take a node's result out of its envelope. Raises PlainTextAnswer, and NodeFailure for anything else."""
        if raw.status == _OVERLOADED:
            raise PlainTextAnswer(raw)
        try:
            result, extras = read_jsonrpc_answer(raw.status, raw.body, read)
        except InvalidAnswer as unreadable:
            name, request_id = self.node.name, self._record.request_id
            if refuses_version(raw):
                log.warning("node_refuses_version", node=name, api_version=self.version, request_id=request_id)
                raise _VersionRefused(name) from None
            if raw.status == 200:
                log.warning("node_response_invalid", node=name, problem=str(unreadable), request_id=request_id)
                self.node.health.request_probe()
                raise NodeFailure("nonsense", name) from None
            raise PlainTextAnswer(raw) from None
        self._unable |= result.get("error") in UNABLE_ERRORS
        if result.get("validated") is True:
            self.node.note_ledger(result.get("ledger_index"))
        return NodeAnswer(result, extras, len(raw.body))


def _may_share(given: tuple[Answer, RequestRecord]) -> bool:
    """Whether other clients may get the answer: it is of a validated ledger, and says nothing about one client."""
    answer, _ = given
    if isinstance(answer, PassthroughAnswer):
        return b'"validated":true' in answer.body and b'"warning"' not in answer.body
    return answer.result.get("validated") is True and answer.extras.keys().isdisjoint({"warning", CLIO_WARNING_FIELD})
