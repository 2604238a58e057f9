"""One session: a client's WebSocket and its own connection to a node, from the first message to the last."""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import NamedTuple

import orjson
import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from adapters import VERSIONS, JsonObject, Pipeline, Question
from adapters.errors import error_result
from proxy.envelope import (
    AnswerUnreadable,
    Call,
    Policy,
    Refused,
    WebSocketRefusal,
    node_message,
    read_websocket,
    read_websocket_answer,
    splice_websocket,
    write_websocket,
)
from proxy.failures import FAILURES, Failure, told_of_failure
from proxy.nodes.http import Asked, NodeFailure, RawAnswer
from proxy.nodes.methods import READING_METHODS
from proxy.nodes.pool import Node
from proxy.nodes.websocket import NodeConnection
from proxy.observe.served import Account, Served
from proxy.request_json import write
from proxy.sessions.order import DeliveryOrder, Slot
from proxy.sessions.output import Output
from proxy.sessions.subscriptions import SUBSCRIBING, Subscriptions, pushed_stream
from proxy.translation import NodeAnswer, Translator, error_of
from proxy.version_method import version_result

log = structlog.get_logger(__name__)

# Seconds that a client has to take what is still queued, and to answer our close frame.
_CLOSING_SECONDS = 2.0

# The head of an answer as rippled writes it, its members in alphabetical order; an error begins otherwise.
_ANSWER = re.compile(rb'\{(?:"api_version":\d+,)?"id":(\d+),"result":\{')


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How much one session may. Seconds for times, bytes for sizes."""

    request_seconds: float
    node_seconds: float
    in_flight: int
    queue_bytes: int
    reconnect_seconds: float
    """How long to look for another node after one was lost; 0 closes the session instead."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all sessions share. `connect` opens a connection to a node for the client at an address."""

    policy: Policy
    translator: Translator
    account: Account
    limits: SessionLimits
    connect: Callable[[str], Awaitable[tuple[Node, NodeConnection]]]


class Ending(NamedTuple):
    """Why a session ends. `code` and `message` are told to the client; no code where the client itself went."""

    reason: str
    code: int | None = None
    message: str = ""


class _Message(NamedTuple):
    """An answer of the node's: its text, and parsed where that was needed to know what it answers."""

    text: bytes
    parsed: JsonObject | None = None


@dataclass(slots=True)
class _Waiting:
    """A question that the node has not answered yet; `first`: it is the client's own."""

    slot: Slot
    call: Call
    first: bool
    answer: asyncio.Future[_Message]


class Session:
    """One client's session with the node `node`, over `connection`, from `run` to its end."""

    def __init__(
        self,
        client: web.WebSocketResponse,
        peer: str,
        services: Services,
        node: Node,
        connection: NodeConnection,
        abort: Callable[[], None],
    ) -> None:
        self.peer = peer
        self.version = services.policy.default_version
        """The version that the client used last."""
        self.ended = asyncio.Event()
        """Set when the session is over, and nothing of it is left."""
        self._client = client
        self._abort = abort
        self._services = services
        self._account = services.account
        self._node = node
        self._connection: NodeConnection | None = connection
        self._connected = asyncio.Event()
        self._connected.set()
        self._output = Output(
            client,
            services.limits.queue_bytes,
            services.account.metrics.session_queue_bytes,
            lambda: self.end(Ending("client_too_slow", WSCloseCode.POLICY_VIOLATION, "client is too slow")),
        )
        self._order = DeliveryOrder(self._output.put)
        self._subscriptions = Subscriptions(services.account.metrics, self._node_version, self.version)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._path_find_id: JsonObject = {}
        self._last_ledger: int | None = None
        self._requests = 0
        self._pushed = 0

    @property
    def _node_version(self) -> int:
        return self._node.api_version or self._services.policy.default_version

    def end(self, ending: Ending) -> None:
        """Ends the session, for the first reason that is given."""
        if not self._ending.done():
            self._ending.set_result(ending)

    async def run(self) -> Ending:
        """Serves the client until either side goes or `end` is called; returns why it ended."""
        tasks = [
            asyncio.create_task(self._guarded(part), name=f"session of {self.peer}")
            for part in (self._output.run(), self._read_client(), self._follow_node())
        ]
        ending = Ending("cancelled", WSCloseCode.GOING_AWAY, "the server is going down")
        try:
            ending = await asyncio.shield(self._ending)
        finally:
            await self._close(ending, tasks)
            self.ended.set()
        return ending

    async def _guarded(self, part: Coroutine[None, None, None]) -> None:
        """Ends the session when one of its parts fails in a way that nobody foresaw, rather than let it hang."""
        try:
            await part
        except Exception:
            log.exception("session_failed", peer=self.peer)
            self.end(Ending("internal", WSCloseCode.INTERNAL_ERROR, "internal error"))

    def counts(self) -> JsonObject:
        """What the session has done, for the log."""
        return {
            "requests": self._requests,
            "messages": self._output.sent,
            "pushed": self._pushed,
            "subscriptions": len(self._subscriptions),
        }

    async def _close(self, ending: Ending, tasks: list[asyncio.Task[None]]) -> None:
        """Says why, as far as the client still listens, and leaves nothing behind."""
        tells = ending.code is not None and ending.reason != "client_too_slow"
        if tells and not self._client.closed:
            self._fail_waiting()
            try:
                async with asyncio.timeout(_CLOSING_SECONDS):
                    if self._calls:
                        await asyncio.wait(self._calls)
                    await self._output.flushed()
            except TimeoutError:
                pass
        self._output.close()
        self._subscriptions.close()
        ours = [*tasks, *self._calls]
        for task in ours:
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)
        await asyncio.gather(self._close_client(ending), self._close_node(), return_exceptions=True)

    async def _close_client(self, ending: Ending) -> None:
        try:
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._client.close(code=ending.code or WSCloseCode.OK, message=ending.message.encode())
        except TimeoutError:
            self._abort()

    async def _close_node(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    # The client's side

    async def _read_client(self) -> None:
        async for message in self._client:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            self._requests += 1
            self._take(message.data)
        too_big = self._client.close_code == WSCloseCode.MESSAGE_TOO_BIG
        self.end(Ending("message_too_big" if too_big else self._how_client_went()))

    def _how_client_went(self) -> str:
        silent = isinstance(self._client.exception(), TimeoutError | OSError)
        return "client_silent" if silent else "client_gone" if self._client.close_code == 1006 else "client_closed"

    def _take(self, message: bytes) -> None:
        """Takes one message of the client's."""
        served = Served("ws", self.peer, self._account.request_id())
        read = read_websocket(message, self._services.policy)
        if isinstance(read, WebSocketRefusal):
            served.method = read.method or ""
            self._refuse(served, read.reason, read.message, read)
            return
        call = read.call if isinstance(read, Refused) else read
        served.method, served.client_version = call.method, call.version
        self._set_version(call.version)
        if isinstance(read, Refused):
            self._refuse(served, read.reason, write_websocket(call, read.result))
        elif len(self._calls) >= self._services.limits.in_flight:
            most = self._services.limits.in_flight
            result = error_result("tooBusy", f"More than {most} requests of this session are under way.")
            self._refuse(served, "session_in_flight", write_websocket(call, result))
        elif call.method == "version":
            served.outcome = "success"
            self._account.ended(served, None)
            result = version_result(call.version, self._services.policy.versions)
            self._order.fill(self._order.open(), write_websocket(call, result))
        else:
            task = asyncio.create_task(self._serve(call, served), name=f"request of {self.peer}")
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    def _refuse(self, served: Served, reason: str, message: bytes, refusal: WebSocketRefusal | None = None) -> None:
        self._account.refused(served, reason, refusal.version_refused if refusal is not None else None)
        self._account.ended(served, None)
        self._order.fill(self._order.open(), message)

    def _set_version(self, version: int) -> None:
        if version != self.version:
            self._account.metrics.session_version(self.version, version)
            self.version = version

    # Requests

    async def _serve(self, call: Call, served: Served) -> None:
        """Asks the node, and puts the answer where its turn is."""
        metrics = self._account.metrics
        slot = self._order.open(holds_pushed=call.method in SUBSCRIBING)
        metrics.in_flight.inc()
        try:
            async with asyncio.timeout(self._services.limits.request_seconds):
                await self._connected.wait()
                with self._node.busy():
                    answer = await self._answer(call, served, slot)
        except TimeoutError:
            answer = self._failed(NodeFailure("timeout", self._node.name), call, served)
        except FAILURES as failure:
            answer = self._failed(failure, call, served)
        except Exception:
            log.exception("request_failed", request_id=served.request_id)
            answer = self._failed(NodeFailure("nonsense", self._node.name), call, served)
        finally:
            metrics.in_flight.dec()
        self._account.ended(served, None)
        self._order.fill(slot, answer)

    async def _answer(self, call: Call, served: Served, slot: Slot) -> bytes:
        version = self._node_version
        served.node, served.node_version = self._node.name, version
        pipeline: Pipeline = VERSIONS.pipeline(call.version, version, call.method)
        first: NodeAnswer | None = None
        if pipeline.passes:
            raw = await self._ask(Question(call.method, call.params), call, slot, version)
            spliced = splice_websocket(call, raw.text) if raw.parsed is None else None
            if spliced is not None:
                served.outcome = "success"
                return spliced
            first = _read(raw, self._node)

        async def ask(question: Question) -> NodeAnswer:
            return _read(await self._ask(question, call, slot, version), self._node)

        translated = await self._services.translator.converse(pipeline.converse(call.params), version, ask, first)
        if not pipeline.same_version:
            self._account.metrics.translation(call.method, call.version, version, translated.seconds)
        served.error = error_of(translated.result)
        served.outcome = "success" if served.error is None else "error"
        return write_websocket(call, translated.result, translated.beside)

    async def _ask(self, question: Question, call: Call, slot: Slot, version: int) -> _Message:
        """Asks the node one question of a call; returns the message that answers it."""
        loop = asyncio.get_running_loop()
        number = next(self._numbers)
        waiting = _Waiting(slot, call, question.method == call.method, loop.create_future())
        self._waiting[number] = waiting
        began = loop.time()
        outcome: RawAnswer | NodeFailure = NodeFailure("timeout", self._node.name)
        connection, node = self._connection, self._node.name
        try:
            if connection is None:
                raise NodeFailure("refused", node, reached=False)
            async with asyncio.timeout(self._services.limits.node_seconds):
                await connection.send(node_message(question.method, question.params, version, number))
                answer = await waiting.answer
            outcome = RawAnswer(200, "", b"")
            return answer
        except NodeFailure as failure:
            outcome = failure
            raise
        finally:
            self._waiting.pop(number, None)
            self._account.metrics.node_asked(Asked(node, question.method, True, loop.time() - began, outcome))

    def _failed(self, failure: Failure, call: Call, served: Served) -> bytes:
        served.outcome = "failed"
        _, result = told_of_failure(failure, call.version, call.method in READING_METHODS)
        served.error = error_of(result)
        return write_websocket(call, result)

    # The node's side

    async def _follow_node(self) -> None:
        """Reads the node, and where that is wanted the next one after it was lost."""
        while self._connection is not None:
            async for message in self._connection.messages():
                self._take_from_node(message)
            await self._lost_node()

    def _take_from_node(self, message: bytes) -> None:
        found = _ANSWER.match(message)
        if found is not None:
            self._answered(int(found[1]), _Message(message))
            return
        try:
            stream = pushed_stream(message)
            if stream is not None:
                self._push(stream, message)
                return
            answer = orjson.loads(message)
            number = answer.get("id") if isinstance(answer, dict) else None
        except orjson.JSONDecodeError:
            log.warning("node_message_unreadable", node=self._node.name, size=len(message))
            return
        if isinstance(number, int):
            self._answered(number, _Message(message, answer))

    def _answered(self, number: int, answer: _Message) -> None:
        waiting = self._waiting.get(number)
        if waiting is None or waiting.answer.done():
            return  # it came too late, and the client has been told
        if waiting.first and waiting.call.method in SUBSCRIBING:
            # Now, not when the call's task runs: the node's next message may already be pushed by it.
            self._learn(waiting.call, answer.parsed or orjson.loads(answer.text))
        self._order.node_answered(waiting.slot)
        waiting.answer.set_result(answer)

    def _learn(self, call: Call, answer: JsonObject) -> None:
        result = answer if "error" in answer else answer.get("result") or {}
        self._subscriptions.answered(call.method, call.params, call.version, result)
        if call.method == "path_find" and self._subscriptions.follows_paths:
            self._path_find_id = {name: value for name, value in call.envelope.items() if name == "id"}

    def _push(self, stream: str, message: bytes) -> None:
        """Sends on what the node pushed: as it came, unless the client's version has it otherwise."""
        subscriptions = self._subscriptions
        rewritten = False
        if stream == "path_find":
            update = orjson.loads(message)
            update.pop("id", None)
            message, rewritten = write({**update, **self._path_find_id}), True
        elif subscriptions.pipeline.touches(message):
            message, rewritten = orjson.dumps(subscriptions.pipeline.rewrite(orjson.loads(message))), True
        if stream == "ledger":
            self._note_ledger(orjson.loads(message).get("ledger_index"))
        self._pushed += 1
        self._account.metrics.stream_message(stream, subscriptions.version, rewritten)
        self._order.push(message)

    def _note_ledger(self, ledger_index: object) -> None:
        """Watches for ledgers that were never pushed, as after a change of nodes."""
        if not isinstance(ledger_index, int):
            return
        missed = 0 if self._last_ledger is None else ledger_index - self._last_ledger - 1
        if missed > 0:
            self._account.metrics.stream_gaps.inc(missed)
            log.warning("stream_gap", peer=self.peer, node=self._node.name, missed=missed, ledger_index=ledger_index)
        self._last_ledger = ledger_index

    async def _lost_node(self) -> None:
        """The node's connection ended: requests under way fail, and the session goes on elsewhere, or ends."""
        lost, connection = self._node.name, self._connection
        self._connection = None
        self._connected.clear()
        code = connection.close_code if connection is not None else None
        log.warning("session_lost_node", peer=self.peer, node=lost, code=code)
        self._fail_waiting()
        if connection is not None:
            await connection.close()
        if self._services.limits.reconnect_seconds > 0 and self._subscriptions.can_resume:
            try:
                async with asyncio.timeout(self._services.limits.reconnect_seconds):
                    await self._reconnect()
                return
            except TimeoutError:
                pass
        self.end(Ending("node_lost", WSCloseCode.SERVICE_RESTART, "the connection to the node was lost"))

    def _fail_waiting(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.answer.done():
                waiting.answer.set_exception(NodeFailure("disconnected", self._node.name))

    async def _reconnect(self) -> None:
        """Goes to a node again, and subscribes to all that the client is subscribed to."""
        pause = 0.1
        while True:
            try:
                self._node, self._connection = await self._services.connect(self.peer)
                self._subscriptions.node_changed(self._node_version)
                if await self._resume(self._connection):
                    break
            except FAILURES:
                pass
            self._connection = None
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
        self._connected.set()
        log.info("session_reconnected", peer=self.peer, node=self._node.name)

    async def _resume(self, connection: NodeConnection) -> bool:
        """Subscribes again; what is pushed meanwhile is the client's already. Whether the node took it."""
        params = self._subscriptions.resume_request()
        if params is None:
            return True
        number = next(self._numbers)
        await connection.send(node_message("subscribe", params, self._node_version, number))
        async for message in connection.messages():
            stream = pushed_stream(message)
            if stream is not None:
                self._push(stream, message)
                continue
            answer = orjson.loads(message)
            if answer.get("id") == number:
                if "error" not in answer and isinstance(answer.get("result"), dict):
                    self._note_resumed(answer["result"])
                    return True
                return False
        return False

    def _note_resumed(self, result: JsonObject) -> None:
        """The answer to a `subscribe` to `ledger` tells the last ledger there is, of which nothing will be pushed."""
        if "ledger_index" in result and self._last_ledger is not None and result["ledger_index"] > self._last_ledger:
            self._note_ledger(result["ledger_index"] + 1)
            self._last_ledger = result["ledger_index"]


def _read(raw: _Message, node: Node) -> NodeAnswer:
    """Takes a node's message out of its envelope. Raises NodeFailure for what is no answer."""
    message = raw.parsed or orjson.loads(raw.text)
    if message.get("error") == "invalid_API_version":
        # The version the node is spoken to in is not the client's business.
        log.warning("node_refuses_version", node=node.name)
        raise NodeFailure("nonsense", node.name)
    try:
        result, beside = read_websocket_answer(message)
    except AnswerUnreadable as unreadable:
        log.warning("node_answer_unreadable", node=node.name, problem=str(unreadable))
        raise NodeFailure("nonsense", node.name) from None
    return NodeAnswer(result, beside, len(raw.text))
