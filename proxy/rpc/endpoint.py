"""Calls over HTTP, alone or in a batch: dispatched, and their responses written as rippled writes them."""

from collections.abc import Awaitable, Callable

import orjson

from adapters import JsonObject
from proxy.envelope import (
    Batch,
    BatchRefusal,
    Call,
    RejectedCall,
    jsonrpc_answer,
    write_batch,
    write_jsonrpc,
)
from proxy.envelope.methods import READING_METHODS
from proxy.envelope.strict_json import write
from proxy.http.response import JSON, Response
from proxy.nodes.failures import NODE_ERRORS, Failure, failure_response
from proxy.rpc.attempt import Answer, PassthroughAnswer, PlainTextAnswer
from proxy.rpc.dispatch import CallContext, Dispatcher
from proxy.telemetry.recorder import RequestRecord, RequestRecorder
from proxy.versions.negotiation import SupportedVersions, version_result
from proxy.versions.own import own_error
from proxy.versions.translator import TranslatedResult, UnexpectedShape, error_of


class JsonRpcEndpoint:
    """Serves the calls in POSTs. `versions`: those offered to clients."""

    def __init__(self, dispatcher: Dispatcher, recorder: RequestRecorder, versions: SupportedVersions) -> None:
        self._dispatcher = dispatcher
        self._recorder = recorder
        self._versions = versions

    async def respond(
        self, read: Call | RejectedCall | Batch, record: RequestRecord, deadline: float, charge: Callable[[], bool]
    ) -> Response:
        """The response to a POST, by `deadline` (the event loop's time).

        `charge`: called for each node request beyond the first of a call; False if the client may have no more. All
        calls of a batch have one budget of node requests.
        """
        if isinstance(read, Batch):
            return await self._respond_to_batch(read, record, deadline, charge)
        if isinstance(read, RejectedCall):
            self._reject(read, record)
            return Response(*write_jsonrpc(read.call, read.result))
        try:
            context = CallContext(record, deadline, charge, allow_passthrough=True)
            status, body = _write_alone(read, await self._answer(read, context))
        except NODE_ERRORS as failure:
            status, result = _failed(failure, read, record)
            body = write_jsonrpc(read, result)[1]
        except PlainTextAnswer as text:
            # The node is overloaded, or forbids the request, or cannot parse it.
            record.outcome, record.error = "error", "text"
            return Response(text.answer.status, text.answer.body, text.answer.content_type or JSON)
        record.call, record.answer = read, body
        return Response(status, body)

    async def _respond_to_batch(
        self, batch: Batch, record: RequestRecord, deadline: float, charge: Callable[[], bool]
    ) -> Response:
        """Serves the items one after the other, as rippled does: a later one may depend on an earlier one."""
        budget = self._dispatcher.budget(charge)
        budget.add_calls(len(batch.items) - 1)
        record.items = []  # even of an empty one
        answers = []
        for item in batch.items:
            item_record = self._recorder.begin_item(record)
            with self._recorder.tracing.request(item_record):
                context = CallContext(item_record, deadline, charge, budget)
                answers.append(await self._answer_item(item, context))
            item_record.end()
        return Response(200, write_batch(answers))

    async def _answer_item(
        self, item: Call | RejectedCall | BatchRefusal, context: CallContext
    ) -> JsonObject | orjson.Fragment:
        record = context.record
        if isinstance(item, BatchRefusal):
            record.method = item.method or ""
            self._recorder.refused(record, item.reason, item.version_refused)
            return item.answer
        if isinstance(item, RejectedCall):
            self._reject(item, record)
            return jsonrpc_answer(item.call, item.result)
        try:
            return _write_item(item, await self._answer(item, context))
        except NODE_ERRORS as failure:
            return jsonrpc_answer(item, _failed(failure, item, record)[1])
        except PlainTextAnswer as text:
            record.outcome, record.error = "error", "text"
            return jsonrpc_answer(item, own_error(text.token or "internal", text.line, item.version))

    def _answer(self, call: Call, context: CallContext) -> Awaitable[Answer]:
        """Dispatch a call. The answer raises NODE_ERRORS and PlainTextAnswer."""
        record = context.record
        record.method, record.client_version = call.method, call.version
        if call.method == "version":
            return self._answer_version(call, record)
        return self._dispatcher.answer(call, context)

    async def _answer_version(self, call: Call, record: RequestRecord) -> Answer:
        """The proxy's versions, whatever the nodes have."""
        record.outcome = "success"
        return TranslatedResult(version_result(call.version, self._versions))

    def _reject(self, rejected: RejectedCall, record: RequestRecord) -> None:
        record.method, record.client_version = rejected.call.method, rejected.call.version
        self._recorder.refused(record, rejected.reason)


def _write_alone(call: Call, answer: Answer) -> tuple[int, bytes]:
    """The HTTP status and the body of a response. Raises UnexpectedShape for one nested too deeply to write."""
    if isinstance(answer, PassthroughAnswer):
        return 200, answer.answer
    try:
        return write_jsonrpc(call, answer.result, answer.extras)
    except TypeError:
        raise UnexpectedShape("nested too deeply") from None


def _write_item(call: Call, answer: Answer) -> orjson.Fragment:
    """As `_write_alone`, for a response in a batch."""
    if isinstance(answer, PassthroughAnswer):
        return orjson.Fragment(answer.answer)
    try:
        return orjson.Fragment(write(jsonrpc_answer(call, answer.result, answer.extras)))
    except TypeError:
        raise UnexpectedShape("nested too deeply") from None


def _failed(failure: Failure, call: Call, record: RequestRecord) -> tuple[int, JsonObject]:
    """The HTTP status and the error result for a call that no node answered."""
    record.outcome = "failed"
    status, result = failure_response(failure, call.version, call.method in READING_METHODS)
    record.error = error_of(result)
    return status, result
