"""A link to one node: one connection, the questions that wait on it, and what it says unasked."""

import asyncio
import itertools
import math
import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

import orjson
import structlog

from adapters import JsonObject, NodeRequest
from proxy.envelope import InvalidAnswer, node_message, read_websocket_answer
from proxy.nodes.http import NodeFailure
from proxy.nodes.pool import Node
from proxy.nodes.websocket import NodeConnection
from proxy.telemetry.metrics import Metrics
from proxy.versions.translator import NodeAnswer
from proxy.websocket.streams.subscriptions import stream_named, stream_of

log = structlog.get_logger(__name__)

# The head of an answer as rippled writes it, its members in alphabetical order; an error begins otherwise.
_ANSWER = re.compile(rb'\{(?:"api_version":\d+,)?"id":(\d+),"result":\{')


class NodeMessage(NamedTuple):
    """An answer of the node's: its text, and parsed where that was needed to know what it answers."""

    text: bytes
    parsed: JsonObject | None = None

    def read(self) -> JsonObject:
        """The answer, parsed; empty where it cannot be."""
        if self.parsed is not None:
            return self.parsed
        try:
            answer: JsonObject = orjson.loads(self.text)
        except orjson.JSONDecodeError:
            return {}
        return answer


OnResponse = Callable[[NodeMessage], None]
"""Takes note of an answer, before the node's next message is looked at."""


class Listener(Protocol):
    """Is told what the node says unasked, in the order in which it says it."""

    def on_pushed(self, stream: str, text: bytes) -> None:
        """Takes a message that the node pushed."""


class _Waiting:
    """A question that the node has not answered yet."""

    __slots__ = ("answer", "noted")

    def __init__(self, noted: OnResponse, answer: asyncio.Future[NodeMessage]) -> None:
        self.noted = noted
        self.answer = answer

    def expire(self) -> None:
        """The answer has not come in time."""
        self.fail(TimeoutError())

    def fail(self, failure: Exception) -> None:
        """The answer will not come."""
        if not self.answer.done():
            self.answer.set_exception(failure)


class NodeChannel:
    """The connection to `node`, which is spoken to in `version`. It is over when the connection is, and never resumed.

    `answer_seconds`: how long an answer is waited for.
    """

    def __init__(
        self, node: Node, version: int, connection: NodeConnection, answer_seconds: float, metrics: Metrics
    ) -> None:
        self.node = node
        self.version = version
        self.connection = connection
        self._answer_seconds = answer_seconds
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}

    async def request(self, question: NodeRequest, noted: OnResponse, deadline: float = math.inf) -> NodeMessage:
        """Asks one question, and returns the message that answers it while `listen` runs; `noted` has it at once.

        `deadline`: the event loop's time at which the client's request ends. Raises NodeFailure, also `fail_waiting`'s,
        and TimeoutError.
        """
        began = self._loop.time()
        number = next(self._numbers)
        waiting = self._waiting[number] = _Waiting(noted, self._loop.create_future())
        self.connection.deadlines.set(waiting, min(deadline, began + self._answer_seconds))
        try:
            await self.connection.send(node_message(question.method, question.params, self.version, number))
            return await waiting.answer
        finally:
            del self._waiting[number]
            self.connection.deadlines.clear(waiting)
            self._metrics.node_called(self.node.name, question.method, self._loop.time() - began)
            del waiting  # a failure has this frame, and this would have the failure

    def fail_pending(self) -> None:
        """Fails all questions that wait: the connection is lost, or is about to be closed."""
        for waiting in self._waiting.values():
            waiting.fail(NodeFailure("disconnected", self.node.name))

    async def listen(self, listener: Listener) -> None:
        """Gives on what the node says, until the connection ends."""
        # Not by a name: a message would be kept until the next comes.
        while self._heard(await self.connection.receive(), listener):
            pass

    def _heard(self, text: bytes | None, listener: Listener) -> bool:
        """Whether the connection goes on after what came of it."""
        if text is None:
            return False
        if (answer := self._take(text, listener)) is not None:
            self._answered(*answer)
        return True

    async def request_before_listening(self, question: NodeRequest, listener: Listener) -> NodeAnswer:
        """Asks a question of the proxy's own, before anybody else asks and before `listen`.

        What is pushed meanwhile is given on. Raises NodeFailure.
        """
        number = next(self._numbers)
        await self.connection.send(node_message(question.method, question.params, self.version, number))
        while (text := await self.connection.receive()) is not None:
            answer = self._take(text, listener)
            if answer is not None and answer[0] == number:
                return read_response(answer[1], self.node)
        raise NodeFailure("disconnected", self.node.name)

    def _take(self, text: bytes, listener: Listener) -> tuple[int, NodeMessage] | None:
        """Gives on what is pushed; returns an answer, and which question it answers."""
        found = _ANSWER.match(text)
        if found is not None:
            return int(found[1]), NodeMessage(text)
        stream = stream_of(text)
        if stream is not None:
            listener.on_pushed(stream, text)
            return None
        try:
            answer = orjson.loads(text)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            log.warning("node_message_invalid", node=self.node.name, size=len(text))
            return None
        kind = answer.get("type")
        if isinstance(kind, str) and kind not in ("response", "error"):
            listener.on_pushed(stream_named(kind), text)
            return None
        number = answer.get("id")
        return (number, NodeMessage(text, answer)) if isinstance(number, int) else None

    def _answered(self, number: int, answer: NodeMessage) -> None:
        waiting = self._waiting.get(number)
        if waiting is None or waiting.answer.done():
            return  # it came too late, and the client has been told
        waiting.noted(answer)
        waiting.answer.set_result(answer)

    async def close(self) -> None:
        """Closes the connection; what still waits is to be failed first."""
        await self.connection.close()


def read_response(message: NodeMessage, node: Node) -> NodeAnswer:
    """Takes a node's answer out of its envelope. Raises NodeFailure for what is no answer."""
    answer = message.read()
    if answer.get("error") == "invalid_API_version":
        # The version the node is spoken to in is not the client's business.
        log.warning("node_refuses_version", node=node.name)
        raise NodeFailure("nonsense", node.name)
    try:
        result, beside = read_websocket_answer(answer)
    except InvalidAnswer as unreadable:
        log.warning("node_response_invalid", node=node.name, problem=str(unreadable))
        raise NodeFailure("nonsense", node.name) from None
    return NodeAnswer(result, beside, len(message.text))
