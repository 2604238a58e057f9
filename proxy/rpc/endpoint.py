"""The HTTP endpoint: one JSON-RPC request, or a batch, in a POST."""

import asyncio

import orjson

from adapters import JsonObject
from adapters.errors import error_result
from proxy.access.admission import Admission, UnderWay
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
from proxy.envelope.strict_json import write
from proxy.eventloop.busy_polling import BusyPolling
from proxy.eventloop.inline_task import in_task
from proxy.http.request import BodyBroken, Request
from proxy.http.response import JSON, Response
from proxy.nodes import READING_METHODS, RawAnswer
from proxy.nodes.failures import FAILURES, Failure, told_of_failure
from proxy.rpc.dispatch import Answer, Answering, NodeText, Passing
from proxy.telemetry.recorder import Account, Served
from proxy.versions.sunset import Notices
from proxy.versions.translator import AnswerMisshapen, error_of
from proxy.versions.version_method import version_result


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
        busy_polling: BusyPolling,
    ) -> None:
        self._policy = policy
        self._answering = answering
        self._account = account
        self._request_seconds = request_seconds
        self._most_in_flight = in_flight
        self._under_way = under_way
        self._notices = notices
        self._busy_polling = busy_polling
        self._loop = asyncio.get_running_loop()

    async def handle(self, request: Request, peer: str, admission: Admission) -> Response:
        """Answers one POST of the client at the address `peer`. Raises nothing that a client could cause.

        `admission` has let in the POST as one request; it is asked whether that may be under way, and what more is in
        a batch.
        """
        account = self._account
        served = Served("http", peer, account.request_id(), caller=account.callers.who(peer, request))
        refusal = "in_flight" if self._under_way.posts >= self._most_in_flight else admission.enter(peer)
        if refusal is not None:
            account.refused(served, refusal)
            return self._text(served, 503, "Server is overloaded")
        self._busy_polling.asked()
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
        except BodyBroken:
            account.refused(served, "client_gone")
            response = self._text(served, 400, "Request was not received wholly")
        finally:
            admission.leave(peer)
            self._under_way.posts -= 1
            account.metrics.in_flight.dec()
        notice = self._notices.headers(served.client_version)
        if notice:
            response.headers.update(notice)
        return response

    async def _body(self, request: Request, deadline: float) -> bytes:
        request.tell_to_continue()
        await in_task()
        async with asyncio.timeout_at(deadline):
            return await request.body.read(self._policy.request_bytes)

    async def _serve(self, call: Call, served: Served, deadline: float) -> Response:
        served.method, served.client_version = call.method, call.version
        try:
            if call.method == "version":
                status, answer = write_jsonrpc(call, self._own_result(call, served))
            else:
                status, answer = _written(call, await self._answering.answer(call, served, deadline, may_pass=True))
        except FAILURES as failure:
            status, result = self._failed(failure, call, served)
            answer = write_jsonrpc(call, result)[1]
        except NodeText as text:
            return self._passed_on(served, text.answer)
        self._account.ended(served, status)
        if self._account.shadow is not None:
            self._account.shadow.heard(call, answer, served)
        return Response(status, answer)

    def _serve_refused(self, refused: Refused | HttpRefusal, served: Served) -> Response:
        """What a request gets that is none, or that only the proxy answers."""
        if isinstance(refused, HttpRefusal):
            served.method = refused.method or ""
            self._account.refused(served, refused.reason, refused.version_refused)
            return self._text(served, refused.status, refused.text)
        served.method, served.client_version = refused.call.method, refused.call.version
        self._account.refused(served, refused.reason)
        status, answer = write_jsonrpc(refused.call, refused.result)
        self._account.ended(served, status)
        return Response(status, answer)

    def _own_result(self, call: Call, served: Served) -> JsonObject:
        """The result of `version`, which the proxy answers by itself."""
        served.outcome = "success"
        return version_result(call.version, self._policy.versions)

    def _failed(self, failure: Failure, call: Call, served: Served) -> tuple[int, JsonObject]:
        served.outcome = "failed"
        status, result = told_of_failure(failure, call.version, call.method in READING_METHODS)
        served.error = error_of(result)
        return status, result

    async def _serve_batch(self, batch: Batch, whole: Served, deadline: float, admission: Admission) -> Response:
        """Answers the items one after the other, as rippled does: a later one may build on an earlier."""
        refusal = admission.admit(whole.peer, len(batch.items) - 1) if len(batch.items) > 1 else None
        if refusal is not None:
            whole.method = "batch"
            self._account.refused(whole, refusal)
            return self._text(whole, 503, "Server is overloaded")
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
        call = item.call if isinstance(item, Refused) else item
        served.method, served.client_version = call.method, call.version
        if isinstance(item, Refused):
            self._account.refused(served, item.reason)
            return jsonrpc_answer(call, item.result)
        try:
            if call.method == "version":
                return jsonrpc_answer(call, self._own_result(call, served))
            return _written_item(call, await self._answering.answer(call, served, deadline, may_pass=False))
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
