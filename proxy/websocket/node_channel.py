"""One connection to a node: pending requests, and pushed messages."""

import asyncio
import itertools
import math
import time
from collections.abc import Callable
from typing import Protocol

from adapters import JsonObject, NodeRequest
from proxy.envelope import node_message
from proxy.envelope.methods import READING_METHODS
from proxy.eventloop.compact_event import CompactEvent
from proxy.nodes.http import NodeFailure
from proxy.nodes.pool import Node
from proxy.nodes.websocket import NodeConnection
from proxy.telemetry.metrics import Metrics
from proxy.versions.translator import NodeAnswer
from proxy.websocket.node_message import NodeMessage, read_message, read_response

_REPEAT_PAUSE = 0.1
"""Seconds before requests are repeated to an overloaded node: by then it has rejected all that were too many."""

_TIMER_RESOLUTION = 0.001
"""Seconds by which uvloop's timers may be early."""

OnResponse = Callable[[NodeMessage], None]
"""Receives a response before the node's next message is read."""


class Listener(Protocol):
    """Receives what the node pushes, in the node's order."""

    def on_pushed(self, stream: str, text: bytes) -> None:
        """Receive a message that the node pushed."""


class PendingRequest:
    """A request to a node; it gets one response, or the reason why there is none, and is forgotten then.

    `number`, `began` (by `time.perf_counter`) and `due` (the event loop's time) are set by `NodeChannel.send`.
    """

    __slots__ = ("began", "due", "is_done", "method", "number", "params")

    number: int
    began: float
    due: float

    def __init__(self, method: str, params: JsonObject) -> None:
        self.method = method
        self.params = params
        self.is_done = False
        """Whether it has its response, or will not get one."""

    def on_response(self, message: NodeMessage) -> None:
        """Take the response, before the node's next message is read."""
        raise NotImplementedError

    def on_failure(self, failure: Exception) -> None:
        """Take the reason why there is none."""
        raise NotImplementedError


class AwaitedRequest(PendingRequest):
    """A request whose response a task awaits, as `answer`. `noted`: receives the response first."""

    __slots__ = ("answer", "noted")

    def __init__(self, request: NodeRequest, noted: OnResponse) -> None:
        super().__init__(request.method, request.params)
        self.noted = noted
        self.answer: asyncio.Future[NodeMessage] = asyncio.get_running_loop().create_future()

    def on_response(self, message: NodeMessage) -> None:
        """Let the task continue, later in this iteration of the event loop."""
        if not self.answer.done():
            self.noted(message)
            self.answer.set_result(message)

    def on_failure(self, failure: Exception) -> None:
        """Raise it in the task."""
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
        node.connections.add(connection)
        self._answer_seconds = answer_seconds
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, PendingRequest] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        """When the deadlines are looked at next: one timer for each request would cost more than most of it."""
        self._repeating: asyncio.Task[None] | None = None
        """Repeats pending requests, one at a time, after the node has rejected one without saying which."""
        self._repeated: PendingRequest | None = None
        self._repeated_done: asyncio.Future[None] | None = None
        """Is done when nothing waits for its response any longer."""
        self._listener: Listener | None = None
        self._is_listening = False
        self._ended = CompactEvent()
        self._failure: Exception | None = None

    async def request(self, request: NodeRequest, noted: OnResponse, deadline: float = math.inf) -> NodeMessage:
        """Send a request and return the response, while `listen` runs; `noted` receives it as soon as it arrives.

        `deadline`: the event loop's time at which the client's request ends. Raises NodeFailure, also that of
        `fail_pending`, and TimeoutError.
        """
        waiting = AwaitedRequest(request, noted)
        self.send(waiting, self.due(deadline))
        try:
            return await waiting.answer
        finally:
            self.forget(waiting)
            del waiting  # a failure has this frame, and this would have the failure

    def due(self, deadline: float) -> float:
        """The end of the wait for a request that is sent now, for a client's request that ends at `deadline`."""
        return min(deadline, self._loop.time() + self._answer_seconds)

    def send(self, waiting: PendingRequest, due: float) -> None:
        """Send a request, which gets its response while `listen` runs, or until `forget`.

        `due`: the event loop's time at which it fails with TimeoutError. Raises NodeFailure, and has nothing to forget.
        """
        number = next(self._numbers)
        self.connection.send(node_message(waiting.method, waiting.params, self.version, number))
        waiting.number, waiting.began, waiting.due = number, time.perf_counter(), due
        self._waiting[number] = waiting
        if due < self._timer_at:
            self._set_timer(due)

    def forget(self, waiting: PendingRequest) -> None:
        """Wait no longer for a response that is not wanted any more; nothing happens if it has come."""
        if not waiting.is_done:
            self._end(waiting)

    def _end(self, waiting: PendingRequest) -> None:
        waiting.is_done = True
        del self._waiting[waiting.number]
        if waiting is self._repeated and self._repeated_done is not None:
            self._repeated_done.set_result(None)
        self._metrics.node_called(self.node.name, waiting.method, time.perf_counter() - waiting.began)

    def _deliver(self, waiting: PendingRequest, message: NodeMessage) -> None:
        if not waiting.is_done:  # a repeated request has two numbers
            self._end(waiting)
            waiting.on_response(message)

    def _fail(self, waiting: PendingRequest, failure: Exception) -> None:
        if not waiting.is_done:
            self._end(waiting)
            waiting.on_failure(failure)

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = self._loop.call_at(when, self._expire), when

    def _expire(self) -> None:
        """Fail the requests whose deadline has passed; nearly all have had their response long before."""
        self._timer, self._timer_at = None, math.inf
        now = self._loop.time() + _TIMER_RESOLUTION
        for waiting in tuple(self._waiting.values()):
            if waiting.due <= now:
                self._fail(waiting, TimeoutError())
        due = min((waiting.due for waiting in self._waiting.values() if not waiting.is_done), default=math.inf)
        if due < self._timer_at:
            self._set_timer(due)

    def fail_pending(self) -> None:
        """Fail all requests in flight: the connection is lost, or is about to be closed."""
        for waiting in tuple(self._waiting.values()):
            self._fail(waiting, NodeFailure("disconnected", self.node.name))

    async def listen(self, listener: Listener) -> None:
        """Process the node's messages, as they arrive, until the connection ends."""
        self._is_listening = True
        self._start(listener)
        try:
            await self._ended.wait()
        finally:
            self.stop()
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # its traceback has this frame, which would hold it until the garbage collector runs

    def stop(self) -> None:
        """Process no more messages."""
        self.connection.stop()

    def _start(self, listener: Listener) -> None:
        is_first, self._listener = self._listener is None, listener
        if is_first:
            self.connection.start(self._receive, self._on_end)
        else:
            self.connection.resume()

    def _on_end(self) -> None:
        self._ended.set()
        if not self._is_listening:
            self.fail_pending()

    def _receive(self, text: bytes) -> None:
        """Process one message of the node; a failure ends the connection, and is raised by `listen`."""
        try:
            message = read_message(text, self.node)
            if (room := self.connection.room) is not None:
                self.connection.room = None
                room.resize(len(text))
            if isinstance(message, NodeMessage):
                self._on_response(message if room is None else message._replace(room=room))
            elif message is not None and self._listener is not None:
                self._listener.on_pushed(*message)
        except Exception as failure:  # noqa: BLE001 - it must not be lost in the transport
            self._failure = failure
            self.connection.abort()
            self._ended.set()

    async def request_before_listening(self, request: NodeRequest, listener: Listener) -> NodeAnswer:
        """Send a request of the proxy itself, before `listen`.

        Pushed messages in the meantime are passed on; those after the response wait until the next request, or
        `listen`. Raises NodeFailure.
        """
        self._start(listener)
        waiting = AwaitedRequest(request, lambda _: self.connection.pause())
        self.send(waiting, self.due(math.inf))
        try:
            return read_response(await waiting.answer, self.node)
        except TimeoutError:
            raise NodeFailure("timeout", self.node.name) from None
        finally:
            self.forget(waiting)
            del waiting

    def _on_response(self, message: NodeMessage) -> None:
        if message.number is None:
            self._on_response_without_id(message)
        elif (waiting := self._waiting.get(message.number)) is not None:
            self._deliver(waiting, message)  # otherwise it is too late, and the client has received an error

    def _on_response_without_id(self, message: NodeMessage) -> None:
        """Determine which request the node has rejected: an overloaded Clio does not always say.

        It is the only one in flight, or the one that is being repeated. Of several, reads are repeated one at a time,
        and the first response to each counts. All others may have been acted on, and fail.
        """
        pending = [waiting for waiting in self._waiting.values() if not waiting.is_done]
        if self._repeated is not None and not self._repeated.is_done:
            self._deliver(self._repeated, message)
        elif len(pending) == 1:
            self._deliver(pending[0], message)
        elif pending:
            for waiting in pending:
                if waiting.method not in READING_METHODS:
                    self._fail(waiting, NodeFailure("rejected", self.node.name))
            if self._repeating is None or self._repeating.done():
                self._repeating = self._loop.create_task(self._repeat(), name=f"repeated requests to {self.node.name}")

    async def _repeat(self) -> None:
        """Send each request in flight again, once the one before it has its response."""
        try:
            await asyncio.sleep(_REPEAT_PAUSE)
            for waiting in tuple(self._waiting.values()):
                if waiting.is_done:
                    continue
                self._repeated, self._repeated_done = waiting, self._loop.create_future()
                number = next(self._numbers)
                self._waiting[number] = waiting
                try:
                    self.connection.send(node_message(waiting.method, waiting.params, self.version, number))
                    await self._repeated_done
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
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.node.connections.discard(self.connection)
        await self.connection.close()
