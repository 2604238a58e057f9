"""Who hears which of the streams that all share: each message is rewritten and framed once for a version."""

import struct
from collections.abc import Callable, Iterable, Iterator

from adapters import VERSIONS
from proxy.observe.metrics import Metrics
from proxy.sessions.pushed import Pushed
from proxy.sessions.rewriting import in_version

_EVERY = "other"
"""What each hears: messages of a type that nobody knows."""

_Give = Callable[[bytes, bytes], None]


class Subscriber:
    """A session as one that hears shared streams; `lost` is called when they are lost to it."""

    __slots__ = ("lost", "pushed", "streams", "version")

    def __init__(self, pushed: Pushed, version: int, lost: Callable[[], None]) -> None:
        self.pushed = pushed
        self.version = version
        self.lost = lost
        self.streams: frozenset[str] = frozenset()
        """Which it hears."""


class Audience:
    """All who hear a node's shared streams, by stream and version. The node is spoken to in `node_version`."""

    def __init__(self, node: str, node_version: int, metrics: Metrics) -> None:
        self._node = node
        self._node_version = node_version
        self._metrics = metrics
        self._groups: dict[str, dict[int, dict[Subscriber, _Give]]] = {}

    def add(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        """From now on it hears these too."""
        subscriber.streams |= frozenset(streams)
        for stream in (*subscriber.streams, _EVERY):
            group = self._groups.setdefault(stream, {}).setdefault(subscriber.version, {})
            group[subscriber] = subscriber.pushed.give

    def remove(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        """From now on it hears these no more."""
        ended = subscriber.streams & frozenset(streams)
        subscriber.streams -= ended
        for stream in ended if subscriber.streams else (*ended, _EVERY):
            self._take_out(subscriber, stream)

    def set_version(self, subscriber: Subscriber, version: int) -> None:
        """From now on it hears all in this version."""
        streams = subscriber.streams
        self.remove(subscriber, streams)
        subscriber.version = version
        if streams:
            self.add(subscriber, streams)

    def _take_out(self, subscriber: Subscriber, stream: str) -> None:
        versions = self._groups.get(stream, {})
        group = versions.get(subscriber.version, {})
        group.pop(subscriber, None)
        if not group:
            versions.pop(subscriber.version, None)
        if not versions:
            self._groups.pop(stream, None)

    def hears(self, stream: str) -> bool:
        """Whether anybody hears this."""
        return stream in self._groups

    def who(self, stream: str = _EVERY) -> Iterator[Subscriber]:
        """Those who hear this, or anything."""
        for group in tuple(self._groups.get(stream, {}).values()):
            yield from tuple(group)

    def give(self, stream: str, kind: str, message: bytes) -> None:
        """Gives a message of the node's to all who hear `stream`; `kind` is the stream it is counted as."""
        for version, group in self._groups.get(stream, {}).items():
            pipeline = VERSIONS.stream_pipeline(version, self._node_version)
            text, is_rewritten = in_version(pipeline, message, kind, self._node)
            frame = text_frame(text)
            for give in group.values():
                give(text, frame)
            self._metrics.stream_message(kind, version, is_rewritten, len(group))


def text_frame(message: bytes) -> bytes:
    """The WebSocket frame (RFC 6455) by which a server sends a text, unmasked and not compressed."""
    size = len(message)
    if size < 126:
        return b"\x81%c%b" % (size, message)
    if size < 1 << 16:
        return b"\x81\x7e%b%b" % (struct.pack("!H", size), message)
    return b"\x81\x7f%b%b" % (struct.pack("!Q", size), message)
