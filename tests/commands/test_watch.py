"""`watch` against nodes and proxies, as a process of its own where its end is what matters."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from proxy.commands.demo import ALICE
from tests.support.commands import Run
from tests.support.scripted_node import ScriptedNode, ScriptedSession
from tests.support.start import StartNode, StartProxy

StartCommand = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.mark.parametrize(("version", "field"), [(1, "transaction"), (2, "tx_json")])
async def test_each_version_has_its_own_shape(
    demo_node: StartNode, proxy: StartProxy, run: Run, version: int, field: str
) -> None:
    served = await proxy(await demo_node(2))
    words = ["watch", "transactions", "--count", 3, "--json", "--url", served.http_url, "--api-version", version]
    ran = await run(*words)
    assert ran.status == 0
    messages = [orjson.loads(line) for line in ran.out.splitlines()]
    assert len(messages) == 3
    assert all(message["type"] == "transaction" and field in message for message in messages)


async def test_the_latest_version_is_the_default_and_messages_are_indented(demo_node: StartNode, run: Run) -> None:
    node = await demo_node(2)
    ran = await run("watch", "ledger", "--accounts", f"{ALICE},rOther", "--count", 1, "--url", node.websocket_url)
    assert ran.status == 0
    assert ran.out.startswith("{\n  ")
    asked = orjson.loads(node.seen[-1].body)
    assert asked["api_version"] == 2
    assert asked["accounts"] == [ALICE, "rOther"]
    assert asked["streams"] == ["ledger"]


@pytest.mark.parametrize(
    ("text", "book"),
    [
        ("XRP:USD/rI", {"taker_pays": {"currency": "XRP"}, "taker_gets": {"currency": "USD", "issuer": "rI"}}),
        ('{"snapshot": true}', {"snapshot": True}),
    ],
)
async def test_books_are_named_shortly_or_as_json(
    demo_node: StartNode, run: Run, text: str, book: dict[str, object]
) -> None:
    node = await demo_node(2)
    await run("watch", "--books", text, "--url", node.websocket_url)
    assert orjson.loads(node.seen[-1].body)["books"] == [book]


async def assert_ctrl_c_ends(process: Process) -> None:
    assert process.stdout is not None
    assert b"ledgerClosed" in await asyncio.wait_for(process.stdout.readline(), 10)
    process.send_signal(signal.SIGINT)
    _, error = await asyncio.wait_for(process.communicate(), 8)
    assert process.returncode == 0
    assert error == b""


async def test_ctrl_c_ends_it_with_success(demo_node: StartNode, start_command: StartCommand) -> None:
    node = await demo_node(2)
    process = await start_command("watch", "ledger", "--json", "--url", node.websocket_url)
    await assert_ctrl_c_ends(process)


async def test_ctrl_c_ends_it_though_the_server_does_not_close(start_command: StartCommand) -> None:
    async def stop_reading(session: ScriptedSession, request: dict[str, Any]) -> None:
        await session.respond(request)
        await session.send({"type": "ledgerClosed"})
        await asyncio.Event().wait()

    async with ScriptedNode(respond=stop_reading) as node:
        process = await start_command("watch", "ledger", "--json", "--api-version", 2, "--url", node.http_url)
        await assert_ctrl_c_ends(process)


async def test_a_refused_subscription_is_reported(demo_node: StartNode, run: Run) -> None:
    node = await demo_node(2)
    ran = await run("watch", "nope", "--url", node.websocket_url)
    assert ran.status == 1
    assert "malformedStream" in ran.out


async def test_an_absent_server_is_reported_immediately(run: Run, unused_tcp_port: int) -> None:
    ran = await run("watch", "ledger", "--url", f"ws://127.0.0.1:{unused_tcp_port}")
    assert ran.status == 3
    assert "connection refused" in ran.err


@pytest.mark.parametrize("words", [[], ["--books", "XRP"], ["ledger", "--count", "0"]])
async def test_a_wrong_command_line_prints_the_usage(run: Run, words: list[str]) -> None:
    ran = await run("watch", *words)
    assert ran.status == 2
    assert ran.err.startswith("Usage:")


async def test_a_lost_connection_is_opened_again(run: Run) -> None:
    """A server that pushes one message and closes, each time."""
    subscribed: list[object] = []

    async def push_once(session: ScriptedSession, request: dict[str, Any]) -> None:
        subscribed.append(request["streams"])
        await session.respond(request)
        await session.send({"type": "ledgerClosed", "ledger_index": len(subscribed)})
        await session.socket.close()

    async with ScriptedNode(respond=push_once) as node:
        ran = await run("watch", "ledger", "--count", 2, "--json", "--api-version", 2, "--url", node.http_url)
    assert ran.status == 0
    assert [orjson.loads(line)["ledger_index"] for line in ran.out.splitlines()] == [1, 2]
    assert subscribed == [["ledger"], ["ledger"]]
    assert "closed with code 1000; trying again" in ran.err
