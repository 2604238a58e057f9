"""The metrics of the proxy, each with its name, its labels and what it counts; those of connections and sessions have
modules of their own.

Label values come from closed sets, so that no client can create a time series: `method` is a known method or `other`, a
version is its number or `none` (unknown, such as a refused one), and the others are as each metric documents.

`outcome` of a request:
  `success`  the node returned a result;
  `error`    the node returned an error (or translation produced the error of the client's version);
  `refused`  the proxy refused the request and sent nothing to a node;
  `failed`   no node returned a usable response.
"""

from collections import Counter as Counted
from collections.abc import Sequence
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from proxy.envelope.methods import KNOWN_METHODS
from proxy.telemetry.connection_metrics import ConnectionMetrics
from proxy.telemetry.fast_metrics import Export, FastCounter, FastGauge, FastHistogram, labelled_counter, labelled_gauge
from proxy.telemetry.session_metrics import SessionMetrics

Outcome = Literal["success", "error", "refused", "failed"]

_METHOD_SECONDS, _NODE_METHOD_SECONDS = "xrpl_proxy_method_duration_seconds", "xrpl_proxy_node_method_duration_seconds"
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nothing reads


class _MethodLabels(dict[str, str]):
    def __missing__(self, method: str) -> str:
        return "other"


method_label = _MethodLabels(zip(KNOWN_METHODS, KNOWN_METHODS, strict=True)).__getitem__
"""`method` if it is a method of rippled or Clio, else `other`."""


class Metrics:
    """One process's metrics, in their own registry. Durations are in seconds; versions are integers or None.

    `method_buckets`: the upper bounds of the buckets of the histograms that have a series for each method. Without any,
    these tell no more than the mean: with buckets they would be most of all series.
    """

    def __init__(self, version: str, method_buckets: Sequence[float] = ()) -> None:
        self.registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self.connections = ConnectionMetrics(registry)
        self.sessions = SessionMetrics(registry)
        self._requests = FastCounter(
            "xrpl_proxy_requests_total",
            "Client requests. success, error: a node's response; refused: by the proxy; failed: no usable response",
            ("transport", "method", "client_version", "node_version", "outcome"),
            registry,
        )
        self._request_seconds = FastHistogram(
            ("transport", "method", "client_version"),
            registry,
            Export(
                "xrpl_proxy_request_duration_seconds",
                "Seconds from receiving a complete request to its response",
                ("transport", "client_version"),
                REQUEST_SECONDS,
            ),
            Export(
                _METHOD_SECONDS,
                "Seconds from receiving a complete request to its response, by method (observe.method_buckets)",
                ("method", "client_version"),
                method_buckets,
            ),
        )
        self._node_seconds = FastHistogram(
            ("node", "method"),
            registry,
            Export(
                "xrpl_proxy_node_request_duration_seconds",
                "Seconds from sending a node request to its complete response or its failure",
                ("node",),
                REQUEST_SECONDS,
            ),
            Export(
                _NODE_METHOD_SECONDS,
                "Seconds from sending a node request to its response or failure, by method (observe.method_buckets)",
                ("node", "method"),
                method_buckets,
            ),
        )
        labels = ("method", "client_version", "node_version")
        what = "Seconds spent translating one request and its response"
        translation = Export("xrpl_proxy_translation_duration_seconds", what, labels, ())
        self._translation_seconds = FastHistogram(labels, registry, translation)
        self._version_refused = labelled_counter(
            registry,
            "xrpl_proxy_version_refused_total",
            "Requests whose API version was refused: not_an_integer, below_minimum or above_maximum",
            "transport",
            "reason",
        )
        self._version_would_refuse = labelled_counter(
            registry,
            "xrpl_proxy_version_would_refuse_total",
            "Requests of a version listed in versions.dry_run_refuse",
            "transport",
            "client_version",
        )
        self._status_requests = labelled_counter(
            registry,
            "xrpl_proxy_status_requests_total",
            "HTTP requests without a call, such as status checks and CORS preflights",
            "method",
        )
        self._refused = labelled_counter(
            registry,
            "xrpl_proxy_refused_total",
            "Requests refused by the proxy: malformed, forbidden or over a limit",
            "reason",
        )
        self._config_reloads = labelled_counter(
            registry, "xrpl_proxy_config_reloads_total", "Configuration reloads", "result"
        )
        self._config_good = Gauge(
            "xrpl_proxy_config_last_reload_successful",
            "1 if the last reload succeeded, 0 if it was rejected and the previous configuration is in force",
            registry=registry,
        )
        self._config_good.set(1)
        self.in_flight = FastGauge("xrpl_proxy_in_flight_requests", "Requests in flight", registry)
        self._shadow = labelled_counter(
            registry,
            "xrpl_proxy_shadow_total",
            "Responses compared with a node's native response: same, different, failed or dropped",
            "method",
            "result",
        )
        self._retries = labelled_counter(
            registry,
            "xrpl_proxy_retries_total",
            "Read requests that failed on this node and were retried on another",
            "node",
        )
        self._cache_lookups = labelled_counter(
            registry, "xrpl_proxy_cache_lookups_total", "Cacheable requests, by cache hit or miss", "method", "outcome"
        )
        self.cache_bytes = Gauge("xrpl_proxy_cache_bytes", "Bytes of cached responses", registry=registry)
        self._coalesced = labelled_counter(
            registry,
            "xrpl_proxy_coalesced_requests_total",
            "Requests that shared the response to an identical one (cache.coalesce_reads)",
            "method",
        )
        self._node_up = labelled_gauge(
            registry, "xrpl_proxy_node_up", "1 if the node responds, 0 if it does not", "node"
        )
        labelled_gauge(registry, "xrpl_proxy_build_info", "The proxy's version; always 1", "version")[(version,)].set(1)

        self.unsent_bytes = Gauge(
            "xrpl_proxy_unsent_bytes",
            "Response bytes that clients have not read; at most limits.unsent_bytes",
            registry=registry,
        )

    def request(
        self,
        transport: str,
        method: str,
        client_version: int | None,
        node_version: int | None,
        outcome: Outcome,
        seconds: float,
        trace_id: str | None = None,
    ) -> None:
        """Count one answered client request; `trace_id` is that of its trace, if it has one."""
        label = method_label(method)
        self._requests.add(transport, label, client_version, node_version, outcome)
        self._request_seconds.add(seconds, transport, label, client_version)
        if trace_id is not None:
            self._request_seconds.add_exemplar(trace_id, seconds, transport, client_version)

    def set_method_buckets(self, bounds: Sequence[float]) -> None:
        """Have other buckets by method from now on."""
        self._request_seconds.set_bounds(_METHOD_SECONDS, bounds)
        self._node_seconds.set_bounds(_NODE_METHOD_SECONDS, bounds)

    def requests_by_version(self) -> Counted[str]:
        """The client requests so far, by client version."""
        return self._requests.by_label("client_version")

    def node_called(self, node: str, method: str, seconds: float) -> None:
        """Count one request to a node over HTTP or WebSocket, or one gRPC call."""
        self._node_seconds.add(seconds, node, method_label(method))

    def shadowed(self, method: str, result: str) -> None:
        """Count a response compared with a node's native one: `same`, `different`, `failed` or `dropped`."""
        self._shadow[method_label(method), result].inc()

    def retried(self, node: str) -> None:
        """Count a request that failed on `node` and is retried on another."""
        self._retries[(node,)].inc()

    def cache_looked_up(self, method: str, hit: bool) -> None:
        """Count a cacheable request as a cache `hit` or `miss`."""
        self._cache_lookups[method_label(method), "hit" if hit else "miss"].inc()

    def coalesced(self, method: str) -> None:
        """Count a request answered by an identical node request already in flight."""
        self._coalesced[(method_label(method),)].inc()

    def translation(self, method: str, client_version: int, node_version: int, seconds: float) -> None:
        """Count the seconds spent translating one request and its response, without the wait for the node."""
        self._translation_seconds.add(seconds, method_label(method), client_version, node_version)

    def version_refused(self, transport: str, reason: str) -> None:
        """Count a refused version; `reason` is one of the proxy's own, for example `above_maximum`."""
        self._version_refused[transport, reason].inc()

    def version_would_refuse(self, transport: str, client_version: int | None) -> None:
        """Count a request whose version `versions.dry_run_refuse` lists."""
        self._version_would_refuse[transport, client_version].inc()

    def status_request(self, method: str) -> None:
        """Count an HTTP request without a call, by its HTTP method."""
        self._status_requests[(method if method in ("GET", "HEAD", "OPTIONS") else "other",)].inc()

    def refused(self, reason: str) -> None:
        """Count a refused request; `reason` is one of the proxy's own, for example `forbidden`."""
        self._refused[(reason,)].inc()

    def config_read(self, good: bool) -> None:
        """Count a configuration reload and whether it succeeded."""
        self._config_reloads[("success" if good else "failure",)].inc()
        self._config_good.set(good)

    def node_gone(self, node: str) -> None:
        """Remove the series of a node that the configuration no longer has."""
        self._node_up.forget(node)

    def node_up(self, node: str, up: bool) -> None:
        """Set whether a node responds: the `changed` callback of `NodeHealth`."""
        self._node_up[(node,)].set(up)
