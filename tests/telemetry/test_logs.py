"""Log lines as they come out of the process: which requests get one, what it contains, and what it never does."""

import contextlib
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

from proxy.telemetry.logs import MASKED, SECRET_KEYS, AccessLog, LogWriter, Requests, configure, mask_secrets, mask_text
from tests.support.observing import observing

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = (ROOT / "docs" / "logging.md").read_text()
_EVENT = re.compile(r"\blog\.(?:debug|info|warning|error|exception)\(\s*\"(\w+)\"")


def ids(count: int) -> list[str]:
    return [f"9f1c2a7b-{number}" for number in range(1, count + 1)]


@pytest.mark.parametrize("sample", [0.0, 0.01, 0.25, 1.0])
def test_about_that_share_of_the_successful_gets_a_line(sample: float) -> None:
    log = AccessLog("all", sample)
    wanted = sum(log.should_log("success", request_id) for request_id in ids(20_000)) / 20_000
    assert wanted == pytest.approx(sample, abs=0.01 if 0 < sample < 1 else 0)


def test_whatever_was_not_successful_gets_a_line_whatever_the_share() -> None:
    log = AccessLog("all", 0.0)
    for outcome in ("error", "refused", "failed"):
        assert all(log.should_log(outcome, request_id) for request_id in ids(100))
        assert not AccessLog("off", 1.0).should_log(outcome, "1")
    assert not AccessLog("errors", 1.0).should_log("success", "1")


def test_the_document_lists_every_event_of_the_source() -> None:
    sources = [path for path in (ROOT / "proxy").rglob("*.py") if not {"commands", "demo"} & set(path.parts)]
    events = {event for path in sources for event in _EVENT.findall(path.read_text())}
    assert len(events) > 20
    reported = {
        event
        for line in DOCUMENT.splitlines()
        if re.match(r"- `\w+`(?:, `\w+`)* \((?:debug|info|warning|error)\)", line)
        for event in re.findall(r"`(\w+)`", line.split("(")[0])
    }
    assert events <= reported


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
