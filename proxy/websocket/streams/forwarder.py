"""Pushed messages to one client: their order among responses, the `id` of path-finding, and gaps between ledgers."""

from typing import Any

import orjson
import structlog

from adapters import JsonObject
from proxy.envelope import Call
from proxy.envelope.written_json import write
from proxy.telemetry.log_rate import RateLimitedLog
from proxy.telemetry.metrics import Metrics
from proxy.websocket.sequencer import ResponseSequencer
from proxy.websocket.stream_names import is_validated, ledger_index_in
from proxy.websocket.streams.subscriptions import Subscriptions

log = RateLimitedLog(structlog.get_logger(__name__), lines=100)


class StreamForwarder:
    """Passes pushed messages on to the client at the address `peer`, which has these `subscriptions`."""

    def __init__(self, peer: str, metrics: Metrics, order: ResponseSequencer, subscriptions: Subscriptions) -> None:
        self._peer = peer
        self._metrics = metrics.sessions
        self._order = order
        self._subscriptions = subscriptions
        self._path_find_id: JsonObject = {}
        self._last_closed: int | None = None
        self._last_seen = 0
        self.count = 0
        """Messages passed on."""

    def forward(self, messages: list[bytes], frames: bytes) -> None:
        """Pass on messages in the client's version; `frames`: their WebSocket frames, one after the other."""
        self.count += len(messages)
        self._order.push_frames(messages, frames)

    # Path-finding

    def created_path_find(self, call: Call) -> None:
        """Push paths for this call from now on, with its `id` if it has one."""
        self._path_find_id = _id_of(call)

    def restore_id(self, call: Call, result: JsonObject) -> None:
        """Put the client's `id` into the result of one of `PATH_METHODS`; the node repeats that of the proxy there."""
        if "id" in result:
            del result["id"]
            result.update(self._path_find_id if call.method == "path_find" else _id_of(call))

    def with_path_find_id(self, message: bytes) -> bytes:
        """The message that pushes paths, with the client's `id`."""
        try:
            update = orjson.loads(message)
        except orjson.JSONDecodeError:
            return message
        if not isinstance(update, dict):
            return message
        update.pop("id", None)
        return write({**update, **self._path_find_id})

    # Gaps between ledgers, as after a change of nodes

    def note_pushed(self, stream: str, message: bytes, node: str) -> int | None:
        """Note the ledger of a message of `ledger` or `transactions`; return it if it is validated."""
        ledger_index = ledger_index_in(message)
        if ledger_index is None:
            return None
        if stream == "ledger":
            self.closed(ledger_index, node)
        elif is_validated(message):
            self.note_ledger(ledger_index)
        else:
            return None
        return ledger_index

    def closed(self, ledger_index: int, node: str) -> None:
        """Note that the client gets this ledger as the next closed one."""
        if self._last_closed is not None:
            self._report_gap(ledger_index - self._last_closed - 1, ledger_index, node)
        self._last_closed = ledger_index
        self.note_ledger(ledger_index)

    def note_ledger(self, ledger_index: int) -> None:
        """Note that messages so far cover ledgers up to this one."""
        self._last_seen = max(self._last_seen, ledger_index)

    def subscribed(self, result: JsonObject) -> None:
        """Note the last closed ledger, about which nothing will be pushed, from a result of `subscribe`."""
        ledger_index = result.get("ledger_index")
        if isinstance(ledger_index, int):
            self._last_seen = max(self._last_seen, ledger_index)
            self._last_closed = ledger_index

    def resumed(self, newest: Any, before: int, node: str) -> None:
        """Continue at another node, whose newest validated ledger is `newest`.

        `before`: the newest of the previous node when it was lost, 0 if unknown. Pushed messages show it as well; the
        later of both counts.
        """
        follows_ledgers = self._subscriptions.has("ledger") and self._last_closed is not None
        last = self._last_closed if follows_ledgers else max(self._last_seen, before)
        if isinstance(newest, int) and last:
            self._report_gap(newest - last, newest, node)
            self._last_closed = max(newest, last)

    def _report_gap(self, missed: int, ledger_index: int, node: str) -> None:
        if missed > 0:
            self._metrics.stream_gaps.inc(missed)
            log.warning("stream_gap", node, peer=self._peer, node=node, missed=missed, ledger_index=ledger_index)


def _id_of(call: Call) -> JsonObject:
    return {name: value for name, value in call.envelope.items() if name == "id"}
