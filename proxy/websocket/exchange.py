"""A client's request over WebSocket that takes one node request, as nearly all do: served without a task."""

import time
from typing import Protocol

from adapters import MISSHAPEN, VERSIONS, JsonObject, NodeRequest
from proxy.access.fair_share import LARGE_RESPONSE_BYTES
from proxy.envelope import Call, splice_websocket, write_websocket
from proxy.envelope.methods import METADATA_METHODS
from proxy.nodes.http import NodeFailure
from proxy.nodes.ledger_range import validated_ledger_in
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.recorder import RequestRecord
from proxy.versions.translator import UnexpectedShape
from proxy.websocket.node_channel import NodeChannel, PendingRequest
from proxy.websocket.node_message import NodeMessage, read_response
from proxy.websocket.sequencer import Slot


class ExchangeOwner(Protocol):
    """Starts exchanges, and continues each when its node has responded."""

    def received(self, exchange: "Exchange", message: NodeMessage) -> None:
        """The node has responded."""

    def failed(self, exchange: "Exchange", failure: Exception) -> None:
        """The node will not respond."""


class Exchange(PendingRequest):
    """A `call` and its one node request over `link`, until `deadline` (the event loop's time).

    A task for each request would cost more than all that is done for it here. `slot`: of the response; `size`: of the
    client's message.
    """

    __slots__ = (
        "_conversation",
        "_message",
        "_owner",
        "_pipeline",
        "_seconds",
        "call",
        "deadline",
        "link",
        "served",
        "size",
        "slot",
    )

    def __init__(
        self,
        owner: ExchangeOwner,
        call: Call,
        served: RequestRecord,
        slot: Slot,
        size: int,
        link: NodeChannel,
        deadline: float,
    ) -> None:
        super().__init__(_NOT_SENT)
        self._owner = owner
        self.call = call
        self.served = served
        self.slot = slot
        self.size = size
        self.link = link
        self.deadline = deadline
        self._pipeline = VERSIONS.pipeline(call.version, link.version, call.method, link.node.server)
        self._conversation = self._pipeline.converse(call.params)
        self._message: NodeMessage | None = None
        self._seconds = 0.0
        served.node, served.node_version = link.node.name, link.version

    def send(self) -> bool:
        """Send the node request, whose end `owner` learns; False, and nothing is sent, if the call may take more."""
        began = time.perf_counter()
        try:
            question = next(self._conversation)
            if question.immutable or question.upcoming or question.method != self.call.method:
                return False
            self._seconds = time.perf_counter() - began
            self.request = question
            self.link.send(self, self.deadline)
        except (StopIteration, NodeFailure, *MISSHAPEN):
            return False
        self.link.node.in_flight += 1
        return True

    def on_response(self, message: NodeMessage) -> None:
        """Continue with the node's response."""
        self.end()
        self._owner.received(self, message)

    def on_failure(self, failure: Exception) -> None:
        """Continue without one."""
        self.end()
        self._owner.failed(self, failure)

    def end(self) -> None:
        """Wait for the node no longer."""
        self.link.forget(self)
        self.link.node.in_flight -= 1

    def take(self) -> NodeMessage | None:
        """The node's response that `translate` did not deal with, once: it may be large."""
        message, self._message = self._message, None
        return message

    def translate(self, message: NodeMessage, metrics: Metrics) -> bytes | None:
        """The response to the client; None if it takes more: another node request, an error's conversion, or a turn.

        Then the caller is to `take` the message. Raises NodeFailure and UnexpectedShape.
        """
        translated = self._translate(message, metrics)
        if translated is None:
            self._message = message
        return translated

    def _translate(self, message: NodeMessage, metrics: Metrics) -> bytes | None:
        if message.parsed is not None or len(message.text) >= LARGE_RESPONSE_BYTES:
            return None
        call, node = self.call, self.link.node
        if self._pipeline.is_identity:
            spliced = splice_websocket(call, message.text)
            if spliced is not None:
                node.note_ledger(validated_ledger_in(message.text))
                self.served.outcome = "success"
            return spliced
        is_lazy = self._pipeline.opaque_metadata and call.method in METADATA_METHODS
        answer = read_response(message, node, self.served.request_id, is_lazy=is_lazy)
        result = answer.result
        if "error" in result:
            return None
        if result.get("validated") is True:
            node.note_ledger(result.get("ledger_index"))
        began = time.perf_counter()
        try:
            self._conversation.send(result)
            return None
        except StopIteration as stop:
            translated: JsonObject = stop.value
        except MISSHAPEN as error:
            raise UnexpectedShape(type(error).__name__) from None
        if "error" in translated:
            return None
        seconds = self._seconds + time.perf_counter() - began
        metrics.translation(call.method, call.version, self.link.version, seconds)
        self.served.outcome = "success"
        return write_websocket(call, translated, answer.extras)


_NOT_SENT = NodeRequest("", {})
