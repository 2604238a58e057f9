"""What operators see: metrics as Prometheus reads them, and the endpoints."""

import asyncio
import gzip
import re
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from proxy.nodes.readiness import Readiness
from proxy.observe.server import ObserveServer
from proxy.telemetry.metrics import Metrics, method_label
from tests.support.observing import DOWN, UP, observing


def used_metrics() -> Metrics:
    """Metrics of a proxy that has had one of everything."""
    metrics = Metrics("0.1.0")
    metrics.request("http", "account_info", 1, 2, "success", 0.004)
    metrics.request("http", "sEcReTmEtHoD", None, None, "refused", 0.0001)
    metrics.node_called("node-1", "account_info", 0.003)
    metrics.translation("account_info", 1, 2, 0.00004)
    metrics.version_refused("http", "too_high")
    metrics.refused("admin_method")
    metrics.in_flight.inc()
    metrics.node_up("node-1", True)
    metrics.sessions.opened(1)
    metrics.sessions.opened(1)
    metrics.sessions.version_changed(1, 2)
    metrics.sessions.closed(1, "client_too_slow")
    metrics.sessions.subscribed("transactions", 2)
    metrics.sessions.subscribed("ledger", 2)
    metrics.sessions.subscribed("ledger", 2, -1)
    metrics.sessions.stream_message("transactions", 1, True)
    metrics.sessions.queue_bytes.set(17)
    metrics.sessions.stream_gaps.inc(3)
    return metrics


EXPECTED: dict[tuple[str, tuple[str, ...]], float] = {
    ("xrpl_proxy_requests_total", ("http", "account_info", "1", "2", "success")): 1,
    ("xrpl_proxy_requests_total", ("http", "other", "none", "none", "refused")): 1,
    ("xrpl_proxy_request_duration_seconds_count", ("http", "1")): 1,
    ("xrpl_proxy_request_duration_seconds_sum", ("http", "1")): 0.004,
    ("xrpl_proxy_method_duration_seconds_count", ("account_info", "1")): 1,
    ("xrpl_proxy_node_request_duration_seconds_count", ("node-1",)): 1,
    ("xrpl_proxy_node_method_duration_seconds_count", ("node-1", "account_info")): 1,
    ("xrpl_proxy_translation_duration_seconds_count", ("account_info", "1", "2")): 1,
    ("xrpl_proxy_version_refused_total", ("http", "too_high")): 1,
    ("xrpl_proxy_refused_total", ("admin_method",)): 1,
    ("xrpl_proxy_in_flight_requests", ()): 1,
    ("xrpl_proxy_node_up", ("node-1",)): 1,
    ("xrpl_proxy_build_info", ("0.1.0",)): 1,
    ("xrpl_proxy_sessions_open", ("1",)): 0,
    ("xrpl_proxy_sessions_open", ("2",)): 1,
    ("xrpl_proxy_sessions_total", ()): 2,
    ("xrpl_proxy_session_closed_total", ("client_too_slow",)): 1,
    ("xrpl_proxy_subscriptions", ("transactions", "2")): 1,
    ("xrpl_proxy_subscriptions", ("ledger", "2")): 0,
    ("xrpl_proxy_stream_messages_total", ("transactions", "1", "true")): 1,
    ("xrpl_proxy_session_queue_bytes", ()): 17,
    ("xrpl_proxy_stream_gaps_total", ()): 3,
}

LABELS = {
    "xrpl_proxy_requests_total": ["transport", "method", "client_version", "node_version", "outcome"],
    "xrpl_proxy_request_duration_seconds_count": ["transport", "client_version"],
    "xrpl_proxy_method_duration_seconds_count": ["method", "client_version"],
    "xrpl_proxy_node_request_duration_seconds_count": ["node"],
    "xrpl_proxy_node_method_duration_seconds_count": ["node", "method"],
    "xrpl_proxy_translation_duration_seconds_count": ["method", "client_version", "node_version"],
    "xrpl_proxy_version_refused_total": ["transport", "reason"],
    "xrpl_proxy_stream_messages_total": ["stream", "client_version", "rewritten"],
}


@pytest.mark.parametrize(
    ("accept", "parse", "content_type"),
    [
        ("", parse_text, "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain; version=nonsense", parse_text, "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2",
            parse_openmetrics,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
    ],
)
async def test_every_metric_has_its_name_labels_and_value(accept: str, parse: Any, content_type: str) -> None:
    headers = {"Accept": accept, "Accept-Encoding": "gzip"}
    async with observing(used_metrics()) as (session, _), session.get("/metrics", headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == content_type
        assert answer.headers["Content-Encoding"] == "gzip"
        text = gzip.decompress(await answer.read()).decode()
    samples = [sample for family in parse(text) for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.values()))): sample.value for sample in samples}
    assert {key: found.get((key[0], tuple(sorted(key[1])))) for key in EXPECTED} == EXPECTED
    for sample in samples:
        assert sorted(sample.labels) == sorted(LABELS.get(sample.name, sample.labels))
    assert {"process_resident_memory_bytes", "python_info"} <= {sample.name for sample in samples}
    assert "sEcReTmEtHoD" not in text


async def test_metrics_are_uncompressed_unless_requested() -> None:
    async with observing() as (session, _), session.get("/metrics", skip_auto_headers=["Accept-Encoding"]) as answer:
        assert "Content-Encoding" not in answer.headers
        assert "xrpl_proxy_build_info" in await answer.text()


def test_a_counter_that_moves_is_the_same_counter() -> None:
    metrics = Metrics("0.1.0")
    for _ in range(3):
        metrics.request("ws", "tx", 2, 2, "error", 0.1)
    labels = {"transport": "ws", "method": "tx", "client_version": "2", "node_version": "2", "outcome": "error"}
    assert metrics.registry.get_sample_value("xrpl_proxy_requests_total", labels) == 3


@given(st.text())
def test_no_client_makes_a_label(method: str) -> None:
    assert method_label(method) in {"other", method}
    assert len(method_label(method)) < 40


async def test_health_while_it_lives() -> None:
    async with observing(readiness=lambda: Readiness((DOWN,))) as (session, _), session.get("/health") as answer:
        assert answer.status == 200
        assert await answer.json() == {"status": "alive", "version": "0.1.0"}


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200"),
        (b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404"),
        (b"GET /health HTTP/1.1\r\nHost: attacker.example\r\n\r\n", b"421"),
        (b"this is not HTTP\r\n\r\n", b"400"),
    ],
)
async def test_every_response_names_this_server_and_no_library(request_text: bytes, status: bytes) -> None:
    async with observing() as (_, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        writer.write(request_text)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert head.startswith((b"HTTP/1.1 " + status, b"HTTP/1.0 " + status))
    assert re.findall(rb"(?mi)^server: (.*)\r$", head) == [b"xrpl-version-proxy"]
    assert b"aiohttp" not in head


async def test_ready_while_a_node_is_up() -> None:
    async with observing() as (session, _), session.get("/ready") as answer:
        assert answer.status == 200
        reported = await answer.json()
    since = reported["nodes"][0].pop("seconds_since_answer")
    assert since > 0
    assert reported == {
        "ready": True,
        "draining": False,
        "nodes": [
            {
                "name": "node-1",
                "up": True,
                "healthy": True,
                "api_version": 2,
                "problem": None,
                "websocket_problem": None,
                "grpc_problem": None,
                "overloaded": False,
                "network_id": None,
                "server_state": "full",
                "validated_ledger": 131,
                "validated_ledger_age": 4,
                "lag": 0,
                "complete_ledgers": "2-131",
            },
            {
                "name": "node-2",
                "up": False,
                "healthy": False,
                "api_version": 1,
                "problem": "refused",
                "websocket_problem": None,
                "grpc_problem": None,
                "overloaded": False,
                "network_id": None,
                "server_state": None,
                "validated_ledger": None,
                "validated_ledger_age": None,
                "lag": None,
                "complete_ledgers": None,
                "seconds_since_answer": None,
            },
        ],
    }


@pytest.mark.parametrize("readiness", [Readiness((DOWN,)), Readiness(()), Readiness((UP,), draining=True)])
async def test_not_ready(readiness: Readiness) -> None:
    async with observing(readiness=lambda: readiness) as (session, _), session.get("/ready") as answer:
        assert answer.status == 503
        assert (await answer.json())["ready"] is False


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/ready", 200),
        ("HEAD", "/metrics", 200),
        ("POST", "/health", 405),
        ("DELETE", "/metrics", 405),
        ("GET", "/", 404),
        ("GET", "/metrics/../config.yaml", 404),
    ],
)
async def test_nothing_else_is_served(method: str, path: str, status: int) -> None:
    async with observing() as (session, _), session.request(method, path) as answer:
        assert answer.status == status


async def test_a_taken_port_is_an_oserror_and_nothing_stays() -> None:
    async with observing() as (_, server):
        port = int(server.url.rsplit(":", 1)[1])
        second = ObserveServer(
            "127.0.0.1", port, version="0.1.0", metrics=Metrics("0.1.0"), readiness=lambda: Readiness(())
        )
        with pytest.raises(OSError, match="in use"):
            await second.start()
        with pytest.raises(RuntimeError, match="not been started"):
            _ = second.url


async def test_stopped_it_listens_no_more() -> None:
    async with observing() as (_, server):
        port = int(server.url.rsplit(":", 1)[1])
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", port)) != 0
