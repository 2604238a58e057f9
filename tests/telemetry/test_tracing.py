"""Traces: what a collector receives over OTLP, what nodes receive, and that tracing costs nothing when it is off."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from proxy.config import ConfigurationError, load_settings
from proxy.server.proxy import Proxy
from tests.support.scripted_node import ScriptedNode
from tests.support.start import settings_for

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


class Collector:
    """Takes traces as an OpenTelemetry collector does: protobuf, by POST."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resource: dict[str, str] = {}
        self.received = b""
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.received += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response(content_type="application/x-protobuf")

    def of_kind(self, kind: "Span.SpanKind.ValueType") -> list[Span]:
        return [span for span in self.spans if span.kind == kind]


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    taking = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", taking.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    taking.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces"
    try:
        yield taking
    finally:
        await runner.cleanup()


@asynccontextmanager
async def traced(node: ScriptedNode, collecting: Collector, **tracing: Any) -> AsyncIterator[Proxy]:
    """A proxy that has sent all its traces when the block ends."""
    settings = settings_for(
        nodes=[node.settings(websocket=node.websocket_url)], tracing={"endpoint": collecting.url, **tracing}
    )
    served = Proxy(settings)
    await served.start()
    try:
        yield served
    finally:
        await served.stop()


async def post(proxy: Proxy, method: str, headers: dict[str, str] | None = None, **params: Any) -> None:
    body = {"method": method, "params": [params]}
    async with aiohttp.ClientSession() as http, http.post(proxy.http_url, json=body, headers=headers) as answer:
        await answer.read()


async def openmetrics(proxy: Proxy) -> str:
    headers = {"Accept": "application/openmetrics-text"}
    async with aiohttp.ClientSession() as http, http.get(f"{proxy.observe_url}/metrics", headers=headers) as answer:
        return await answer.text()


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


async def test_a_request_and_its_node_request_are_spans_of_one_trace() -> None:
    async with collector() as collecting, ScriptedNode() as node:
        async with traced(node, collecting) as served:
            await post(served, "fee", api_version=1, secret="sEdNotToBeSeen")
            shown = await openmetrics(served)
        (request,) = collecting.of_kind(Span.SPAN_KIND_SERVER)
        (question,) = collecting.of_kind(Span.SPAN_KIND_CLIENT)
    assert request.trace_id == question.trace_id
    assert question.parent_span_id == request.span_id
    assert request.parent_span_id == b""
    assert request.name == "fee"
    assert f'# {{trace_id="{request.trace_id.hex()}"}} ' in shown
    of_request = attributes(request)
    assert re.fullmatch(r"\w+-\d+", of_request.pop("xrpl.request_id"))
    assert of_request == {
        "rpc.system": "xrpl",
        "rpc.method": "fee",
        "xrpl.transport": "http",
        "xrpl.client_version": 1,
        "xrpl.node_version": 2,
        "xrpl.node": "node-1",
        "xrpl.outcome": "success",
    }
    assert attributes(question) == {"rpc.system": "xrpl", "rpc.method": "fee", "xrpl.node": "node-1"}
    sent = node.last_headers["fee"]["traceparent"]
    assert sent.rpartition("-")[0] == f"00-{question.trace_id.hex()}-{question.span_id.hex()}"
    assert int(sent[-2:], 16) & 1, "the flag of a sampled trace"
    assert collecting.resource["service.name"] == "xrpl-version-proxy"
    assert b"sEdNotToBeSeen" not in collecting.received
    assert b"127.0.0.1" not in collecting.received


@pytest.mark.parametrize(("flags", "spans"), [("01", 2), ("00", 0)])
async def test_a_clients_trace_is_continued_if_its_flag_says_so(flags: str, spans: int) -> None:
    async with collector() as collecting, ScriptedNode() as node, traced(node, collecting) as served:
        await post(served, "fee", {"traceparent": f"00-{TRACE}-{PARENT}-{flags}", "tracestate": "a=b"})
    assert len(collecting.spans) == spans
    assert node.last_headers["fee"]["traceparent"].split("-")[1] == TRACE
    if spans:
        (request,) = collecting.of_kind(Span.SPAN_KIND_SERVER)
        assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
        assert node.last_headers["fee"]["tracestate"] == "a=b"


async def test_a_client_cannot_have_more_traced_than_the_sample() -> None:
    async with collector() as collecting, ScriptedNode() as node, traced(node, collecting, sample=0.0) as served:
        await post(served, "fee", {"traceparent": f"00-{TRACE}-{PARENT}-01"})
        await post(served, "fee", {"traceparent": "nonsense"})
        await post(served, "fee")
    assert collecting.spans == []


async def test_requests_of_batches_and_sessions_are_traced_too() -> None:
    async with collector() as collecting, ScriptedNode() as node:
        async with traced(node, collecting) as served, aiohttp.ClientSession() as http:
            batch = {"method": "batch", "params": [{"method": "fee"}, {"method": "ping"}]}
            async with http.post(served.http_url, json=batch) as answer:
                await answer.read()
            async with http.ws_connect(served.http_url) as socket:
                await socket.send_json({"id": 1, "command": "fee"})
                await socket.receive_json(timeout=10)
        whole, message = collecting.of_kind(Span.SPAN_KIND_SERVER)
        items = collecting.of_kind(Span.SPAN_KIND_INTERNAL)
    assert [item.name for item in items] == ["fee", "ping"]
    assert {item.parent_span_id for item in items} == {whole.span_id}
    assert attributes(message)["xrpl.transport"] == "ws"
    assert message.trace_id != whole.trace_id
    questions = collecting.of_kind(Span.SPAN_KIND_CLIENT)
    assert [question.parent_span_id for question in questions] == [*(item.span_id for item in items), message.span_id]


async def test_a_node_that_fails_is_an_error_by_its_kind_only() -> None:
    async with collector() as collecting, ScriptedNode() as node:
        node.answers["fee"] = web.Response(status=200, text="no JSON: sEdNotToBeSeen")
        async with traced(node, collecting) as served:
            await post(served, "fee")
        (request,) = collecting.of_kind(Span.SPAN_KIND_SERVER)
    assert request.status.code == Status.STATUS_CODE_ERROR
    assert attributes(request)["xrpl.outcome"] == "failed"
    assert b"sEdNotToBeSeen" not in collecting.received
    assert request.events == []


async def test_an_absent_collector_affects_no_request(unused_tcp_port: int) -> None:
    nowhere = Collector()
    nowhere.url = f"http://127.0.0.1:{unused_tcp_port}/v1/traces"
    async with ScriptedNode() as node, traced(node, nowhere) as served:
        await post(served, "fee")
        assert node.times("fee") == 1


def test_without_the_extra_the_configuration_is_refused_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)  # as Python has it of what cannot be imported
    environ = {"XRPL_PROXY_NODES": "[{name: a, http: 'http://a'}]", "XRPL_PROXY_TRACING__ENDPOINT": "http://a:4318"}
    with pytest.raises(ConfigurationError, match=r"tracing\.endpoint: .*pip install .*opentelemetry-sdk"):
        load_settings(None, environ)


def test_nothing_of_it_or_of_tls_is_imported_when_they_are_off() -> None:
    script = """
import asyncio, sys
from proxy.config import Settings
from proxy.server.proxy import Proxy
async def main():
    place = {"host": "127.0.0.1", "port": 0}
    node = {"name": "a", "http": "http://127.0.0.1:1"}
    started = Proxy(Settings.model_validate({"listen": place, "observe": place, "nodes": [node]}))
    await started.start()
    await started.stop()
asyncio.run(main())
unused = ("opentelemetry", "google.protobuf", "requests", "cryptography")
print([name for name in sys.modules if name.startswith(unused)])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
