"""The HTTP endpoint: one JSON-RPC request, or a batch, in a POST."""

import asyncio

import orjson

from adapters import JsonObject
from adapters.errors import error_result
from proxy.admission import Admission, UnderWay
from proxy.answering import Answer, Answering, NodeText, Passing
from proxy.envelope import (
    Batch,
    BatchRefusal,
    Call,
    HttpRefusal,
    Policy,
    Refused,
    jsonrpc_answer,
    read_jsonrpc,
    write_batch,
    write_jsonrpc,
)
from proxy.failures import FAILURES, Failure, told_of_failure
from proxy.listening.request import BodyBroken, Request
from proxy.listening.response import JSON, Response
from proxy.nodes import READING_METHODS, RawAnswer
from proxy.observe.served import Account, Served
from proxy.request_json import write
from proxy.sunset import Notices
from proxy.translation import AnswerMisshapen, error_of
from proxy.version_method import version_result


class JsonRpcEndpoint:
    """Answers POSTs as rippled answers them.

    `request_seconds`: the whole time for one POST. `in_flight`: POSTs under way at once, at all
    listeners; more are refused.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        answering: Answering,
        account: Account,
        request_seconds: float,
        in_flight: int,
        under_way: UnderWay,
        notices: Notices,
    ) -> None:
        self._policy = policy
        self._answering = answering
        self._account = account
        self._request_seconds = request_seconds
        self._most_in_flight = in_flight
        self._under_way = under_way
        self._notices = notices

    async def handle(self, request: Request, peer: str, admission: Admission) -> Response:
        """Answers one POST of the client at the address `peer`. Raises nothing that a client could cause.

        `admission` has let in the POST as one request; what more is in a batch it is asked about.
        """
        account = self._account
        served = Served("http", peer, account.request_id(), caller=account.callers.who(peer, request))
        if self._under_way.posts >= self._most_in_flight:
            account.refused(served, "in_flight")
            return self._text(served, 503, "Server is overloaded")
        self._under_way.posts += 1
        account.metrics.in_flight.inc()
        try:
            with account.tracing.request(served, request.headers):
                response = await self._serve(request, served, admission)
        finally:
            self._under_way.posts -= 1
            account.metrics.in_flight.dec()
        response.headers.update(self._notices.headers(served.client_version))
        return response

    async def _serve(self, request: Request, served: Served, admission: Admission) -> Response:
        deadline = asyncio.get_running_loop().time() + self._request_seconds
        try:
            if request.body.complete:  # so that no timer is needed
                body = request.body.read_now()
            else:
                async with asyncio.timeout_at(deadline):
                    body = await request.body.read(self._policy.request_bytes)
        except TimeoutError:
            self._account.refused(served, "slow_request")
            return self._text(served, 408, "Request was not received in time")
        except BodyBroken:
            self._account.refused(served, "client_gone")
            return self._text(served, 400, "Request was not received wholly")
        read = read_jsonrpc(body, self._policy)
        if isinstance(read, HttpRefusal):
            served.method = read.method or ""
            self._account.refused(served, read.reason, read.version_refused)
            return self._text(served, read.status, read.text)
        if isinstance(read, Batch):
            refusal = admission.admit(served.peer, len(read.items) - 1) if len(read.items) > 1 else None
            if refusal is not None:
                served.method = "batch"
                self._account.refused(served, refusal)
                return self._text(served, 503, "Server is overloaded")
            return await self._serve_batch(read, served, deadline)
        _name(served, read)
        try:
            status, answer = await self._answer(read, served, deadline)
        except NodeText as text:
            return self._passed_on(served, text.answer)
        self._account.ended(served, status)
        if self._account.shadow is not None and isinstance(read, Call):
            self._account.shadow.heard(read, answer, served)
        return Response(status, answer)

    def _own_result(self, read: Call | Refused, served: Served) -> tuple[Call, JsonObject | None]:
        """The call, and the result where the proxy answers by itself; None where a node is to be asked."""
        if isinstance(read, Refused):
            self._account.refused(served, read.reason)
            return read.call, read.result
        if read.method == "version":
            served.outcome = "success"
            return read, version_result(read.version, self._policy.versions)
        return read, None

    async def _answer(self, read: Call | Refused, served: Served, deadline: float) -> tuple[int, bytes]:
        """The HTTP status and body for one request. Raises NodeText."""
        call, own = self._own_result(read, served)
        if own is not None:
            return write_jsonrpc(call, own)
        try:
            answer = await self._answering.answer(call, served, deadline, may_pass=True)
            return _written(call, answer)
        except FAILURES as failure:
            status, result = self._failed(failure, call, served)
            return status, write_jsonrpc(call, result)[1]

    def _failed(self, failure: Failure, call: Call, served: Served) -> tuple[int, JsonObject]:
        served.outcome = "failed"
        status, result = told_of_failure(failure, call.version, call.method in READING_METHODS)
        served.error = error_of(result)
        return status, result

    async def _serve_batch(self, batch: Batch, whole: Served, deadline: float) -> Response:
        """Answers the items one after the other, as rippled does: a later one may build on an earlier."""
        answers = []
        for item in batch.items:
            served = Served("http", whole.peer, whole.request_id, caller=whole.caller)
            with self._account.tracing.request(served):
                answers.append(await self._answer_item(item, served, deadline))
            self._account.ended(served, 200)
            if served.client_version is not None:  # of several, the oldest is the one to say something about
                whole.client_version = min(served.client_version, whole.client_version or served.client_version)
        return Response(200, write_batch(answers))

    async def _answer_item(
        self, item: Call | Refused | BatchRefusal, served: Served, deadline: float
    ) -> JsonObject | orjson.Fragment:
        if isinstance(item, BatchRefusal):
            served.method = item.method or ""
            self._account.refused(served, item.reason, item.version_refused)
            return item.answer
        _name(served, item)
        call, own = self._own_result(item, served)
        if own is not None:
            return jsonrpc_answer(call, own)
        try:
            answer = await self._answering.answer(call, served, deadline, may_pass=False)
            return _written_item(call, answer)
        except FAILURES as failure:
            return jsonrpc_answer(call, self._failed(failure, call, served)[1])
        except NodeText as text:
            served.outcome, served.error = "error", "text"
            return jsonrpc_answer(call, error_result("internal", _line(text.answer)))

    def _text(self, served: Served, status: int, text: str) -> Response:
        self._account.ended(served, status)
        return Response(status, f"{text}\r\n".encode())

    def _passed_on(self, served: Served, answer: RawAnswer) -> Response:
        """What a node answers in text: that it is overloaded, that it forbids, that it cannot parse."""
        served.outcome, served.error = "error", "text"
        self._account.ended(served, answer.status)
        return Response(answer.status, answer.body, answer.content_type or JSON)


def _name(served: Served, read: Call | Refused) -> None:
    call = read.call if isinstance(read, Refused) else read
    served.method, served.client_version = call.method, call.version


def _written(call: Call, answer: Answer) -> tuple[int, bytes]:
    """The HTTP status and body of a translated answer. Raises AnswerMisshapen for one nested too deeply to write."""
    if isinstance(answer, Passing):
        return 200, answer.answer
    try:
        return write_jsonrpc(call, answer.result, answer.beside)
    except TypeError:
        raise AnswerMisshapen("nested too deeply") from None


def _written_item(call: Call, answer: Answer) -> orjson.Fragment:
    """As `_written`, for a batch."""
    if isinstance(answer, Passing):
        return orjson.Fragment(answer.answer)
    try:
        return orjson.Fragment(write(jsonrpc_answer(call, answer.result, answer.beside)))
    except TypeError:
        raise AnswerMisshapen("nested too deeply") from None


def _line(answer: RawAnswer) -> str:
    return answer.body[:200].decode(errors="replace").strip()
