"""A session's subscriptions, and the version in which it receives messages."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from adapters import JsonObject, NodeInfo
from proxy.envelope.written_json import parsed, write_sorted
from proxy.telemetry.metrics import Metrics
from proxy.websocket.stream_names import RENAMED, STREAMS, stream_name
from proxy.websocket.streams.budget import ENTRY_BYTES, SubscriptionBudget

REJECTED_OUTRIGHT = frozenset({"tooBusy", "slowDown", "noPermission", "forbidden", "invalid_API_version"})
"""Errors that rippled returns before it processes any subscription."""

_BATCH = 1000
"""Most subscriptions in one request when resuming, so that none is larger than a node accepts."""


class Subscriptions:
    """One session's confirmed subscriptions.

    The version of the last `subscribe` or `path_find` decides the shape of everything pushed on the connection: even of
    a refused one on rippled (Subscribe.cpp, PathFind.cpp), but not on Clio (Subscribe.cpp).

    `budget`: counts the bytes that they take.
    """

    def __init__(
        self,
        metrics: Metrics,
        default_version: int,
        server: NodeInfo,
        budget: SubscriptionBudget,
    ) -> None:
        self._metrics = metrics.sessions
        self._budget = budget
        self._server = server
        self.version = default_version
        # Stream name to its subscriptions, in order: itself, accounts, or books as JSON.
        self._active: dict[str, dict[str, None]] = {}
        self._follows_paths = False
        self._all_known = True

    def node_changed(self, server: NodeInfo) -> None:
        """Note that the session has another node, perhaps of other software."""
        self._server = server

    def on_response(self, method: str, params: JsonObject, version: int, result: JsonObject) -> None:
        """Apply the node's response to one of `SUBSCRIPTION_METHODS`."""
        if "url" in params and method != "path_find":
            return  # the URL is a separate subscriber
        error = result.get("error")
        if method == "path_find":
            self._path_found(params, version, error)
            return
        if method == "subscribe" and (error is None or (error != "tooBusy" and self._server.software != "clio")):
            self._set_version(version)
        if error is not None:
            # What precedes the error has taken effect, and the response does not say what that is.
            self._all_known = self._all_known and (error == "tooBusy" or not any(_named(params)))
            return
        for stream, name in _named(params):
            if method == "subscribe":
                self._hold(stream, name)
            elif not _stops_history_only(stream, params) and name in self._active.get(stream, ()):
                del self._active[stream][name]
                self._budget.add(-_size(name))
                self._metrics.subscribed(stream, self.version, -1)

    def confirmed(self, streams: Iterable[str]) -> None:
        """Add shared streams that the session is subscribed to now."""
        for stream in streams:
            self._hold(stream, stream)

    def size_of(self, params: JsonObject) -> int:
        """Most bytes that a `subscribe` with these parameters would add."""
        return sum(_size(name) for stream, name in _named(params) if name not in self._active.get(stream, ()))

    def _path_found(self, params: JsonObject, version: int, error: Any) -> None:
        subcommand = params.get("subcommand")
        if error == "tooBusy" or not isinstance(subcommand, str):
            return
        self._set_version(version)
        if subcommand == "create":
            self._follows_paths = error is None
        elif subcommand == "close":
            self._follows_paths = False

    def _hold(self, stream: str, name: str) -> None:
        held = self._active.setdefault(stream, {})
        if name not in held:
            held[name] = None
            self._budget.add(_size(name))
            self._metrics.subscribed(stream, self.version)

    def _set_version(self, version: int) -> None:
        if version == self.version:
            return
        self._count(-1)
        self.version = version
        self._count(1)

    def _count(self, sign: int) -> None:
        for stream, held in self._active.items():
            if held:
                self._metrics.subscribed(stream, self.version, sign * len(held))

    def close(self) -> None:
        """The session ends, and its subscriptions no longer count."""
        self._count(-1)
        self._budget.close()

    def __len__(self) -> int:
        return sum(len(held) for held in self._active.values())

    def has(self, stream: str) -> bool:
        """Whether anything of the stream is subscribed to."""
        return bool(self._active.get(stream))

    @property
    def are_streams(self) -> bool:
        """Whether nothing but streams is subscribed to."""
        return not any(held for stream, held in self._active.items() if stream not in STREAMS)

    @property
    def can_resume(self) -> bool:
        """Whether subscribing again continues without a difference.

        Not so for histories and paths, which start again, nor if it is unknown what was subscribed to.
        """
        return self._all_known and not self._follows_paths and not self.has("account_history_tx_stream")

    def resume_requests(self) -> Iterator[JsonObject]:
        """The parameters of each `subscribe` that is needed to renew all subscriptions."""
        named = [stream for stream, held in self._active.items() if held and stream in STREAMS]
        if named:
            yield {"streams": named}
        for stream, held in self._active.items():
            if stream in STREAMS:
                continue
            things = [orjson.loads(name) for name in held] if stream == "books" else list(held)
            for begin in range(0, len(things), _BATCH):
                yield {stream: things[begin : begin + _BATCH]}


def _size(name: str) -> int:
    return len(name) + ENTRY_BYTES


def _named(params: JsonObject) -> Iterator[tuple[str, str]]:
    """Each subscription that a request adds or removes: its stream and its name, of a book the JSON."""
    for stream in _list(params.get("streams")):
        if name := stream_name(stream):
            yield name, name
    for member in ("accounts", "accounts_proposed", "rt_accounts"):
        for account in _list(params.get(member)):
            if isinstance(account, str):
                yield RENAMED.get(member, member), account
    for book in _list(params.get("books")):
        if isinstance(book, dict):
            yield from _sides(book)
    history = parsed(params.get("account_history_tx_stream"))
    if isinstance(history, dict) and isinstance(history.get("account"), str):
        yield "account_history_tx_stream", history["account"]


def _sides(book: JsonObject) -> Iterator[tuple[str, str]]:
    """A book and, for `both`, its opposite side: to rippled they are two subscriptions, which end separately."""
    side: JsonObject = {name: book[name] for name in ("taker_gets", "taker_pays", "domain") if name in book}
    yield "books", write_sorted(side).decode()
    if book.get("both") or book.get("both_sides"):
        other = {**side, "taker_gets": side.get("taker_pays"), "taker_pays": side.get("taker_gets")}
        yield "books", write_sorted(other).decode()


def _stops_history_only(stream: str, params: JsonObject) -> bool:
    """Whether an `unsubscribe` only stops the historical part, and new transactions are still pushed."""
    if stream != "account_history_tx_stream":
        return False
    return parsed(params["account_history_tx_stream"]).get("stop_history_tx_only") is True


def _list(value: Any) -> list[Any]:
    value = parsed(value)
    return value if isinstance(value, list) else []
