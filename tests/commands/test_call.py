"""`call` against a proxy and against nodes."""

import asyncio
from typing import Any

import orjson
import pytest
from aiohttp import web

from proxy.commands.demo import ALICE, PAYMENT
from tests.support.commands import Run
from tests.support.raw_node import RawServer, hangs
from tests.support.scripted_node import Answer, ScriptedNode
from tests.support.start import StartNode, StartProxy


@pytest.mark.parametrize("transport", [[], ["--websocket"]], ids=["http", "websocket"])
async def test_speaks_the_latest_version_unless_one_is_named(
    demo_node: StartNode, proxy: StartProxy, run: Run, transport: list[str]
) -> None:
    served = await proxy(await demo_node(2))
    words = ["call", "account_info", ALICE, "signer_lists=true", "--url", served.http_url, *transport]
    latest = await run(*words)
    assert latest.status == 0
    assert orjson.loads(latest.out)["result"]["signer_lists"]
    assert latest.out.count("\n") > 20
    older = await run(*words, "--api-version", 1, "--json")
    assert older.status == 0
    assert orjson.loads(older.out)["result"]["account_data"]["signer_lists"]
    assert older.out.count("\n") == 1


@pytest.mark.parametrize(("speaks", "latest"), [(1, 1), (2, 2), ("all", 3)])
async def test_finds_the_latest_version_of_any_server(demo_node: StartNode, run: Run, speaks: int, latest: int) -> None:
    node = await demo_node(speaks)
    ran = await run("call", "tx", PAYMENT, "--url", node.http_url)
    assert ran.status == 0
    assert orjson.loads(node.seen[-1].body)["params"][0]["api_version"] == latest


async def test_the_json_form_names_its_version_itself(demo_node: StartNode, run: Run) -> None:
    node = await demo_node("all")
    ran = await run("call", "json", "tx", f'{{"transaction": "{PAYMENT}", "api_version": 1}}', "--url", node.http_url)
    assert ran.status == 0
    assert orjson.loads(ran.out)["result"]["inLedger"] == 57


async def test_an_error_is_printed_and_sets_the_exit_status(demo_node: StartNode, run: Run) -> None:
    node = await demo_node(2)
    for url in (node.http_url, node.websocket_url):
        ran = await run("call", "account_info", "rNotAnAddress", "--url", url)
        assert ran.status == 1
        assert "actMalformed" in ran.out


async def test_a_line_of_text_is_an_error_too(demo_node: StartNode, run: Run) -> None:
    node = await demo_node(2)
    ran = await run("call", "fee", "--api-version", 9, "--url", node.http_url)
    assert (ran.status, ran.out) == (1, "")
    assert "HTTP 400: invalid_API_version" in ran.err


async def test_no_answer_has_a_status_of_its_own(unused_tcp_port: int, run: Run) -> None:
    for transport in ([], ["--websocket"]):
        url = f"http://someone:pass-word@127.0.0.1:{unused_tcp_port}/key"
        ran = await run("call", "fee", "--url", url, *transport)
        assert ran.status == 3
        assert "connection refused" in ran.err
        assert "pass-word" not in ran.err
        assert "key" not in ran.err


async def test_a_server_that_is_not_a_node_gives_no_answer(run: Run) -> None:
    async def page(*_: Any) -> web.Response:
        return web.Response(text="<html>hello</html>")

    async with ScriptedNode(fee=page) as server:
        server.before_handshake = page
        address = server.http_url.removeprefix("http://")
        for scheme, says in (
            ("http", "not JSON"),
            ("ws", "refuses WebSocket connections (HTTP 200)"),
            ("https", "TLS"),
        ):
            ran = await run("call", "fee", "--url", f"{scheme}://{address}")
            assert ran.status == 3
            assert says in ran.err


async def test_a_server_that_says_nothing_is_not_waited_for(run: Run) -> None:
    async with RawServer(hangs) as server:
        for transport in ([], ["--websocket"]):
            ran = await run("call", "fee", "--timeout", 0.2, "--url", server.url, *transport)
            assert ran.status == 3
            assert "0.2 seconds" in ran.err


async def test_secrets_are_never_echoed(run: Run) -> None:
    """Also not where a server echoes them unmasked."""

    async def careless(_: web.BaseRequest, params: dict[str, Any]) -> Answer:
        is_clio = node.requests[-1].api_version == 2
        return {"error": "badSecret", "request": params if is_clio else {"method": "sign", "params": [params]}}

    transaction = '{"TransactionType":"AccountSet"}'
    named = ("seed=hush-hush", "passphrase=hush-hush", "seed_hex=hush-hush")
    async with ScriptedNode(versions=range(1, 3), sign=careless) as node:
        call = ("call", "sign", "--url", node.http_url)
        for version in (1, 2):
            ran = await run(*call, "hush-hush", transaction, *named, "--api-version", version)
            assert ran.status == 1
            assert ran.out.count("<masked>") == 4
            assert "hush-hush" not in ran.out + ran.err
        for words in (("hush-hush", "{no"), ("--secret=hush-hush",), ("secret=hush-hush", "secret=hush-hush")):
            ran = await run(*call, *words)
            assert ran.status == 2
            assert "hush-hush" not in ran.out + ran.err


@pytest.mark.parametrize(
    "words",
    [
        ["account_info", ALICE, "account=rOther"],
        ["json", "fee"],
        ["json", "fee", "[]"],
        ["json", "fee", '{"api_version": "2"}'],
        ["fee", "--url", "nowhere"],
        ["fee", "--api-version", "0"],
        [],
    ],
)
async def test_a_wrong_command_line_prints_the_usage(run: Run, words: list[str]) -> None:
    ran = await run("call", *words)
    assert ran.status == 2
    assert ran.err.startswith("Usage:")


@pytest.mark.parametrize("version", [1, 2])
async def test_rippleds_own_command_line_is_answered(demo_node: StartNode, proxy: StartProxy, version: int) -> None:
    """It writes HTTP/1.0 with the headers and the body below (rippled's RPCCall.cpp), and reads JSON to the end."""
    served = await proxy(await demo_node(2))
    body = (
        orjson.dumps({"id": 1, "method": "account_info", "params": [{"account": ALICE, "api_version": version}]})
        + b"\n"
    )
    head = (
        "POST / HTTP/1.0\r\nUser-Agent: rippled-json-rpc/v1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nAccept: application/json\r\nAuthorization: Basic Og==\r\n\r\n"
    )
    port = int(served.http_url.rstrip("/").rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    headers, _, text = answer.partition(b"\r\n\r\n")
    assert headers.startswith(b"HTTP/1.0 200")
    assert orjson.loads(text)["result"]["account_data"]["Account"] == ALICE
