"""Who hears which of the streams that all share: messages are rewritten and framed once for a version."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from adapters import VERSIONS, NodeInfo
from proxy.telemetry.metrics import Metrics
from proxy.websocket.send_queue import text_frame
from proxy.websocket.streams.forwarder import StreamForwarder
from proxy.websocket.streams.translate import translate_pushed

_AT_ONCE = 65_536
"""Bytes of messages that are given together."""

_Give = Callable[[list[bytes], bytes], None]


class Subscriber:
    """A session as one that hears shared streams; `lost` is called when they are lost to it."""

    __slots__ = ("lost", "pushed", "streams", "version")

    def __init__(self, pushed: StreamForwarder, version: int, lost: Callable[[], None]) -> None:
        self.pushed = pushed
        self.version = version
        self.lost = lost
        self.streams: frozenset[str] = frozenset()
        """Which it hears."""


class Broadcaster:
    """All who hear a node's shared streams. The node is spoken to in `node_version`.

    What comes in one breath is given in one: a ledger's transactions come so, and a write to a thousand connections is
    most of what a message costs. Who hears what is as it was when the message came.
    """

    def __init__(self, node: str, node_version: int, server: NodeInfo, metrics: Metrics) -> None:
        self._node = node
        self._node_version = node_version
        self._server = server
        self._metrics = metrics
        self._groups: dict[tuple[int, frozenset[str]], dict[Subscriber, _Give]] = {}
        self._waiting: list[tuple[str | None, str, bytes]] = []
        self._bytes = 0

    def add(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        """From now on it hears these too."""
        self._set(subscriber, subscriber.version, subscriber.streams.union(streams))

    def remove(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        """From now on it hears these no more."""
        self._set(subscriber, subscriber.version, subscriber.streams.difference(streams))

    def set_version(self, subscriber: Subscriber, version: int) -> None:
        """From now on it hears all in this version."""
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
            self._groups.setdefault((version, streams), {})[subscriber] = subscriber.pushed.forward

    def __bool__(self) -> bool:
        """Whether anybody hears anything."""
        return bool(self._groups)

    def has_subscribers(self, stream: str) -> bool:
        """Whether anybody hears this."""
        return any(stream in streams for _, streams in self._groups)

    def subscribers(self, stream: str | None = None) -> Iterator[Subscriber]:
        """Those who hear this, or anything."""
        for (_, streams), group in tuple(self._groups.items()):
            if stream is None or stream in streams:
                yield from tuple(group)

    def publish(self, stream: str | None, kind: str, message: bytes) -> None:
        """Has a message of the node's given to all who hear `stream`, or anything; `kind` is what it is counted as."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append((stream, kind, message))
        self._bytes += len(message)
        if self._bytes > _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Gives what has come."""
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
                together = b"".join(frames)
                for give in group.values():
                    give(texts, together)

    def _in_version(self, version: int, kind: str, message: bytes) -> tuple[bytes, bytes, bool]:
        pipeline = VERSIONS.stream_pipeline(version, self._node_version, self._server)
        text, is_rewritten = translate_pushed(pipeline, message, kind, self._node)
        return text, text_frame(text), is_rewritten
