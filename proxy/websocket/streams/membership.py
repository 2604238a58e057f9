"""One session's part in the shared streams of its node, and which of its requests they serve."""

import asyncio
from collections.abc import Iterable
from itertools import takewhile
from typing import Any, Literal, NamedTuple

from adapters import JsonObject, NodeRequest
from proxy.envelope.written_json import parsed
from proxy.nodes.http import NodeFailure
from proxy.websocket.node_channel import NodeChannel
from proxy.websocket.stream_names import SHAREABLE_STREAMS, stream_name
from proxy.websocket.streams.broadcaster import Subscriber
from proxy.websocket.streams.forwarder import StreamForwarder
from proxy.websocket.streams.shared import OnSubscribed, SharedSubscription
from proxy.websocket.streams.shared_registry import SharedSubscriptions
from proxy.websocket.streams.subscriptions import REJECTED_OUTRIGHT, Subscriptions

_NOT_OF_CLIO = frozenset({"consensus", "server", "transactions_proposed"})
"""Clio refuses the first two, and forwards rippled's messages of the third without pairs."""
_NOT_STREAMS = ("accounts", "accounts_proposed", "rt_accounts", "account_history_tx_stream", "books")


class Split(NamedTuple):
    """A `subscribe` split in two: `shared` streams, as the client named them, and the rest.

    `own`: the request on the session's own connection.
    """

    shared: tuple[str, ...]
    own: NodeRequest


class SharedMembership:
    """One session's part, whose own connection to its node is `own`. `pushed` forwards its messages.

    A session gets its streams either all over the shared connection or all over its own: over its own if it subscribes
    to something else there first (accounts, books, paths), so that pushed messages come in the node's order.
    """

    def __init__(
        self, registry: SharedSubscriptions, own: NodeChannel, pushed: StreamForwarder, subscriptions: Subscriptions
    ) -> None:
        self._registry = registry
        self._pushed = pushed
        self._subscriptions = subscriptions
        self._own = own
        self._subscriber: Subscriber | None = None
        self._shared_subscription: SharedSubscription | None = None
        self._joining: set[asyncio.Future[JsonObject]] = set()
        self._by: Literal["shared", "own"] | None = None
        """The connection of the streams; None while there are none."""

    def begin(self, own: NodeChannel, *, use_own_connection: bool) -> None:
        """Start again at another node, reached by `own`, with no streams yet.

        `use_own_connection`: all streams use the session's own connection.
        """
        self.end()
        self._own, self._by = own, "own" if use_own_connection else None

    def end(self) -> None:
        """Leave all shared streams, and stop waiting for any."""
        self.fail_pending()
        self.leave(SHAREABLE_STREAMS)
        self._subscriber = self._shared_subscription = None

    def fail_pending(self) -> None:
        """Fail pending joins: the session's node is lost, or the session is about to be closed."""
        for joining in self._joining:
            if not joining.done():
                joining.set_exception(NodeFailure("disconnected", self._own.node.name))
                joining.exception()  # perhaps nobody waits for it any longer

    def leave(self, streams: Iterable[str]) -> None:
        """Stop delivering these streams to the session."""
        if self._shared_subscription is not None and self._subscriber is not None:
            self._shared_subscription.leave(self._subscriber, streams)

    def sync_version(self) -> None:
        """Deliver in the session's version, which may have changed."""
        if self._shared_subscription is not None and self._subscriber is not None:
            self._shared_subscription.set_version(self._subscriber, self._subscriptions.version)

    def split(self, method: str, params: JsonObject) -> Split | None:
        """Split a request into the part for the shared connection and the rest; None if it has no such part."""
        if self._by == "own" or method not in ("subscribe", "path_find") or "url" in params:
            return None
        named = _named(params)
        shared = tuple(name for name in named if stream_name(name) in self._shareable())
        left = {**params, "streams": [name for name in named if name not in shared]}
        if not left["streams"]:
            del left["streams"]
        is_all = not any(member in left for member in ("streams", *_NOT_STREAMS))
        if self._by is None:
            if shared and is_all:
                self._by = "shared"
            elif named or not is_all or method == "path_find":
                self._by = "own"
        if self._by != "shared" or not shared:
            return None
        # The request on the session's own connection fixes the response's place among the others, and is what the
        # node charges to the client.
        return Split(shared, NodeRequest("ping", {}) if is_all else NodeRequest("subscribe", left))

    def _shareable(self) -> frozenset[str]:
        streams = self._registry.streams
        return streams - _NOT_OF_CLIO if self._own.node.status.server.software == "clio" else streams

    def join(self, shared: tuple[str, ...], noted: OnSubscribed) -> "asyncio.Future[JsonObject]":
        """Deliver these streams, as a request named them, to the session; see `SharedSubscription.join`."""
        if self._subscriber is None:
            self._subscriber = Subscriber(self._pushed, self._subscriptions.version, self._own.connection.abort)
        self._shared_subscription = self._registry.at(self._own.node, self._own.version)
        joining = self._shared_subscription.join(self._subscriber, shared, noted)
        if not joining.done():
            self._joining.add(joining)
            joining.add_done_callback(self._joining.discard)
        return joining

    def effective_streams(self, method: str, params: JsonObject, error: str | None) -> tuple[str, ...]:
        """The shareable streams of a `subscribe` or `unsubscribe` that took effect.

        `error`: of the node's response. rippled processes one stream after the other, then everything else, up to the
        error (Subscribe.cpp, Unsubscribe.cpp); Clio validates everything first.
        """
        named = _named(params)
        if error == "malformedStream":
            # rippled's `unsubscribe` does not support this one.
            unknown = {"", "book_changes"} if method == "unsubscribe" else {""}
            named = list(takewhile(lambda name: stream_name(name) not in unknown, named))
        elif error == "noPermission" and "peer_status" in named:
            named = named[: named.index("peer_status")]
        elif error in REJECTED_OUTRIGHT:
            named = []
        if error is not None and self._own.node.status.server.software == "clio":
            named = []
        return tuple(name for name in named if stream_name(name) in self._shareable())


def _named(params: JsonObject) -> list[Any]:
    streams = parsed(params.get("streams"))
    return streams if isinstance(streams, list) else []
