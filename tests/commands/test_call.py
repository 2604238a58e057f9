"""`call` against a proxy and against nodes."""

import asyncio

import orjson
import pytest
from aiohttp import web

from proxy.commands.demo import ALICE, PAYMENT
from tests.commands.conftest import Run
from tests.conftest import StartNode, StartProxy


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


async def test_an_error_is_written_and_told_by_the_exit_status(demo_node: StartNode, run: Run) -> None:
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


async def test_what_is_no_node_is_no_answer(run: Run) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>hello</html>")

    app = web.Application()
    app.add_routes([web.route("*", "/", page)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"127.0.0.1:{runner.addresses[0][1]}"
    for scheme, says in (("http", "not JSON"), ("ws", "takes no WebSocket (HTTP 200)"), ("https", "TLS")):
        ran = await run("call", "fee", "--url", f"{scheme}://{url}")
        assert ran.status == 3
        assert says in ran.err
    await runner.cleanup()


async def test_a_server_that_says_nothing_is_not_waited_for(run: Run) -> None:
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for transport in ([], ["--websocket"]):
        ran = await run("call", "fee", "--timeout", 0.2, "--url", url, *transport)
        assert ran.status == 3
        assert "0.2 seconds" in ran.err
    server.close()
    for writer in writers:
        writer.close()
    await server.wait_closed()


async def test_secrets_are_never_echoed(run: Run) -> None:
    """Also not where a server echoes them unmasked."""

    async def careless(request: web.Request) -> web.Response:
        asked = (await request.json())["params"][0]
        whole = {"method": "sign", "params": [asked]} if asked["api_version"] == 1 else asked  # as a Clio has it
        return web.json_response({"result": {"error": "badSecret", "status": "error", "request": whole}})

    app = web.Application()
    app.add_routes([web.post("/", careless)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    transaction = '{"TransactionType":"AccountSet"}'
    named = ("seed=hush-hush", "passphrase=hush-hush", "seed_hex=hush-hush")
    for version in (1, 2):
        ran = await run("call", "sign", "hush-hush", transaction, *named, "--api-version", version, "--url", url)
        assert ran.status == 1
        assert ran.out.count("<masked>") == 4
        assert "hush-hush" not in ran.out + ran.err
    for words in (("hush-hush", "{no"), ("--secret=hush-hush",), ("secret=hush-hush", "secret=hush-hush")):
        ran = await run("call", "sign", *words, "--url", url)
        assert ran.status == 2
        assert "hush-hush" not in ran.out + ran.err
    await runner.cleanup()


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
async def test_a_wrong_command_line_is_told_with_the_usage(run: Run, words: list[str]) -> None:
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
