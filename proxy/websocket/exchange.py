"""A client's request over WebSocket that takes one node request, as nearly all do: served without a task."""

from typing import Protocol

import structlog

from adapters import VERSIONS
from proxy.access.fair_share import LARGE_RESPONSE_BYTES
from proxy.envelope import Call, splice_websocket, write_websocket
from proxy.envelope.methods import METADATA_METHODS, READING_METHODS
from proxy.nodes.failures import NODE_ERRORS, Failure, failure_response
from proxy.nodes.http import NodeFailure
from proxy.nodes.ledger_range import validated_ledger_in
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.recorder import RequestRecord
from proxy.versions.single_request import SingleRequest
from proxy.versions.translator import error_of
from proxy.websocket.node_channel import NodeChannel, PendingRequest
from proxy.websocket.node_message import NodeMessage, read_result
from proxy.websocket.sequencer import Slot

log = structlog.get_logger(__name__)


class ExchangeOwner(Protocol):
    """Starts exchanges, and continues each when its node has responded."""

    def received(self, exchange: "Exchange", message: NodeMessage) -> None:
        """The node has responded."""

    def failed(self, exchange: "Exchange", failure: Exception) -> None:
        """The node will not respond."""


class Exchange(PendingRequest):
    """A `call` and its one node request over `channel`, until `deadline` (the event loop's time).

    A task for each request would cost more than all that is done for it here. `slot`: of the response; `size`: of the
    client's message.
    """

    __slots__ = (
        "_message",
        "_owner",
        "_pipeline",
        "_single",
        "call",
        "channel",
        "deadline",
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
        channel: NodeChannel,
        deadline: float,
    ) -> None:
        super().__init__(call.method, call.params)
        self._owner = owner
        self.call = call
        self.served = served
        self.slot = slot
        self.size = size
        self.channel = channel
        self.deadline = deadline
        self._pipeline = VERSIONS.pipeline(
            call.version, channel.version, call.method, channel.node.health.status.server
        )
        is_identity = self._pipeline.is_identity
        self._single = None if is_identity else SingleRequest(self._pipeline, call.method, call.params)
        self._message: NodeMessage | None = None
        served.node, served.node_version = channel.node.name, channel.version

    def send(self, due: float) -> bool:
        """Send the node request, whose end `owner` learns; False, and nothing is sent, if the call may take more.

        `due`: as of `NodeChannel.send`.
        """
        single = self._single
        if single is not None:
            if single.params is None:
                return False
            self.params = single.params
        channel = self.channel
        try:
            channel.send(self, due)
        except NodeFailure:
            return False
        channel.node.in_flight += 1
        return True

    def on_response(self, message: NodeMessage) -> None:
        """Continue with the node's response."""
        self.channel.node.in_flight -= 1
        self._owner.received(self, message)

    def on_failure(self, failure: Exception) -> None:
        """Continue without one."""
        self.channel.node.in_flight -= 1
        self._owner.failed(self, failure)

    def cancel(self) -> None:
        """Wait for the node no longer."""
        self.channel.forget(self)
        self.channel.node.in_flight -= 1

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
        call, node, single = self.call, self.channel.node, self._single
        if single is None:
            spliced = splice_websocket(call, message.text)
            if spliced is not None:
                node.note_ledger(validated_ledger_in(message.text))
                self.served.outcome = "success"
            return spliced
        is_lazy = self._pipeline.opaque_metadata and call.method in METADATA_METHODS
        result, extras = read_result(message, node, self.served.request_id, is_lazy=is_lazy)
        if result.get("validated") is True:
            node.note_ledger(result.get("ledger_index"))
        translated = single.finish(result)
        if translated is None:
            return None
        metrics.translation(call.method, call.version, self.channel.version, single.seconds)
        self.served.outcome = "success"
        return write_websocket(call, translated, extras)


def failure_message(error: BaseException, call: Call, served: RequestRecord) -> bytes:
    """The response to `call` if there is none from a node, because of `error`, which may be a fault of the proxy."""
    failure: Failure
    if isinstance(error, NODE_ERRORS):
        failure = error
    elif isinstance(error, TimeoutError):
        failure = NodeFailure("timeout", served.node or "none")
    else:
        log.error("request_failed", request_id=served.request_id, exc_info=error)
        failure = NodeFailure("invalid_response", served.node or "none")
    served.outcome = "failed"
    _, result = failure_response(failure, call.version, call.method in READING_METHODS)
    served.error = error_of(result)
    return write_websocket(call, result)
