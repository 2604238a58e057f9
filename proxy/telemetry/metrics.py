"""Every metric of the proxy, with its name, its labels and what it counts.

Label values come from closed sets, so that no client can make a new time series: `method` is a known method or
`other`, a version is `1`, `2`, `3` or `none` (not known, as when the version itself was refused), and the rest are the
words given at each metric.

`outcome` of a request:
  `success`  the node answered without an error;
  `error`    the node answered with an error (or the translation made the error the client's version knows);
  `refused`  the proxy refused it, and asked no node;
  `failed`   no node gave a usable answer.
"""

from collections.abc import Iterator
from typing import Any, Generic, Literal, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics_core import Metric, UnknownMetricFamily
from prometheus_client.registry import Collector

from proxy.envelope.methods import KNOWN_METHODS
from proxy.telemetry.fast_metrics import FastCounter, FastGauge, FastHistogram

Outcome = Literal["success", "error", "refused", "failed"]

REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
TRANSLATION_SECONDS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.05, 0.25, 1)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each counter, which nothing reads

_Child = TypeVar("_Child", Counter, Gauge)


class _Children(dict[tuple[Any, ...], _Child], Generic[_Child]):
    """A metric's children by label values: found in a dict, without the library's lock and conversions."""

    def __init__(self, metric: _Child) -> None:
        super().__init__()
        self._metric: _Child = metric

    def __missing__(self, labels: tuple[Any, ...]) -> _Child:
        child: _Child = self._metric.labels(*("none" if label is None else label for label in labels))
        self[labels] = child
        return child

    def forget(self, *labels: Any) -> None:
        """Drops the child with those label values, if there is one."""
        if self.pop(labels, None) is not None:
            self._metric.remove(*labels)


class _SessionsOpened(Collector):
    """`xrpl_proxy_sessions_total`, by a collector of its own and without a type.

    OpenMetrics takes a counter's `_total` for a suffix, so that as a counter it would be one family with the gauge
    `xrpl_proxy_sessions`, and both formats and the library refuse one name with two types.
    """

    def __init__(self) -> None:
        self.count = 0

    def collect(self) -> Iterator[Metric]:
        yield UnknownMetricFamily("xrpl_proxy_sessions_total", "WebSocket sessions opened", self.count)


def method_label(method: str) -> str:
    """Return `method` if it is a method of rippled or Clio, else `other`."""
    return method if method in KNOWN_METHODS else "other"


class Metrics:
    """One process's metrics, in a registry of their own. Durations are in seconds, versions integers or None."""

    def __init__(self, version: str) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

        def counter(name: str, what: str, *labels: str) -> _Children[Counter]:
            return _Children(Counter(name, what, labels, registry=registry))

        def gauge(name: str, what: str, *labels: str) -> _Children[Gauge]:
            return _Children(Gauge(name, what, labels, registry=registry))

        self._requests = FastCounter(
            "xrpl_proxy_requests_total",
            "Requests answered",
            ("transport", "method", "client_version", "node_version", "outcome"),
            registry,
        )
        self._request_seconds = FastHistogram(
            "xrpl_proxy_request_duration_seconds",
            "Time from a whole request to its answer",
            REQUEST_SECONDS,
            ("transport", "method", "client_version"),
            registry,
        )
        self._node_seconds = FastHistogram(
            "xrpl_proxy_node_request_duration_seconds",
            "Time of a question to a node, until its whole answer or its failure",
            REQUEST_SECONDS,
            ("node", "method"),
            registry,
        )
        self._translation_seconds = FastHistogram(
            "xrpl_proxy_translation_duration_seconds",
            "Time spent translating one request and its answer",
            TRANSLATION_SECONDS,
            ("method", "client_version", "node_version"),
            registry,
        )
        self._version_refused = counter(
            "xrpl_proxy_version_refused_total", "Requests whose API version was refused", "transport", "reason"
        )
        self._version_would_refuse = counter(
            "xrpl_proxy_version_would_refuse_total",
            "Requests of a version in versions.dry_run_refuse",
            *("transport", "client_version"),
        )
        self._refused = counter("xrpl_proxy_refused_total", "Requests that the proxy refused", "reason")
        self._connections = gauge("xrpl_proxy_connections", "Connections of clients, open now", "listener")
        self._connection_refused = counter(
            "xrpl_proxy_connections_refused_total", "Connections of clients that were not taken", "reason"
        )
        self._connection_ended = counter(
            "xrpl_proxy_connections_ended_total", "Connections of clients that took too long", "reason"
        )
        self._certificate = gauge(
            "xrpl_proxy_certificate_expiry_timestamp_seconds", "When a listener's certificate ends", "listener"
        )
        self._config_reloads = counter(
            "xrpl_proxy_config_reloads_total", "Times that the configuration was read anew", "result"
        )
        self._config_good = Gauge(
            "xrpl_proxy_config_last_reload_successful",
            "1 while the configuration as last read is in force, 0 after a faulty one",
            registry=registry,
        )
        self._config_good.set(1)
        self.in_flight = FastGauge("xrpl_proxy_in_flight_requests", "Requests under way", registry)
        self._shadow = counter(
            "xrpl_proxy_shadow_total", "Answers compared with what a node answers natively", "method", "result"
        )
        self._tried_elsewhere = counter(
            "xrpl_proxy_tried_elsewhere_total", "Reads that failed on the node and were tried on another", "node"
        )
        self._cache_lookups = counter(
            "xrpl_proxy_cache_lookups_total",
            "Requests whose answer may be kept, by whether it was",
            "method",
            "outcome",
        )
        self.cache_bytes = Gauge("xrpl_proxy_cache_bytes", "Bytes of answers that are kept", registry=registry)
        self._shared = counter(
            "xrpl_proxy_shared_answers_total", "Requests answered by another's question to a node", "method"
        )
        self._node_up = gauge("xrpl_proxy_node_up", "1 while the node answers, else 0", "node")
        Gauge("xrpl_proxy_build_info", "The proxy's version; always 1", ["version"], registry=registry).labels(
            version
        ).set(1)

        self._sessions = gauge(
            "xrpl_proxy_sessions", "WebSocket sessions open, by the version they used last", "client_version"
        )
        self._sessions_opened = _SessionsOpened()
        registry.register(self._sessions_opened)
        self._session_closed = counter("xrpl_proxy_session_closed_total", "WebSocket sessions closed", "reason")
        self._subscriptions = gauge(
            "xrpl_proxy_subscriptions", "Subscriptions of WebSocket sessions", "stream", "client_version"
        )
        self._stream_messages = FastCounter(
            "xrpl_proxy_stream_messages_total",
            "Stream messages sent to clients",
            ("stream", "client_version", "rewritten"),
            registry,
        )
        self.session_queue_bytes = FastGauge(
            "xrpl_proxy_session_queue_bytes", "Bytes waiting for slow WebSocket clients", registry
        )
        self.unsent_bytes = Gauge(
            "xrpl_proxy_unsent_bytes", "Bytes that slow clients have not taken", registry=registry
        )
        self.stream_gaps = Counter(
            "xrpl_proxy_stream_gaps_total", "Ledgers missed by streams after a reconnect", registry=registry
        )

    def request(
        self,
        transport: str,
        method: str,
        client_version: int | None,
        node_version: int | None,
        outcome: Outcome,
        seconds: float,
    ) -> None:
        """Count one request of a client, by `http` or `ws`, that has been answered."""
        label = method_label(method)
        self._requests.add(transport, label, client_version, node_version, outcome)
        self._request_seconds.add(seconds, transport, label, client_version)

    def node_called(self, node: str, method: str, seconds: float) -> None:
        """Count one request to a node over HTTP or WebSocket, or one gRPC call."""
        self._node_seconds.add(seconds, node, method_label(method))

    def shadowed(self, method: str, result: str) -> None:
        """Count an answer compared with a node's own: `same`, `different`, `failed` or `dropped`."""
        self._shadow[method_label(method), result].inc()

    def retried(self, node: str) -> None:
        """Count a request that failed on `node` and is tried on another."""
        self._tried_elsewhere[(node,)].inc()

    def cache_looked_up(self, method: str, hit: bool) -> None:
        """Count a request whose answer may be kept: `hit`, or else `miss`."""
        self._cache_lookups[method_label(method), "hit" if hit else "miss"].inc()

    def answer_shared(self, method: str) -> None:
        """Count a request that was answered by the question of another."""
        self._shared[(method_label(method),)].inc()

    def translation(self, method: str, client_version: int, node_version: int, seconds: float) -> None:
        """Count the time that translating one request and its answer took, without waiting for the node."""
        self._translation_seconds.add(seconds, method_label(method), client_version, node_version)

    def version_refused(self, transport: str, reason: str) -> None:
        """Count a refused version; `reason` is a word of the proxy's own, as `too_high`."""
        self._version_refused[transport, reason].inc()

    def version_would_refuse(self, transport: str, client_version: int | None) -> None:
        """Count a request whose version would be refused, were it not only counted."""
        self._version_would_refuse[transport, client_version].inc()

    def refused(self, reason: str) -> None:
        """Count a request refused for any cause; `reason` is a word of the proxy's own, as `admin_method`."""
        self._refused[(reason,)].inc()

    def connected(self, listener: str, change: int = 1) -> None:
        """Add `change` connections of clients at a listener, or take them away."""
        self._connections[(listener,)].inc(change)

    def connection_refused(self, reason: str) -> None:
        """Count a connection that was not taken: `connections`, `connections_per_address` or `handshake`."""
        self._connection_refused[(reason,)].inc()

    def connection_ended(self, reason: str) -> None:
        """Count a connection or request ended early: `slow_head`, `slow_body`, `slow_reader` or `unsent_bytes`."""
        self._connection_ended[(reason,)].inc()

    def certificate(self, listener: str, ends: float | None) -> None:
        """Say when a listener's certificate ends (Unix time); None where it has none."""
        if ends is None:
            self._certificate.forget(listener)
        else:
            self._certificate[(listener,)].set(ends)

    def config_read(self, good: bool) -> None:
        """Count that the configuration was read anew, and whether it was taken."""
        self._config_reloads[("success" if good else "failure",)].inc()
        self._config_good.set(good)

    def listener_gone(self, listener: str) -> None:
        """Say that there is no such listener any more."""
        self._connections.forget(listener)
        self._certificate.forget(listener)

    def node_gone(self, node: str) -> None:
        """Say that the configuration has no such node any more."""
        self._node_up.forget(node)

    def node_up(self, node: str, up: bool) -> None:
        """Say whether a node answers: for `NodeHealth`'s `changed`."""
        self._node_up[(node,)].set(up)

    def session_opened(self, client_version: int) -> None:
        """Count a WebSocket session that begins, as one of `client_version`."""
        self._sessions_opened.count += 1
        self._sessions[(client_version,)].inc()

    def session_version(self, before: int, now: int) -> None:
        """Say that a session's last used version changed."""
        self._sessions[(before,)].dec()
        self._sessions[(now,)].inc()

    def session_closed(self, client_version: int, reason: str) -> None:
        """Count a WebSocket session that ended; `reason` is a word of the proxy's own, as `client_too_slow`."""
        self._sessions[(client_version,)].dec()
        self._session_closed[(reason,)].inc()

    def subscribed(self, stream: str, client_version: int, change: int = 1) -> None:
        """Add `change` subscriptions, or take them away; `stream` is a stream's name, as `transactions`."""
        self._subscriptions[stream, client_version].inc(change)

    def stream_message(self, stream: str, client_version: int, rewritten: bool, clients: int = 1) -> None:
        """Count a stream message sent to so many clients, rewritten or as it came."""
        self._stream_messages.inc_by(clients, stream, client_version, "true" if rewritten else "false")
