"""Messages that a node pushes on a session's own connection."""

from proxy.telemetry.metrics import Metrics
from proxy.websocket.node_channel import NodeChannel
from proxy.websocket.stream_names import STREAMS
from proxy.websocket.streams.broadcaster import Broadcaster, Subscriber
from proxy.websocket.streams.forwarder import StreamForwarder
from proxy.websocket.streams.subscriptions import Subscriptions


class OwnStreams:
    """Forwards what is pushed on `channel` to its one session, by `forwarder`."""

    def __init__(
        self, channel: NodeChannel, forwarder: StreamForwarder, subscriptions: Subscriptions, metrics: Metrics
    ) -> None:
        self._connection = channel.connection
        self._node = channel.node
        self._version = channel.version
        self._forwarder = forwarder
        self._subscriptions = subscriptions
        self._metrics = metrics
        self._subscriber = Subscriber(forwarder, subscriptions.version, _nothing)
        self._broadcaster: Broadcaster | None = None
        """None until something is pushed: most sessions get nothing here, and it takes 1 kB."""

    def on_pushed(self, stream: str, text: bytes) -> None:
        """Receive a message that the node pushed."""
        if stream == "path_find":
            text = self._forwarder.with_path_find_id(text)
        elif stream in ("ledger", "transactions"):
            self._node.note_ledger(self._forwarder.note_pushed(stream, text, self._node.name))
        if self._broadcaster is None:
            self._broadcaster = Broadcaster(self._node.name, self._version, self._node.server, self._metrics)
            self._broadcaster.add(self._subscriber, STREAMS)
            self._connection.after_read = self._broadcaster.flush
        self._broadcaster.publish(None, stream, text)

    def sync_version(self) -> None:
        """Deliver in the session's version, which may have changed."""
        if self._broadcaster is None:
            self._subscriber.version = self._subscriptions.version
        else:
            self._broadcaster.set_version(self._subscriber, self._subscriptions.version)

    def flush(self) -> None:
        """Deliver immediately what has been pushed."""
        if self._broadcaster is not None:
            self._broadcaster.flush()


def _nothing() -> None:
    """Does nothing: the session itself notices that its own connection is lost."""
