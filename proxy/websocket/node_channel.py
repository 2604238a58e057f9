"""One connection to a node: pending requests, and pushed messages."""

import asyncio
import itertools
import math
from collections.abc import Callable
from typing import Protocol

from adapters import NodeRequest
from proxy.envelope import node_message
from proxy.envelope.methods import READING_METHODS
from proxy.nodes.http import NodeFailure
from proxy.nodes.pool import Node
from proxy.nodes.websocket import NodeConnection
from proxy.telemetry.metrics import Metrics
from proxy.versions.translator import NodeAnswer
from proxy.websocket.node_message import NodeMessage, Pushed, Response, read_message, read_response

_REPEAT_PAUSE = 0.1
"""Seconds before requests are repeated to an overloaded node: by then it has rejected all that were too many."""

OnResponse = Callable[[NodeMessage], None]
"""Receives a response before the node's next message is read."""


class Listener(Protocol):
    """Receives what the node pushes, in the node's order."""

    def on_pushed(self, stream: str, text: bytes) -> None:
        """Receive a message that the node pushed."""


class PendingRequest:
    """A request that was sent at the event loop's time `began`. `answer`: gets the response, or why there is none."""

    __slots__ = ("answer", "began", "noted", "number", "request")

    def __init__(
        self,
        number: int,
        request: NodeRequest,
        noted: OnResponse,
        answer: asyncio.Future[NodeMessage],
        began: float,
    ) -> None:
        self.number = number
        self.request = request
        self.noted = noted
        self.answer = answer
        self.began = began

    def expire(self) -> None:
        """The deadline has passed."""
        self.fail(TimeoutError())

    def fail(self, failure: Exception) -> None:
        """The response will not arrive."""
        if not self.answer.done():
            self.answer.set_exception(failure)


class NodeChannel:
    """The connection to `node`, in the API version `version`. It ends with the connection and is never resumed.

    `answer_seconds`: seconds to wait for a response.
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
        self._waiting: dict[int, PendingRequest] = {}
        self._repeating: asyncio.Task[None] | None = None
        """Repeats pending requests, one at a time, after the node has rejected one without saying which."""
        self._repeated: PendingRequest | None = None

    async def request(self, question: NodeRequest, noted: OnResponse, deadline: float = math.inf) -> NodeMessage:
        """Send a request and return the response, while `listen` runs; `noted` receives it as soon as it arrives.

        `deadline`: the event loop's time at which the client's request ends. Raises NodeFailure, also that of
        `fail_pending`, and TimeoutError.
        """
        waiting = self.send(question, noted, deadline)
        try:
            return await waiting.answer
        finally:
            self.forget(waiting)
            del waiting  # a failure has this frame, and this would have the failure

    def send(self, question: NodeRequest, noted: OnResponse, deadline: float) -> PendingRequest:
        """As `request`, without waiting: the response is that of the future `answer`. The caller must `forget` it."""
        number, began = next(self._numbers), self._loop.time()
        waiting = PendingRequest(number, question, noted, self._loop.create_future(), began)
        self.connection.send(node_message(question.method, question.params, self.version, number))
        self._waiting[number] = waiting
        self.connection.deadlines.set(waiting, min(deadline, began + self._answer_seconds))
        return waiting

    def forget(self, waiting: PendingRequest) -> None:
        """Wait no longer for a response, which has come or is not wanted any more."""
        del self._waiting[waiting.number]
        self.connection.deadlines.clear(waiting)
        self._metrics.node_called(self.node.name, waiting.request.method, self._loop.time() - waiting.began)

    def fail_pending(self) -> None:
        """Fail all requests in flight: the connection is lost, or is about to be closed."""
        for waiting in self._waiting.values():
            waiting.fail(NodeFailure("disconnected", self.node.name))

    async def listen(self, listener: Listener) -> None:
        """Process the node's messages until the connection ends."""
        # The message is not assigned to a variable, which would hold it until the next one arrives.
        while self._on_message(await self.connection.receive(), listener):
            pass

    def _on_message(self, text: bytes | None, listener: Listener) -> bool:
        """Whether the connection continues after it."""
        if text is None:
            return False
        message = read_message(text, self.node)
        if isinstance(message, Pushed):
            listener.on_pushed(*message)
        elif message is not None:
            self._on_response(message)
        return True

    async def request_before_listening(self, question: NodeRequest, listener: Listener) -> NodeAnswer:
        """Send a request of the proxy itself, before any other and before `listen`.

        Pushed messages in the meantime are passed on. Raises NodeFailure.
        """
        number = next(self._numbers)
        self.connection.send(node_message(question.method, question.params, self.version, number))
        while (text := await self.connection.receive()) is not None:
            message = read_message(text, self.node)
            if isinstance(message, Pushed):
                listener.on_pushed(*message)
            elif message is not None and message.number in (number, None):
                return read_response(message.message, self.node)
        raise NodeFailure("disconnected", self.node.name)

    def _on_response(self, response: Response) -> None:
        if response.number is None:
            self._on_response_without_id(response.message)
        elif (waiting := self._waiting.get(response.number)) is not None:
            _deliver(waiting, response.message)  # otherwise it is too late, and the client has received an error

    def _on_response_without_id(self, message: NodeMessage) -> None:
        """Determine which request the node has rejected: an overloaded Clio does not always say.

        It is the only one in flight, or the one that is being repeated. Of several, reads are repeated one at a time,
        and the first response to each counts. All others may have been acted on, and fail.
        """
        pending = [waiting for waiting in self._waiting.values() if not waiting.answer.done()]
        if self._repeated is not None and not self._repeated.answer.done():
            _deliver(self._repeated, message)
        elif len(pending) == 1:
            _deliver(pending[0], message)
        elif pending:
            for waiting in pending:
                if waiting.request.method not in READING_METHODS:
                    waiting.fail(NodeFailure("rejected", self.node.name))
            if self._repeating is None or self._repeating.done():
                self._repeating = self._loop.create_task(self._repeat(), name=f"repeated requests to {self.node.name}")

    async def _repeat(self) -> None:
        """Send each request in flight again, once the one before it has its response."""
        try:
            await asyncio.sleep(_REPEAT_PAUSE)
            for waiting in tuple(self._waiting.values()):
                if waiting.answer.done():
                    continue
                self._repeated = waiting
                number = next(self._numbers)
                self._waiting[number] = waiting
                try:
                    request = waiting.request
                    self.connection.send(node_message(request.method, request.params, self.version, number))
                    await asyncio.wait((waiting.answer,))
                finally:
                    del self._waiting[number]
        except NodeFailure:
            pass  # the connection is lost, and with it all requests in flight
        finally:
            self._repeated = None

    async def close(self) -> None:
        """Close the connection; pending requests must be failed first."""
        if self._repeating is not None:
            self._repeating.cancel()
        await self.connection.close()


def _deliver(waiting: PendingRequest, message: NodeMessage) -> None:
    if not waiting.answer.done():
        waiting.noted(message)
        waiting.answer.set_result(message)
