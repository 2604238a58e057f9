"""OpenTelemetry tracing, exported by OTLP over HTTP. Imported only if tracing is configured: its library is optional.

A span has the method, versions, outcome, error token and node of its request, and never a parameter, an address or an
exception's text. The library reads OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES and OTEL_BSP_… from the
environment, as it does in other programs.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from proxy.telemetry.logs import error_label
from proxy.telemetry.metrics import method_label
from proxy.telemetry.tracing import TracedRequest

_EXPORT_SECONDS = 5


class OpenTelemetry:
    """Creates spans and exports them to `endpoint`, a URL, from a separate thread with a bounded queue.

    `sample`: the share of requests to trace. A client's sampled trace is continued, but subject to the same share:
    clients do not decide how much is traced.
    """

    def __init__(self, endpoint: str, sample: float, version: str) -> None:
        share = TraceIdRatioBased(sample)
        self._provider = TracerProvider(
            sampler=ParentBased(share, remote_parent_sampled=share),
            resource=Resource.create({"service.name": "xrpl-version-proxy", "service.version": version}),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("xrpl-version-proxy", version)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, served: TracedRequest, headers: Mapping[str, str] | None = None) -> Iterator[None]:
        """As `Tracing.request`."""
        parent = None if headers is None else self._propagator.extract(headers, Context())
        kind = SpanKind.INTERNAL if headers is None and served.transport == "http" else SpanKind.SERVER
        with self._tracer.start_as_current_span(
            "request", parent, kind=kind, record_exception=False, set_status_on_exception=False
        ) as span:
            context = span.get_span_context()
            if context.trace_flags.sampled:
                served.trace_id = format_trace_id(context.trace_id)
            try:
                yield
            finally:
                if span.is_recording():
                    method = method_label(served.method) if served.method else "unread"
                    span.update_name(method)
                    attributes = {
                        "rpc.system": "xrpl",
                        "rpc.method": method,
                        "xrpl.transport": served.transport,
                        "xrpl.client_version": served.client_version,
                        "xrpl.node_version": served.node_version,
                        "xrpl.node": served.node,
                        "xrpl.outcome": served.outcome,
                        "xrpl.error": error_label(served.error),
                        "xrpl.request_id": served.request_id,
                    }
                    span.set_attributes({name: value for name, value in attributes.items() if value is not None})
                    if served.outcome == "failed":
                        span.set_status(Status(StatusCode.ERROR))

    @contextmanager
    def node_request(self, node: str, method: str) -> Iterator[bytes]:
        """As `Tracing.node_request`."""
        label = method_label(method)
        with self._tracer.start_as_current_span(
            label,
            kind=SpanKind.CLIENT,
            attributes={"rpc.system": "xrpl", "rpc.method": label, "xrpl.node": node},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            lines: dict[str, str] = {}
            self._propagator.inject(lines)
            try:
                yield "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode("ascii", "ignore")
            except Exception as failure:
                # Only its kind: its text may contain data that must not be exported.
                span.set_status(Status(StatusCode.ERROR, getattr(failure, "kind", type(failure).__name__)))
                raise

    async def close(self) -> None:
        """As `Tracing.close`."""
        await asyncio.to_thread(self._provider.shutdown)
