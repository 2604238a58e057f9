"""A client's request over WebSocket that takes one node request, as nearly all do: served without a task."""

from typing import Protocol

from adapters import VERSIONS, NodeRequest
from proxy.access.fair_share import LARGE_RESPONSE_BYTES
from proxy.envelope import Call, splice_websocket, write_websocket
from proxy.envelope.methods import METADATA_METHODS
from proxy.nodes.http import NodeFailure
from proxy.nodes.ledger_range import validated_ledger_in
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.recorder import RequestRecord
from proxy.versions.single_request import SingleRequest
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
        "_message",
        "_owner",
        "_pipeline",
        "_single",
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
        self._single = SingleRequest(self._pipeline, call.method, call.params)
        self._message: NodeMessage | None = None
        served.node, served.node_version = link.node.name, link.version

    def send(self) -> bool:
        """Send the node request, whose end `owner` learns; False, and nothing is sent, if the call may take more."""
        if self._single.request is None:
            return False
        self.request = self._single.request
        try:
            self.link.send(self, self.deadline)
        except NodeFailure:
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
        self._message = message
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
        if answer.result.get("validated") is True:
            node.note_ledger(answer.result.get("ledger_index"))
        translated = self._single.finish(answer.result)
        if translated is None:
            return None
        metrics.translation(call.method, call.version, self.link.version, self._single.seconds)
        self.served.outcome = "success"
        return write_websocket(call, translated, answer.extras)


_NOT_SENT = NodeRequest("", {})
