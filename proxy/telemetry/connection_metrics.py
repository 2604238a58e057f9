"""Metrics of clients' connections, per listener: open, refused, ended early; and the listeners' certificates."""

from prometheus_client import CollectorRegistry

from proxy.telemetry.fast_metrics import labelled_counter, labelled_gauge


class ConnectionMetrics:
    """What the listeners report. `listener`: the name of one, its host and port."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = labelled_gauge(registry, "xrpl_proxy_connections", "Open client connections", "listener")
        self._refused = labelled_counter(
            registry,
            "xrpl_proxy_connections_refused_total",
            "Client connections refused: connections, connections_per_address or handshake (TLS failed)",
            "reason",
        )
        self._ended = labelled_counter(
            registry,
            "xrpl_proxy_connections_ended_total",
            "Client connections closed for being too slow: slow_head, slow_body, slow_reader or unsent_bytes",
            "reason",
        )
        self._certificate = labelled_gauge(
            registry,
            "xrpl_proxy_certificate_expiry_timestamp_seconds",
            "When the listener's certificate expires, in Unix time",
            "listener",
        )

    def connected(self, listener: str, change: int = 1) -> None:
        """Add `change` (which may be negative) to a listener's open client connections."""
        self._open[(listener,)].inc(change)

    def refused(self, reason: str) -> None:
        """Count a refused connection: `connections`, `connections_per_address` or `handshake`."""
        self._refused[(reason,)].inc()

    def ended(self, reason: str) -> None:
        """Count a connection closed early: `slow_head`, `slow_body`, `slow_reader` or `unsent_bytes`."""
        self._ended[(reason,)].inc()

    def certificate(self, listener: str, ends: float | None) -> None:
        """Set when a listener's certificate expires (Unix time); None if it has no certificate."""
        if ends is None:
            self._certificate.forget(listener)
        else:
            self._certificate[(listener,)].set(ends)

    def listener_gone(self, listener: str) -> None:
        """Remove the series of a listener that the configuration no longer has."""
        self._open.forget(listener)
        self._certificate.forget(listener)
