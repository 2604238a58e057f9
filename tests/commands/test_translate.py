"""`translate`: what the proxy would make of a message, compared with what a rippled answers natively."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.commands.demo import ALICE, PAYMENT
from proxy.demo.recorded import read_lines
from tests.support.commands import Run
from tests.support.start import StartNode

ACCOUNT: dict[str, Any] = {"account": ALICE, "signer_lists": True}
HEADER: dict[str, Any] = {"ledger_index": 57, "binary": True}


def recorded(method: str, params: dict[str, Any], version: int, transport: str = "http") -> dict[str, Any]:
    """The whole answer of a rippled."""
    for name in ("exchanges.jsonl.xz", "support.jsonl.xz"):
        for entry in read_lines(name):
            if entry["method"] == method and entry["params"] == params:
                answer = entry[transport][str(version)]
                whole: dict[str, Any] = answer["body"] if transport == "http" else answer
                return whole
    raise AssertionError(f"{method} {params} is not recorded")


def json_of(value: object) -> bytes:
    return orjson.dumps(value)


@pytest.mark.parametrize("transport", ["http", "ws"])
@pytest.mark.parametrize(("source", "target"), [(2, 1), (1, 2), (2, 2)])
async def test_a_whole_answer_keeps_its_envelope(run: Run, transport: str, source: int, target: int) -> None:
    answer = recorded("account_info", ACCOUNT, source, transport)
    native = recorded("account_info", ACCOUNT, target, transport)
    words = ["--method", "account_info", "--from", source, "--to", target, "--json"]
    ran = await run("translate", *words, stdin=json_of(answer))
    assert ran.status == 0
    assert orjson.loads(ran.out) == native


async def test_a_result_stays_a_result(run: Run) -> None:
    result = recorded("account_info", ACCOUNT, 2)["result"]
    ran = await run("translate", "--method", "account_info", "--from", 2, "--to", 1, stdin=json_of(result))
    assert orjson.loads(ran.out) == recorded("account_info", ACCOUNT, 1)["result"]


@pytest.mark.parametrize("transport", ["http", "ws"])
async def test_an_error_becomes_the_other_versions_error(run: Run, transport: str) -> None:
    params = {"ledger_index": 131}
    answer = recorded("ledger_entry", params, 2, transport)
    words = ["--method", "ledger_entry", "--from", 2, "--to", 1, "--params", '{"ledger_index": 131}']
    ran = await run("translate", *words, stdin=json_of(answer))
    assert ran.status == 0
    assert orjson.loads(ran.out) == recorded("ledger_entry", params, 1, transport)


async def test_lookups_are_reported_and_then_taken_from_a_file(run: Run, tmp_path: Path) -> None:
    params = {"transaction": PAYMENT}
    answer = json_of(recorded("tx", params, 1))
    words = ["translate", "--method", "tx", "--from", 1, "--to", 2]
    without = await run(*words, stdin=answer)
    assert (without.status, without.out) == (1, "")
    asked = orjson.loads(without.err.splitlines()[0])
    assert asked == {"method": "ledger", "params": HEADER}
    path = tmp_path / "look-ups.jsonl"
    path.write_bytes(json_of({**asked, "result": recorded("ledger", HEADER, 1)}))
    given = await run(*words, "--look-up", path, stdin=answer)
    assert given.status == 0
    assert orjson.loads(given.out) == recorded("tx", params, 2)


async def test_lookups_are_requested_from_a_node(run: Run, demo_node: StartNode) -> None:
    node = await demo_node(1)
    words = ["--method", "tx", "--from", 1, "--to", 2, "--node", node.http_url]
    ran = await run("translate", *words, stdin=json_of(recorded("tx", {"transaction": PAYMENT}, 1)))
    assert orjson.loads(ran.out) == recorded("tx", {"transaction": PAYMENT}, 2)


async def test_a_removed_method_needs_no_input(run: Run, demo_node: StartNode) -> None:
    node = await demo_node(2)
    words = ["--method", "ledger_header", "--from", 2, "--to", 1, "--params", '{"ledger_index": 131}']
    ran = await run("translate", *words, "--node", node.http_url)
    native = recorded("ledger_header", {"ledger_index": 131}, 1)["result"]
    assert orjson.loads(ran.out) == {name: value for name, value in native.items() if name != "status"}


async def test_messages_are_translated_as_they_come(
    run: Run, start_command: Callable[..., Awaitable[asyncio.subprocess.Process]]
) -> None:
    messages = [{"type": "validationReceived", "ledger_index": number} for number in (5, 6)]
    process = await start_command(
        "translate", "--stream", "--from", 2, "--to", 1, "--json", stdin=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for message in messages:
        process.stdin.write(json_of(message) + b"\n")
        line = await asyncio.wait_for(process.stdout.readline(), 10)
        assert orjson.loads(line)["ledger_index"] == str(message["ledger_index"])
    await asyncio.wait_for(process.communicate(b""), 10)
    assert process.returncode == 0
    indented = b"\n".join(orjson.dumps(message, option=orjson.OPT_INDENT_2) for message in messages)
    ran = await run("translate", "--stream", "--from", 2, "--to", 1, "--json", stdin=indented)
    assert [orjson.loads(line)["ledger_index"] for line in ran.out.splitlines()] == ["5", "6"]


@pytest.mark.parametrize(
    ("stdin", "says"),
    [
        ("{", "standard input is not JSON"),
        ("[]", "not a JSON object"),
        ('{"tx_json": 5}', "not a response to tx in version 2"),
        ('{"type": "response"}', "not a response to tx in version 2"),
    ],
)
async def test_what_is_not_a_response_is_an_error(run: Run, stdin: str, says: str) -> None:
    ran = await run("translate", "--method", "tx", "--from", 2, "--to", 1, stdin=stdin)
    assert (ran.status, ran.out) == (1, "")
    assert says in ran.err


async def test_a_node_that_is_not_there_has_a_status_of_its_own(run: Run, unused_tcp_port: int) -> None:
    words = ["--method", "ledger_header", "--from", 2, "--to", 1, "--node", f"http://127.0.0.1:{unused_tcp_port}"]
    ran = await run("translate", *words)
    assert ran.status == 3
    assert "connection refused" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ["--method", "tx", "--from", "2", "--to", "9"],
        ["--from", "2", "--to", "1"],
        ["--method", "tx", "--stream", "--from", "2", "--to", "1"],
        ["--method", "tx", "--from", "2", "--to", "1", "--params", "[]"],
        ["--method", "tx", "--from", "2", "--to", "1", "--look-up", __file__],
    ],
)
async def test_a_wrong_command_line_prints_the_usage(run: Run, words: list[str]) -> None:
    ran = await run("translate", *words, stdin="{}")
    assert ran.status == 2
    assert ran.err.startswith("Usage:")
