"""Metrics of WebSocket sessions: open and closed, their subscriptions, and the stream messages sent to them."""

from prometheus_client import CollectorRegistry, Counter

from proxy.telemetry.fast_metrics import FastCounter, FastGauge, labelled_counter, labelled_gauge


class SessionMetrics:
    """What sessions report. Versions are those of clients."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = labelled_gauge(
            registry,
            "xrpl_proxy_sessions_open",
            "Open WebSocket sessions, by the API version they last used",
            "client_version",
        )
        self._opened = Counter("xrpl_proxy_sessions_total", "WebSocket sessions opened", registry=registry)
        self._closed = labelled_counter(
            registry, "xrpl_proxy_session_closed_total", "WebSocket sessions closed", "reason"
        )
        self._subscriptions = labelled_gauge(
            registry, "xrpl_proxy_subscriptions", "Active WebSocket subscriptions", "stream", "client_version"
        )
        self._stream_messages = FastCounter(
            "xrpl_proxy_stream_messages_total",
            "Stream messages sent to clients",
            ("stream", "client_version", "rewritten"),
            registry,
        )
        self.queue_bytes = FastGauge(
            "xrpl_proxy_session_queue_bytes", "Bytes queued for slow WebSocket clients", registry
        )
        self.stream_gaps = Counter(
            "xrpl_proxy_stream_gaps_total",
            "Ledgers that streams missed when sessions moved to another node",
            registry=registry,
        )

    def opened(self, version: int) -> None:
        """Count a session that opens with `version`."""
        self._opened.inc()
        self._open[(version,)].inc()

    def version_changed(self, before: int, now: int) -> None:
        """Move a session from the version it last used to another."""
        self._open[(before,)].dec()
        self._open[(now,)].inc()

    def closed(self, version: int, reason: str) -> None:
        """Count a closed session; `reason` is one of the proxy's own, for example `client_too_slow`."""
        self._open[(version,)].dec()
        self._closed[(reason,)].inc()

    def subscribed(self, stream: str, version: int, change: int = 1) -> None:
        """Add `change` (which may be negative) to the subscriptions to `stream`, for example `transactions`."""
        self._subscriptions[stream, version].inc(change)

    def stream_message(self, stream: str, version: int, rewritten: bool, clients: int = 1) -> None:
        """Count a stream message sent to that many `clients`, rewritten or unchanged."""
        self._stream_messages.inc_by(clients, stream, version, "true" if rewritten else "false")
