"""The HTTP endpoint: one JSON-RPC request, or a batch, in a POST."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from aiohttp import web

from adapters import VERSIONS, JsonObject, Pipeline, Question
from adapters.errors import error_result
from proxy.envelope import (
    AnswerUnreadable,
    Batch,
    BatchRefusal,
    Call,
    HttpRefusal,
    Policy,
    Refused,
    jsonrpc_answer,
    node_request,
    read_jsonrpc,
    read_jsonrpc_answer,
    splice_jsonrpc,
    write_batch,
    write_jsonrpc,
)
from proxy.failures import FAILURES, Failure, NoNode, told_of_failure
from proxy.guard import Network, client_address
from proxy.nodes.http import NodeFailure, RawAnswer
from proxy.nodes.methods import READING_METHODS
from proxy.nodes.pool import Node, Nodes
from proxy.observe.served import Account, Served
from proxy.translation import NodeAnswer, Translator, error_of
from proxy.version_method import version_result

_CONTENT_TYPE = "application/json; charset=UTF-8"

log = structlog.get_logger(__name__)


class _NodeText(Exception):  # noqa: N818 - what has happened
    """The node answered with a line of text, which is passed on as it is."""

    def __init__(self, answer: RawAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class JsonRpcEndpoint:
    """Answers POSTs as rippled answers them.

    `request_seconds`: the whole time for one POST. `in_flight`: POSTs under way at once; more are refused.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        nodes: Nodes,
        translator: Translator,
        account: Account,
        trusted_proxies: Sequence[Network],
        request_seconds: float,
        in_flight: int,
    ) -> None:
        self._policy = policy
        self._nodes = nodes
        self._translator = translator
        self._account = account
        self._trusted_proxies = trusted_proxies
        self._request_seconds = request_seconds
        self._most_in_flight = in_flight
        self._in_flight = 0

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answers one POST. Raises nothing that a client could cause."""
        account = self._account
        peer = client_address(request.remote or "", request.headers, self._trusted_proxies)
        served = Served("http", peer, account.request_id())
        if self._in_flight >= self._most_in_flight:
            account.refused(served, "in_flight")
            return self._text(served, 503, "Server is overloaded")
        self._in_flight += 1
        account.metrics.in_flight.inc()
        try:
            return await self._serve(request, served)
        finally:
            self._in_flight -= 1
            account.metrics.in_flight.dec()

    async def _serve(self, request: web.BaseRequest, served: Served) -> web.Response:
        deadline = asyncio.get_running_loop().time() + self._request_seconds
        try:
            async with asyncio.timeout_at(deadline):
                body = await self._body(request)
        except TimeoutError:
            self._account.refused(served, "slow_request")
            return self._text(served, 408, "Request was not received in time")
        read = read_jsonrpc(body, self._policy)
        if isinstance(read, HttpRefusal):
            served.method = read.method or ""
            self._account.refused(served, read.reason, read.version_refused)
            return self._text(served, read.status, read.text)
        if isinstance(read, Batch):
            return await self._serve_batch(read, served, deadline)
        _name(served, read)
        try:
            status, answer = await self._answer(read, served, deadline)
        except _NodeText as text:
            return self._passed_on(served, text.answer)
        self._account.ended(served, status)
        return _response(status, answer)

    async def _body(self, request: web.BaseRequest) -> bytes:
        """The request's body, read up to one byte more than is allowed: enough to refuse it by its size."""
        chunks = []
        size = 0
        async for chunk in request.content.iter_any():
            chunks.append(chunk)
            size += len(chunk)
            if size > self._policy.request_bytes:
                break
        return b"".join(chunks)

    async def _answer(self, read: Call | Refused, served: Served, deadline: float) -> tuple[int, bytes]:
        """The HTTP status and body for one request. Raises _NodeText."""
        if isinstance(read, Refused):
            self._account.refused(served, read.reason)
            return write_jsonrpc(read.call, read.result)
        if read.method == "version":
            served.outcome = "success"
            return write_jsonrpc(read, version_result(read.version, self._policy.versions))
        try:
            return await self._ask_node(read, served, deadline)
        except FAILURES as failure:
            status, result = self._failed(failure, read, served)
            return status, write_jsonrpc(read, result)[1]

    async def _ask_node(self, call: Call, served: Served, deadline: float) -> tuple[int, bytes]:
        """As `_answer`, by a node; a result that is the same in both versions passes without being parsed."""
        node, pipeline = self._route(call, served)
        with node.busy():
            first = None
            if pipeline.passes:
                raw = await self._post(node, Question(call.method, call.params), served, deadline)
                spliced = splice_jsonrpc(call, raw.body) if raw.status == 200 else None
                if spliced is not None:
                    served.outcome = "success"
                    return 200, spliced
                first = _read(raw, node)
            result, beside = await self._translate(call, served, deadline, node, pipeline, first)
        return write_jsonrpc(call, result, beside)

    def _route(self, call: Call, served: Served) -> tuple[Node, Pipeline]:
        node = self._nodes.choose(call.version)
        if node is None or node.api_version is None:
            raise NoNode
        served.node = node.name
        served.node_version = node.api_version
        return node, VERSIONS.pipeline(call.version, node.api_version, call.method)

    async def _translate(
        self, call: Call, served: Served, deadline: float, node: Node, pipeline: Pipeline, first: NodeAnswer | None
    ) -> tuple[JsonObject, JsonObject]:
        async def ask(question: Question) -> NodeAnswer:
            return _read(await self._post(node, question, served, deadline), node)

        version = served.node_version or 0
        translated = await self._translator.converse(pipeline.converse(call.params), version, ask, first)
        if not pipeline.same_version:
            self._account.metrics.translation(call.method, call.version, version, translated.seconds)
        served.error = error_of(translated.result)
        served.outcome = "success" if served.error is None else "error"
        return translated.result, translated.beside

    async def _post(self, node: Node, question: Question, served: Served, deadline: float) -> RawAnswer:
        return await node.http.ask(
            node_request(question.method, question.params, served.node_version or 0),
            client=served.peer,
            method=question.method,
            reads_only=question.method in READING_METHODS,
            deadline=deadline,
        )

    def _failed(self, failure: Failure, call: Call, served: Served) -> tuple[int, JsonObject]:
        served.outcome = "failed"
        status, result = told_of_failure(failure, call.version, call.method in READING_METHODS)
        served.error = error_of(result)
        return status, result

    async def _serve_batch(self, batch: Batch, whole: Served, deadline: float) -> web.Response:
        """Answers the items one after the other, as rippled does: a later one may build on an earlier."""
        answers = []
        for item in batch.items:
            served = Served("http", whole.peer, whole.request_id)
            answers.append(await self._answer_item(item, served, deadline))
            self._account.ended(served, 200)
        return _response(200, write_batch(answers))

    async def _answer_item(self, item: Call | Refused | BatchRefusal, served: Served, deadline: float) -> JsonObject:
        if isinstance(item, BatchRefusal):
            served.method = item.method or ""
            self._account.refused(served, item.reason, item.version_refused)
            return item.answer
        _name(served, item)
        if isinstance(item, Refused):
            self._account.refused(served, item.reason)
            return jsonrpc_answer(item.call, item.result)
        if item.method == "version":
            served.outcome = "success"
            return jsonrpc_answer(item, version_result(item.version, self._policy.versions))
        try:
            node, pipeline = self._route(item, served)
            with node.busy():
                result, beside = await self._translate(item, served, deadline, node, pipeline, None)
        except FAILURES as failure:
            return jsonrpc_answer(item, self._failed(failure, item, served)[1])
        except _NodeText as text:
            served.outcome, served.error = "error", "text"
            return jsonrpc_answer(item, error_result("internal", _line(text.answer)))
        return jsonrpc_answer(item, result, beside)

    def _text(self, served: Served, status: int, text: str) -> web.Response:
        self._account.ended(served, status)
        return _response(status, f"{text}\r\n".encode())

    def _passed_on(self, served: Served, answer: RawAnswer) -> web.Response:
        """What a node answers in text: that it is overloaded, that it forbids, that it cannot parse."""
        served.outcome, served.error = "error", "text"
        self._account.ended(served, answer.status)
        return web.Response(
            status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type or _CONTENT_TYPE}
        )


def _name(served: Served, read: Call | Refused) -> None:
    call = read.call if isinstance(read, Refused) else read
    served.method, served.client_version = call.method, call.version


def _read(raw: RawAnswer, node: Node) -> NodeAnswer:
    """Takes a node's answer out of its envelope. Raises _NodeText, and NodeFailure for what is neither."""
    try:
        result, beside = read_jsonrpc_answer(raw.status, raw.body)
    except AnswerUnreadable as unreadable:
        # A node that refuses the version it is spoken to in says so with a text that is not the client's business.
        if raw.status == 200 or raw.body.startswith(b"invalid_API_version"):
            log.warning("node_answer_unreadable", node=node.name, problem=str(unreadable))
            raise NodeFailure("nonsense", node.name) from None
        raise _NodeText(raw) from None
    return NodeAnswer(result, beside, len(raw.body))


def _line(answer: RawAnswer) -> str:
    return answer.body[:200].decode(errors="replace").strip()


def _response(status: int, body: Any) -> web.Response:
    return web.Response(status=status, body=body, headers={"Content-Type": _CONTENT_TYPE})
