"""Delivery of pushed messages from one node connection to the sessions subscribed there.

Every pushed message takes this path. On a session's own connection that session is the only subscriber; on the shared
connection there are many.
"""

from collections.abc import Callable, Iterable, Iterator

from adapters import VERSIONS, NodeInfo
from proxy.http.websocket_frames import write_frame
from proxy.telemetry.metrics import Metrics
from proxy.websocket.streams.forwarder import StreamForwarder
from proxy.websocket.streams.translate import translate_pushed

_BATCH_BYTES = 65_536
"""Most bytes of messages that are delivered together, plus one message."""

_Forward = Callable[[list[bytes], bytes], None]


class Subscriber:
    """A session that receives pushed messages of a connection; `lost`: called when the connection is lost."""

    __slots__ = ("forwarder", "lost", "streams", "version")

    def __init__(self, forwarder: StreamForwarder, version: int, lost: Callable[[], None]) -> None:
        self.forwarder = forwarder
        self.version = version
        self.lost = lost
        self.streams: frozenset[str] = frozenset()
        """The streams that it is subscribed to."""


class Broadcaster:
    """Delivers what a node pushes on one connection, in the API version `node_version`.

    Each message is rewritten and framed once for all subscribers of a version. Messages that are read together, as a
    ledger's transactions are, are delivered together by `flush`: one write to each client instead of many. The
    subscribers of a message are those at the time of its arrival.
    """

    def __init__(self, node: str, node_version: int, server: NodeInfo, metrics: Metrics) -> None:
        self._node = node
        self._node_version = node_version
        self._server = server
        self._metrics = metrics.sessions
        self._groups: dict[tuple[int, frozenset[str]], dict[Subscriber, _Forward]] = {}
        """The subscribers by what they receive: a version and a set of streams."""
        self._waiting: list[tuple[str | None, str, bytes]] = []
        self._bytes = 0

    def add(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        """Deliver these streams to it, from the next message on."""
        self._set(subscriber, subscriber.version, subscriber.streams.union(streams))

    def remove(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        """Stop delivering these streams to it."""
        self._set(subscriber, subscriber.version, subscriber.streams.difference(streams))

    def set_version(self, subscriber: Subscriber, version: int) -> None:
        """Deliver messages to it in this version from the next one on."""
        if version != subscriber.version:
            self._set(subscriber, version, subscriber.streams)

    def _set(self, subscriber: Subscriber, version: int, streams: frozenset[str]) -> None:
        self.flush()
        key = (subscriber.version, subscriber.streams)
        if (group := self._groups.get(key)) is not None:
            group.pop(subscriber, None)
            if not group:
                del self._groups[key]
        subscriber.version, subscriber.streams = version, streams
        if streams:
            self._groups.setdefault((version, streams), {})[subscriber] = subscriber.forwarder.forward

    def __bool__(self) -> bool:
        """Whether there are subscribers."""
        return bool(self._groups)

    def has_subscribers(self, stream: str) -> bool:
        """Whether the stream has subscribers."""
        return any(stream in streams for _, streams in self._groups)

    def subscribers(self, stream: str | None = None) -> Iterator[Subscriber]:
        """The subscribers of the stream, or all."""
        for (_, streams), group in tuple(self._groups.items()):
            if stream is None or stream in streams:
                yield from tuple(group)

    def publish(self, stream: str | None, kind: str, message: bytes) -> None:
        """Deliver a message to the subscribers of `stream`, or to all, at the next `flush`.

        `kind`: the stream under which it is counted.
        """
        self._waiting.append((stream, kind, message))
        self._bytes += len(message)
        if self._bytes > _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Deliver the messages that have arrived."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        if not waiting:
            return
        versions: dict[int, list[tuple[bytes, bytes, bool]]] = {}
        for (version, streams), group in self._groups.items():
            if version not in versions:
                versions[version] = [self._in_version(version, kind, message) for _, kind, message in waiting]
            texts, frames = [], []
            for (stream, kind, _), (text, frame, is_rewritten) in zip(waiting, versions[version], strict=True):
                if stream is None or stream in streams:
                    texts.append(text)
                    frames.append(frame)
                    self._metrics.stream_message(kind, version, is_rewritten, len(group))
            if texts:
                joined = b"".join(frames)
                for forward in group.values():
                    forward(texts, joined)

    def _in_version(self, version: int, kind: str, message: bytes) -> tuple[bytes, bytes, bool]:
        """The message in that version, its WebSocket frame, and whether it was rewritten."""
        pipeline = VERSIONS.stream_pipeline(version, self._node_version, self._server)
        text, is_rewritten = translate_pushed(pipeline, message, kind, self._node)
        return text, write_frame(text), is_rewritten
