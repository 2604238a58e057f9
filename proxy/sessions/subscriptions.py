"""What a session is subscribed to, and in which version it is told of it."""

from collections.abc import Iterator
from typing import Any

import orjson

from adapters import VERSIONS, JsonObject, StreamPipeline
from proxy.observe.metrics import Metrics

SUBSCRIBING = frozenset({"subscribe", "unsubscribe", "path_find"})
"""The methods that change what is pushed."""

STREAMS = frozenset(
    {
        "book_changes",
        "consensus",
        "ledger",
        "manifests",
        "peer_status",
        "server",
        "transactions",
        "transactions_proposed",
        "validations",
    }
)
_RENAMED = {"rt_transactions": "transactions_proposed", "rt_accounts": "accounts_proposed"}

_PUSHED = {
    b"ledgerClosed": "ledger",
    b"transaction": "transactions",
    b"validationReceived": "validations",
    b"manifestReceived": "manifests",
    b"serverStatus": "server",
    b"consensusPhase": "consensus",
    b"bookChanges": "book_changes",
    b"peerStatusChange": "peer_status",
    b"path_find": "path_find",
}
"""Types of pushed messages, and the stream that each is counted as; transactions come by several."""


def pushed_stream(message: bytes) -> str | None:
    """The stream that a node's message was pushed by, without parsing it; None for an answer."""
    at = message.rfind(b'"type":"')
    if at >= 0:
        return _PUSHED.get(message[at + 8 : message.find(b'"', at + 8)])
    kind = orjson.loads(message).get("type")  # JSON with spaces in it, which no node of today writes
    return _PUSHED.get(kind.encode()) if isinstance(kind, str) else None


class Subscriptions:
    """One session's subscriptions, as far as the node confirmed them.

    The version of the last `subscribe`, also a refused one, decides the shape of everything pushed on the connection
    (rippled's Subscribe.cpp).
    """

    def __init__(self, metrics: Metrics, node_version: int, default_version: int) -> None:
        self._metrics = metrics
        self._node_version = node_version
        self.version = default_version
        self.pipeline: StreamPipeline = VERSIONS.stream_pipeline(default_version, node_version)
        # Stream name to what is subscribed of it: itself, or accounts, books, histories by their JSON.
        self._held: dict[str, dict[str, Any]] = {}
        self.follows_paths = False

    def node_changed(self, node_version: int) -> None:
        """The session has another node now, spoken to in another version maybe."""
        self._node_version = node_version
        self.pipeline = VERSIONS.stream_pipeline(self.version, node_version)

    def answered(self, method: str, params: JsonObject, version: int, result: JsonObject) -> None:
        """Learns from the node's answer to one of `SUBSCRIBING`."""
        error = result.get("error")
        if method == "subscribe" and error != "tooBusy":
            self._set_version(version)
        if error is not None:
            return
        if method == "path_find":
            self.follows_paths = params.get("subcommand") == "create"
            return
        for stream, name, request in _named(params):
            held = self._held.setdefault(stream, {})
            if method == "subscribe" and name not in held:
                held[name] = request
                self._metrics.subscribed(stream, self.version)
            elif method == "unsubscribe" and held.pop(name, None) is not None:
                self._metrics.subscribed(stream, self.version, -1)

    def _set_version(self, version: int) -> None:
        if version == self.version:
            return
        self._count(-1)
        self.version = version
        self.pipeline = VERSIONS.stream_pipeline(version, self._node_version)
        self._count(1)

    def _count(self, sign: int) -> None:
        for stream, held in self._held.items():
            if held:
                self._metrics.subscribed(stream, self.version, sign * len(held))

    def close(self) -> None:
        """The session ends, and with it its subscriptions."""
        self._count(-1)
        self._held.clear()

    def __len__(self) -> int:
        return sum(len(held) for held in self._held.values())

    @property
    def can_resume(self) -> bool:
        """Whether subscribing again goes on where it was: not so with histories and paths, which begin anew."""
        return not self.follows_paths and not self._held.get("account_history_tx_stream")

    def resume_request(self) -> JsonObject | None:
        """The parameters of the `subscribe` that subscribes to all of it again; None where there is nothing."""
        params: JsonObject = {}
        for stream, held in self._held.items():
            if held and stream in ("accounts", "accounts_proposed"):
                params[stream] = list(held)
            elif held and stream == "books":
                params[stream] = [{k: v for k, v in book.items() if k != "snapshot"} for book in held.values()]
            elif held:
                params.setdefault("streams", []).append(stream)
        return params or None


def _named(params: JsonObject) -> Iterator[tuple[str, str, Any]]:
    """Each thing that a request subscribes to, or no longer: its stream, a name for it, and how it was asked for."""
    for stream in _list(params.get("streams")):
        name = _RENAMED.get(stream, stream) if isinstance(stream, str) else ""
        if name in STREAMS:
            yield name, name, None
    for member in ("accounts", "accounts_proposed", "rt_accounts"):
        for account in _list(params.get(member)):
            if isinstance(account, str):
                yield _RENAMED.get(member, member), account, None
    for book in _list(params.get("books")):
        if isinstance(book, dict):
            sides = {name: book.get(name) for name in ("taker_gets", "taker_pays", "domain")}
            yield "books", orjson.dumps(sides, option=orjson.OPT_SORT_KEYS).decode(), book
    history = params.get("account_history_tx_stream")
    if isinstance(history, dict) and isinstance(history.get("account"), str):
        yield "account_history_tx_stream", history["account"], history


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
