"""The HTTP endpoint: one JSON-RPC request, or a batch, in a POST."""

import asyncio

import orjson

from adapters import JsonObject
from adapters.errors import error_result
from proxy.access.admission import Admission, InFlight
from proxy.envelope import (
    Batch,
    BatchRefusal,
    Call,
    HttpRefusal,
    RejectedCall,
    RequestPolicy,
    jsonrpc_answer,
    read_jsonrpc,
    write_batch,
    write_jsonrpc,
)
from proxy.envelope.methods import READING_METHODS
from proxy.envelope.strict_json import write
from proxy.http.request import IncompleteBody, Request
from proxy.http.response import JSON, Response
from proxy.nodes import NodeResponse
from proxy.nodes.failures import NODE_ERRORS, Failure, failure_response
from proxy.rpc.dispatch import Answer, Dispatcher, PassthroughAnswer, PlainTextAnswer
from proxy.telemetry.recorder import RequestRecord, RequestRecorder
from proxy.versions.negotiation import version_result
from proxy.versions.sunset import DeprecationNotices
from proxy.versions.translator import UnexpectedShape, error_of


class JsonRpcEndpoint:
    """Answers POSTs as rippled answers them.

    `request_seconds`: the whole time for one POST. `in_flight`: POSTs under way at once, at all
    listeners; more are refused.
    """

    def __init__(
        self,
        *,
        policy: RequestPolicy,
        answering: Dispatcher,
        account: RequestRecorder,
        request_seconds: float,
        in_flight: int,
        under_way: InFlight,
        notices: DeprecationNotices,
    ) -> None:
        self._policy = policy
        self._answering = answering
        self._account = account
        self._request_seconds = request_seconds
        self._most_in_flight = in_flight
        self._under_way = under_way
        self._notices = notices
        self._loop = asyncio.get_running_loop()

    async def handle(self, request: Request, peer: str, admission: Admission) -> Response:
        """Answers one POST of the client at the address `peer`. Raises nothing that a client could cause.

        `admission` has let in the POST as one request; it is asked whether that may be under way, and what more is in
        a batch.
        """
        account = self._account
        served = RequestRecord(
            "http", peer, account.request_id(), caller=account.callers.identify(peer, request.remote, request.headers)
        )
        refusal = "in_flight" if self._under_way.posts >= self._most_in_flight else admission.acquire(peer)
        if refusal is not None:
            account.refused(served, refusal)
            return self._text(served, 503, "Server is overloaded")
        self._under_way.posts += 1
        account.metrics.in_flight.inc()
        try:
            with account.tracing.request(served, request.headers):
                deadline = self._loop.time() + self._request_seconds
                # That which is here already needs no timer.
                body = request.body.read_now() if request.body.complete else await self._body(request, deadline)
                read = read_jsonrpc(body, self._policy)
                if isinstance(read, Call):
                    response = await self._serve(read, served, deadline)
                elif isinstance(read, Batch):
                    response = await self._serve_batch(read, served, deadline, admission)
                else:
                    response = self._serve_refused(read, served)
        except TimeoutError:
            account.refused(served, "slow_request")
            response = self._text(served, 408, "Request was not received in time")
        except IncompleteBody:
            account.refused(served, "client_gone")
            response = self._text(served, 400, "Request was not received wholly")
        finally:
            admission.release(peer)
            self._under_way.posts -= 1
            account.metrics.in_flight.dec()
        notice = self._notices.headers(served.client_version)
        if notice:
            response.headers.update(notice)
        return response

    async def _body(self, request: Request, deadline: float) -> bytes:
        request.send_continue()
        async with asyncio.timeout_at(deadline):
            return await request.body.read(self._policy.request_bytes)

    async def _serve(self, call: Call, served: RequestRecord, deadline: float) -> Response:
        served.method, served.client_version = call.method, call.version
        try:
            if call.method == "version":
                status, answer = write_jsonrpc(call, self._own_result(call, served))
            else:
                status, answer = _written(
                    call, await self._answering.answer(call, served, deadline, allow_passthrough=True)
                )
        except NODE_ERRORS as failure:
            status, result = self._failed(failure, call, served)
            answer = write_jsonrpc(call, result)[1]
        except PlainTextAnswer as text:
            return self._passed_on(served, text.answer)
        served.call, served.answer = call, answer
        self._account.finish(served, status)
        return Response(status, answer)

    def _serve_refused(self, refused: RejectedCall | HttpRefusal, served: RequestRecord) -> Response:
        """What a request gets that is none, or that only the proxy answers."""
        if isinstance(refused, HttpRefusal):
            served.method = refused.method or ""
            self._account.refused(served, refused.reason, refused.version_refused)
            return self._text(served, refused.status, refused.text)
        served.method, served.client_version = refused.call.method, refused.call.version
        self._account.refused(served, refused.reason)
        status, answer = write_jsonrpc(refused.call, refused.result)
        self._account.finish(served, status)
        return Response(status, answer)

    def _own_result(self, call: Call, served: RequestRecord) -> JsonObject:
        """The result of `version`, which the proxy answers by itself."""
        served.outcome = "success"
        return version_result(call.version, self._policy.versions)

    def _failed(self, failure: Failure, call: Call, served: RequestRecord) -> tuple[int, JsonObject]:
        served.outcome = "failed"
        status, result = failure_response(failure, call.version, call.method in READING_METHODS)
        served.error = error_of(result)
        return status, result

    async def _serve_batch(self, batch: Batch, whole: RequestRecord, deadline: float, admission: Admission) -> Response:
        """Answers the items one after the other, as rippled does: a later one may build on an earlier."""
        refusal = admission.admit(whole.peer, len(batch.items) - 1) if len(batch.items) > 1 else None
        if refusal is not None:
            whole.method = "batch"
            self._account.refused(whole, refusal)
            return self._text(whole, 503, "Server is overloaded")
        answers = []
        for item in batch.items:
            served = RequestRecord("http", whole.peer, whole.request_id, caller=whole.caller)
            with self._account.tracing.request(served):
                answers.append(await self._answer_item(item, served, deadline))
            self._account.finish(served, 200)
            if served.client_version is not None:  # of several, the oldest is the one to say something about
                whole.client_version = min(served.client_version, whole.client_version or served.client_version)
        return Response(200, write_batch(answers))

    async def _answer_item(
        self, item: Call | RejectedCall | BatchRefusal, served: RequestRecord, deadline: float
    ) -> JsonObject | orjson.Fragment:
        if isinstance(item, BatchRefusal):
            served.method = item.method or ""
            self._account.refused(served, item.reason, item.version_refused)
            return item.answer
        call = item.call if isinstance(item, RejectedCall) else item
        served.method, served.client_version = call.method, call.version
        if isinstance(item, RejectedCall):
            self._account.refused(served, item.reason)
            return jsonrpc_answer(call, item.result)
        try:
            if call.method == "version":
                return jsonrpc_answer(call, self._own_result(call, served))
            return _written_item(call, await self._answering.answer(call, served, deadline, allow_passthrough=False))
        except NODE_ERRORS as failure:
            return jsonrpc_answer(call, self._failed(failure, call, served)[1])
        except PlainTextAnswer as text:
            served.outcome, served.error = "error", "text"
            return jsonrpc_answer(call, error_result("internal", _line(text.answer)))

    def _text(self, served: RequestRecord, status: int, text: str) -> Response:
        self._account.finish(served, status)
        return Response(status, f"{text}\r\n".encode())

    def _passed_on(self, served: RequestRecord, answer: NodeResponse) -> Response:
        """What a node answers in text: that it is overloaded, that it forbids, that it cannot parse."""
        served.outcome, served.error = "error", "text"
        self._account.finish(served, answer.status)
        return Response(answer.status, answer.body, answer.content_type or JSON)


def _written(call: Call, answer: Answer) -> tuple[int, bytes]:
    """The HTTP status and body of a translated answer. Raises AnswerMisshapen for one nested too deeply to write."""
    if isinstance(answer, PassthroughAnswer):
        return 200, answer.answer
    try:
        return write_jsonrpc(call, answer.result, answer.extras)
    except TypeError:
        raise UnexpectedShape("nested too deeply") from None


def _written_item(call: Call, answer: Answer) -> orjson.Fragment:
    """As `_written`, for a batch."""
    if isinstance(answer, PassthroughAnswer):
        return orjson.Fragment(answer.answer)
    try:
        return orjson.Fragment(write(jsonrpc_answer(call, answer.result, answer.extras)))
    except TypeError:
        raise UnexpectedShape("nested too deeply") from None


def _line(answer: NodeResponse) -> str:
    return answer.body[:200].decode(errors="replace").strip()
