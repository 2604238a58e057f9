"""What a node pushes, on its way to one client: in the client's version, and with gaps between ledgers noticed."""

from typing import Any

import orjson
import structlog

from adapters import JsonObject
from proxy.envelope import Call
from proxy.envelope.strict_json import write
from proxy.telemetry.metrics import Metrics
from proxy.websocket.sequencer import ResponseSequencer
from proxy.websocket.stream_names import ledger_index_in
from proxy.websocket.streams.subscriptions import Subscriptions
from proxy.websocket.streams.translate import translate_pushed

log = structlog.get_logger(__name__)


class StreamForwarder:
    """Gives on what is pushed to the client at the address `peer`, as `subscriptions` want it."""

    def __init__(self, peer: str, metrics: Metrics, order: ResponseSequencer, subscriptions: Subscriptions) -> None:
        self._peer = peer
        self._metrics = metrics
        self._order = order
        self._subscriptions = subscriptions
        self._path_find_id: JsonObject = {}
        self._last_closed: int | None = None
        self._last_seen = 0
        self.count = 0
        """Messages given on."""

    def take(self, stream: str, message: bytes, node: str) -> None:
        """Gives on a message of the node's: as it came, unless the client's version has it otherwise."""
        subscriptions = self._subscriptions
        if stream == "path_find":
            message, is_rewritten = self._with_path_find_id(message), True
        else:
            message, is_rewritten = translate_pushed(subscriptions.pipeline, message, stream, node)
        if stream in ("ledger", "transactions"):
            self._note(stream, message, node)
        self.count += 1
        self._metrics.stream_message(stream, subscriptions.version, is_rewritten)
        self._order.push(message)

    def forward(self, messages: list[bytes], frames: bytes) -> None:
        """Gives on messages of shared streams, in the client's version already; `frames`: their WebSocket frames."""
        self.count += len(messages)
        self._order.push_frames(messages, frames)

    def created_path_find(self, call: Call) -> None:
        """From now on paths are pushed for this call: with its `id`, if it has one."""
        self._path_find_id = _id_of(call)

    def restore_id(self, call: Call, result: JsonObject) -> None:
        """Puts the client's `id` into the result of one of `PATH_METHODS`, where the node put that of its question."""
        if "id" in result:
            del result["id"]
            result.update(self._path_find_id if call.method == "path_find" else _id_of(call))

    def _with_path_find_id(self, message: bytes) -> bytes:
        try:
            update = orjson.loads(message)
        except orjson.JSONDecodeError:
            return message
        if not isinstance(update, dict):
            return message
        update.pop("id", None)
        return write({**update, **self._path_find_id})

    # Gaps

    def _note(self, stream: str, message: bytes, node: str) -> None:
        """Watches for ledgers that were never pushed, as after a change of nodes."""
        ledger_index = ledger_index_in(message)
        if ledger_index is None:
            return
        if stream == "ledger":
            self.closed(ledger_index, node)
        elif b'"validated":true' in message:
            self.note_ledger(ledger_index)

    def closed(self, ledger_index: int, node: str) -> None:
        """Notes that this ledger is pushed to the client as the next one that closed."""
        if self._last_closed is not None:
            self._tell_gap(ledger_index - self._last_closed - 1, ledger_index, node)
        self._last_closed = ledger_index
        self.note_ledger(ledger_index)

    def note_ledger(self, ledger_index: int) -> None:
        """Learns that what was pushed so far reaches up to this ledger."""
        self._last_seen = max(self._last_seen, ledger_index)

    def subscribed(self, result: JsonObject) -> None:
        """Learns from a result of `subscribe` what the last ledger is, of which nothing will be pushed any more."""
        ledger_index = result.get("ledger_index")
        if isinstance(ledger_index, int):
            self._last_seen = max(self._last_seen, ledger_index)
            self._last_closed = ledger_index

    def resumed(self, newest: Any, before: int, node: str) -> None:
        """The subscriptions go on at another node, whose newest validated ledger is `newest`.

        `before`: the newest that the node before had when it was lost, 0 where that is not known. What was pushed
        tells it too; the later of both counts.
        """
        follows_ledgers = self._subscriptions.has("ledger") and self._last_closed is not None
        last = self._last_closed if follows_ledgers else max(self._last_seen, before)
        if isinstance(newest, int) and last:
            self._tell_gap(newest - last, newest, node)
            self._last_closed = max(newest, last)

    def _tell_gap(self, missed: int, ledger_index: int, node: str) -> None:
        if missed > 0:
            self._metrics.stream_gaps.inc(missed)
            log.warning("stream_gap", peer=self._peer, node=node, missed=missed, ledger_index=ledger_index)


def _id_of(call: Call) -> JsonObject:
    return {name: value for name, value in call.envelope.items() if name == "id"}
