"""What operators see: metrics as Prometheus reads them, log lines as they come out of the process, the endpoints."""

import asyncio
import contextlib
import gzip
import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from proxy.nodes.readiness import Readiness
from proxy.observe.server import ObserveServer
from proxy.telemetry.logs import MASKED, SECRET_KEYS, AccessLog, LogWriter, Requests, configure, mask_secrets, mask_text
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


class Lines:
    """Log lines as they were written, read back after all of them are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT)
        self.writer: LogWriter | None = None

    def configure(self, level: Any = "info", format: Any = "json") -> None:  # noqa: A002
        self.writer = configure(level, format, self.fd)

    def text(self) -> str:
        assert self.writer is not None
        self.writer.close()
        return self.path.read_text()

    def read(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lines = Lines(tmp_path / "log")
    yield lines
    if lines.writer is not None:
        lines.writer.close()
    os.close(lines.fd)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def say_request(access: AccessLog, **changed: Any) -> None:
    fields: dict[str, Any] = {
        "transport": "http",
        "method": "account_info",
        "client_version": 1,
        "node_version": 2,
        "outcome": "success",
        "error": None,
        "status": 200,
        "seconds": 0.0123456,
        "peer": "192.0.2.7",
        "request_id": "r-1",
        "node": "node-1",
    }
    access.request(**(fields | changed))


def test_the_line_of_a_request(lines: Lines) -> None:
    lines.configure()
    say_request(AccessLog("all"))
    (line,) = lines.read()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "proxy.access",
        "transport": "http",
        "method": "account_info",
        "client_version": 1,
        "node_version": 2,
        "outcome": "success",
        "error": None,
        "status": 200,
        "duration_ms": 12.346,
        "peer": "192.0.2.7",
        "request_id": "r-1",
        "node": "node-1",
    }


def test_what_a_client_makes_up_is_not_logged(lines: Lines) -> None:
    lines.configure()
    access = AccessLog("all")
    say_request(access, method="snoPBrXtMeMyMHUVTgbuqAfg1SUTb", outcome="failed", error='{"secret":"s"}\n')
    (line,) = lines.read()
    assert (line["method"], line["error"], line["level"]) == ("other", "other", "warning")


@pytest.mark.parametrize(
    ("requests", "written"),
    [("all", ["success", "error", "refused", "failed"]), ("errors", ["error", "refused", "failed"]), ("off", [])],
)
def test_which_requests_are_logged(lines: Lines, requests: Requests, written: list[str]) -> None:
    lines.configure()
    access = AccessLog(requests)
    for outcome in ("success", "error", "refused", "failed"):
        say_request(access, outcome=outcome)
    assert [line["outcome"] for line in lines.read()] == written


def test_the_level_is_respected(lines: Lines) -> None:
    lines.configure("warning")
    log = structlog.get_logger("proxy.server.proxy")
    log.info("unheard")
    log.warning("heard")
    logging.getLogger("library").info("unheard")
    logging.getLogger("library").error("heard of %s", "it")
    assert [(line["event"], line["level"], line["logger"]) for line in lines.read()] == [
        ("heard", "warning", "proxy.server.proxy"),
        ("heard of it", "error", "library"),
    ]


def test_a_line_for_people(lines: Lines) -> None:
    lines.configure(format="console")
    say_request(AccessLog("all"))
    text = lines.text()
    assert text.count("\n") == 1
    assert "method=account_info" in text
    assert "\x1b" not in text  # no colours where it is no terminal


@pytest.mark.parametrize("format", ["json", "console"])
def test_an_exception_shows_no_values(lines: Lines, format: str) -> None:  # noqa: A002
    lines.configure(format=format)

    local, seed = "snoPBrXtMeMyMHUVTgbuqAfg1SUTb", "sEdAbC"
    quoting = f'cannot read {{"seed": "{seed}", "x": 1}}'
    try:
        raise ValueError(quoting + local[:0])
    except ValueError:
        structlog.get_logger().exception("went_wrong")
        logging.getLogger("library").exception("secret=%s went wrong", seed)
    text = lines.text()
    assert text.count("ValueError: cannot read") == 2
    assert local not in text
    assert seed not in text


async def test_bytes_that_are_not_http_are_not_logged(lines: Lines) -> None:
    lines.configure("debug")
    async with observing() as (_, server):
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as sock:
            sock.setblocking(False)
            sock.send(b'{"method":"sign","params":[{"secret":"snoPBrX"}]}\r\n\r\n')
            async with aiohttp.ClientSession() as session, session.get(server.url + "/health"):
                pass
    text = lines.text()
    assert "Error handling request" in text
    assert "snoPBrX" not in text


def test_secrets_are_masked_at_any_depth(lines: Lines) -> None:
    lines.configure()
    structlog.get_logger().info(
        "asked",
        secret="s1",
        headers={"Authorization": "s2", "X-Proxy-Token": "s3", "Host": "here"},
        params=[{"tx_json": {"Account": "r1"}, "seed_hex": "s4", "more": ({"passphrase": ["s5"]},)}],
    )
    (line,) = lines.read()
    assert line["secret"] == MASKED
    assert line["headers"] == {"Authorization": MASKED, "X-Proxy-Token": MASKED, "Host": "here"}
    assert line["params"] == [
        {"tx_json": {"Account": "r1"}, "seed_hex": MASKED, "more": [{"passphrase": MASKED}]},
    ]


NESTED = st.recursive(
    st.just("sEcReT") | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*SECRET_KEYS, "SEED", "Secret", "plain"]), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(sorted(SECRET_KEYS)), NESTED), st.lists(st.sampled_from(["a", "params"])))
def test_nothing_below_a_secret_key_stays(below: dict[str, Any], path: list[str]) -> None:
    event: Any = below
    for key in path:
        event = {key: [event]}
    assert "sEcReT" not in repr(mask_secrets(None, "info", event))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"secret": "s1", "x": 1}', f'{{"secret": {MASKED}, "x": 1}}'),
        ("{'seed': 's1'}", f"{{'seed': {MASKED}}}"),
        (r'"{\"passphrase\":\"s1 s2\",\"x\":1}"', rf'"{{\"passphrase\":{MASKED},\"x\":1}}"'),
        ("token=s1&x=1", f"token={MASKED}&x=1"),
        (r'{"Seed":"a\"b","x":1}', f'{{"Seed":{MASKED},"x":1}}'),
        ("at https://u:pw@host:1/key?a=b, and", f"at https://{MASKED}@host:1/{MASKED} and"),
        ("retries exceeded with url: /key/v1?a=b (Caused", f"retries exceeded with url: /{MASKED} (Caused"),
        ("open at http://127.0.0.1:80", "open at http://127.0.0.1:80"),
        ("Authorization: Basic", f"Authorization: {MASKED}"),
        ("the secret of it", "the secret of it"),
    ],
)
def test_secret_pairs_in_text(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize("value", [2**70, "\ud800", {1: 2}, {3}, b"bytes", float("nan"), object()])
def test_no_value_loses_its_line(lines: Lines, value: object) -> None:
    lines.configure()
    structlog.get_logger().info("odd", value=value)
    (line,) = lines.read()
    assert line["event"] == "odd"


def test_a_reader_that_does_not_read_stops_nothing(lines: Lines) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"\n")
    os.set_blocking(writing, True)
    lines.writer = writer = configure("info", "json", writing)
    log = structlog.get_logger()
    began = time.monotonic()
    for number in range(15_000):
        log.info("line", number=number)
    assert time.monotonic() - began < 10
    dropped = writer.dropped
    assert dropped in (4_999, 5_000)  # the queue holds 10,000, and the thread one more if it was quick

    text = b""
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while b'"dropped"' not in text.rpartition(b"\n")[0]:  # in a line that is whole
            text += pipe.read(1_000_000)
            log.info("again")
    lines.writer = None
    writer.close()
    os.close(writing)
    written = [orjson.loads(line) for line in text.rpartition(b"\n")[0].splitlines() if line]
    assert [line["number"] for line in written if line["event"] == "line"] == list(range(15_000 - dropped))
    assert next(line["dropped"] for line in written if "dropped" in line) >= dropped


def test_lines_come_out_of_a_process_that_ends() -> None:
    program = """
from proxy.telemetry import logs
import structlog
writer = logs.configure("info", "json")
for number in range(100):
    structlog.get_logger("proxy").info("line", number=number)
writer.close()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20, check=True)
    assert done.stdout == b""
    assert [orjson.loads(line)["number"] for line in done.stderr.splitlines()] == list(range(100))


def test_a_closed_stderr_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = LogWriter(writing)
    for _ in range(100):
        writer.write(b"nobody reads this")
    writer.close()
    os.close(writing)


def test_a_process_whose_stderr_is_stuck_ends() -> None:
    program = """
from proxy.telemetry import logs
import structlog
writer = logs.configure("info", "json")
for number in range(2000):
    structlog.get_logger("proxy").info("line", number=number, text="x" * 100)
writer.close(0.1)
"""
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) as process:
        assert process.wait(20) == 0
