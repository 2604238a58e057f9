"""Requests on one WebSocket: ids, versions, order, and what is refused."""

import asyncio
import zlib
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest

from tests.support.harness import Harness
from tests.support.scripted_node import ScriptedNode, ScriptedSession
from tests.support.start import StartNode, StartProxy

IDS = [
    b"1", b"0", b"-0", b"1.50", b"1e400", b"18446744073709551615", b"1234567890123456789012345678901234567890",
    b"true", b"false", b"null", b'""', b'"a"', b'"\\u0000x"', b"[]", b'[1,[2,{"a":null}]]', b'{"b":1.0,"a":[]}',
]  # fmt: skip


async def echo(session: ScriptedSession, asked: dict[str, Any]) -> None:
    """Answers with what was asked, so that every answer tells whose it is."""
    await session.respond(asked, {"asked": asked})


@pytest.mark.parametrize("api_version", [1, 2])
async def test_ids_come_back_as_they_were_written(harness: Harness, api_version: int) -> None:
    client = await harness.client(await harness.proxy(await harness.node(echo, api_version), versions={"max": 2}))
    for version in (b"1", b"2"):
        for written in IDS:
            request = b'{"command":"fee","tag":%d,"id":' % len(written) + written + b',"api_version":' + version + b"}"
            await client.send(request)
            answer = await client.receive()
            assert b'"id":' + written + b"," in client.raw, client.raw
            assert answer["result"]["asked"]["tag"] == len(written)
    answer = await client.request({"command": "fee"})
    assert answer.keys() == {"result", "status", "type"}


async def test_concurrent_equal_ids_keep_their_requests(harness: Harness) -> None:
    """Answered in any order by the node, every answer is that of its request."""
    node = await harness.node()
    client = await harness.client(await harness.proxy(node))
    await client.send(*({"command": "fee", "id": "same", "tag": tag} for tag in range(20)))
    session = await node.session()
    asked = await session.wait_requests(20)
    assert len({request["id"] for request in asked}) == 20
    for request in reversed(asked):
        await session.respond(request, {"tag": request["tag"]})
    answers = [await client.receive() for _ in range(20)]
    assert [answer["result"]["tag"] for answer in answers] == list(range(19, -1, -1))
    assert {answer["id"] for answer in answers} == {"same"}


async def test_versions_interleaved(harness: Harness) -> None:
    """Each request on a session is served in its own version, whatever the node's."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        flags = {"Account": asked["account"], "Flags": 0}
        await session.respond(asked, {"account_data": flags, "signer_lists": [asked["account"]], "validated": True})

    client = await harness.client(await harness.proxy(await harness.node(answer)))
    requests: list[dict[str, Any]] = []
    for number in range(30):
        version = {} if number % 3 == 0 else {"api_version": number % 3}
        requests.append(
            {"id": number, "command": "account_info", "account": f"r{number}", "signer_lists": True, **version}
        )
    await client.send(*requests)
    for request in requests:
        response = await client.receive()
        result = response["result"]
        lists = result["signer_lists"] if request.get("api_version") == 2 else result["account_data"]["signer_lists"]
        assert lists == [request["account"]]
        assert response["id"] == request["id"]
        assert response.get("api_version") == request.get("api_version")


@pytest.mark.parametrize("names", [{"command": "fee"}, {"method": "fee"}, {"command": "fee", "method": "fee"}])
@pytest.mark.parametrize("frame", [aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY])
async def test_either_name_in_either_frame(harness: Harness, names: dict[str, str], frame: aiohttp.WSMsgType) -> None:
    client = await harness.client(await harness.proxy(await harness.node(echo)))
    await client.socket.send_frame(orjson.dumps({**names, "id": 1}), frame)
    assert (await client.receive())["result"]["asked"]["command"] == "fee"


async def test_what_the_proxy_answers_waits_for_requests_before_it(harness: Harness) -> None:
    """A refusal and `version` come after the answers to earlier requests, as from rippled."""
    node = await harness.node()
    client = await harness.client(await harness.proxy(node))
    await client.send(
        {"command": "fee", "id": 1}, {"id": 2}, {"command": "version", "id": 3}, {"command": "fee", "id": 4}
    )
    session = await node.session()
    asked = await session.wait_requests(2)
    await session.respond(asked[0])
    await session.respond(asked[1])
    assert [(await client.receive())["id"] for _ in range(4)] == [1, 2, 3, 4]


async def test_a_response_of_several_requests_keeps_its_place(demo_node: StartNode, harness: Harness) -> None:
    client = await harness.client(await harness.proxy(await demo_node(2)))
    await client.send(
        {"command": "tx_history", "start": 0, "id": 1}, *({"command": "ping", "id": n} for n in range(2, 12))
    )
    answers = [await client.receive() for _ in range(11)]
    assert [answer["id"] for answer in answers] == list(range(1, 12))
    assert len(answers[0]["result"]["txs"]) == 20


async def test_answers_that_say_what_pushed_messages_say(harness: Harness) -> None:
    """An error echoes the request, in which anything may stand, and no node's word for it is a pushed message."""

    async def refuse(session: ScriptedSession, asked: dict[str, Any]) -> None:
        error = {"error": "invalidParams", "error_code": 31, "error_message": "No."}
        # As Clio has it: the request behind the type.
        await session.send({**error, "status": "error", "type": "response", "request": asked, "id": asked["id"]})

    client = await harness.client(await harness.proxy(await harness.node(refuse)))
    for kind in ("transaction", "path_find", "ledgerClosed", "response"):
        response = await client.request({"command": "ledger_entry", "type": kind, "id": kind})
        assert (response["error"], response["id"], response["request"]["type"]) == ("invalidParams", kind, kind)


async def test_clios_answers(harness: Harness) -> None:
    warning = {"id": 2001, "message": "This is a clio server."}

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        result = {"forwarded_tag": asked.get("tag")}
        response = {"result": result, "id": asked["id"], "api_version": asked["api_version"], "status": "success"}
        await session.send({**response, "type": "response", "warnings": [warning], "forwarded": True})

    client = await harness.client(await harness.proxy(await harness.node(answer)))
    for version in (1, 2):
        response = await client.request({"command": "fee", "id": [version], "tag": "x", "api_version": version})
        expected: dict[str, Any] = {"result": {"forwarded_tag": "x"}, "id": [version], "api_version": version}
        assert response == {
            **expected,
            "status": "success",
            "type": "response",
            "warnings": [warning],
            "forwarded": True,
        }


async def test_the_load_warning_is_passed_on(harness: Harness) -> None:
    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.respond(asked, {"x": 1}, warning="load")

    client = await harness.client(await harness.proxy(await harness.node(answer)))
    for version in (1, 2):
        assert (await client.request({"command": "fee", "api_version": version}))["warning"] == "load"


@pytest.mark.parametrize(
    "noise", [b"nonsense", b"[]", b"{}", b'{"id":"x"}', b'{"id":77,"result":{}}', b'{"id":1,"result":5}']
)
async def test_noise_of_a_node(harness: Harness, noise: bytes) -> None:
    """What is no answer to anything is passed over, and the session goes on."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.send(noise)
        await session.respond(asked, {"x": 1})

    client = await harness.client(await harness.proxy(await harness.node(answer)))
    response = await client.request({"command": "fee", "id": 5})
    assert response["id"] == 5
    assert response["status"] == ("error" if noise.endswith(b"5}") else "success")
    assert (await client.request({"command": "fee", "id": 6}))["id"] == 6


async def test_a_node_that_refuses_its_version_is_not_quoted(harness: Harness) -> None:
    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.respond(asked, {"error": "invalid_API_version"})

    client = await harness.client(await harness.proxy(await harness.node(answer)))
    response = await client.request({"command": "fee", "id": 5, "api_version": 1})
    assert response["error"] == "internal"
    assert response["request"] == {"command": "fee", "id": 5, "api_version": 1}


async def test_ids_inside_results_of_path_finding(harness: Harness) -> None:
    """A rippled puts the request's `id` into these results, which is the proxy's own number there."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.respond(asked, {"alternatives": [], "id": asked["id"], "full_reply": True})

    client = await harness.client(await harness.proxy(await harness.node(answer)))
    await client.request({"command": "fee"})
    for version in (1, 2):
        asked = {"command": "ripple_path_find", "api_version": version}
        assert (await client.request({**asked, "id": {"mine": 1}}))["result"]["id"] == {"mine": 1}
        assert "id" not in (await client.request(asked))["result"]


async def test_no_answer_in_time(harness: Harness) -> None:
    node = await harness.node()
    client = await harness.client(await harness.proxy(node, timeouts={"node_answer": 0.1}))
    response = await client.request({"command": "submit", "id": 1, "tx_blob": "00"})
    assert response["error"] == "tooBusy"
    assert "not known whether the node acted" in response["error_message"]
    session = await node.session()
    await session.respond(session.requests[0], {"late": True})
    await client.send({"command": "fee", "id": 2})
    await session.respond((await session.wait_requests(2))[1], {"fee": 1})
    assert (await client.receive())["result"] == {"fee": 1}


async def test_secrets_are_in_no_error(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    node = await harness.node()
    client = await harness.client(
        await harness.proxy(node, timeouts={"node_answer": 0.05}, logging={"requests": "all"})
    )
    response = await client.request(
        {"command": "sign", "secret": "sEdHush", "seed": "sEdHush", "passphrase": "sEdHush"}
    )
    assert response["request"]["secret"] == "<masked>"
    assert b"Hush" not in client.raw
    assert "Hush" not in caplog.text


async def test_in_flight(harness: Harness) -> None:
    node = await harness.node()
    proxy = await harness.proxy(node, websocket={"in_flight": 2})
    client = await harness.client(proxy)
    await client.send(*({"command": "fee", "id": number} for number in range(4)))
    session = await node.session()
    for request in await session.wait_requests(2):
        await session.respond(request)
    answers = [await client.receive() for _ in range(4)]
    assert [answer.get("error") for answer in answers] == [None, None, "tooBusy", "tooBusy"]
    assert "More than 2 requests" in answers[3]["error_message"]
    assert await harness.metric(proxy, "xrpl_proxy_refused_total", reason="session_in_flight") == 2
    assert await harness.metric(proxy, "xrpl_proxy_in_flight_requests") == 0


async def test_in_flight_bytes(harness: Harness) -> None:
    node = await harness.node()
    client = await harness.client(await harness.proxy(node, websocket={"queue_bytes": 2000}))
    await client.send(*({"command": "fee", "id": number, "padding": "x" * 900} for number in range(3)))
    session = await node.session()
    for request in await session.wait_requests(2):
        await session.respond(request)
    assert [(await client.receive()).get("error") for _ in range(3)] == [None, None, "tooBusy"]


async def test_message_size(harness: Harness) -> None:
    """A message that is too large is refused as rippled refuses it; one far too large closes with 1009."""
    proxy = await harness.proxy(await harness.node(echo), websocket={"message_bytes": 1000})
    client = await harness.client(proxy)
    fits = orjson.dumps({"command": "fee", "pad": ""})
    fits = orjson.dumps({"command": "fee", "pad": "x" * (1000 - len(fits))})
    await client.send(fits, fits.replace(b"xx", b"xxx", 1))
    assert (await client.receive())["status"] == "success"
    refused = await client.receive()
    assert (refused["error"], refused["type"], len(refused["value"])) == ("jsonInvalid", "error", 1000)
    await client.send(b"x" * 2001)
    assert (await client.wait_closed())[0] == 1009
    await harness.wait_metric(1, proxy, "xrpl_proxy_session_closed_total", reason="message_too_big")


async def test_far_too_large_a_message_is_an_error_before_the_connection_closes(harness: Harness) -> None:
    proxy = await harness.proxy(await harness.node(echo), websocket={"message_bytes": 1000})
    client = await harness.client(proxy)
    await client.send(b"x" * 3_000_000)
    assert (await client.wait_closed())[0] == 1009


async def test_fragmented_and_compressed_messages(harness: Harness) -> None:
    for compression in (True, False):
        proxy = await harness.proxy(await harness.node(echo), websocket={"compression": compression})
        client = await harness.client(proxy, compress=15)
        assert client.socket.compress == (15 if compression else 0)
        response = await client.request({"command": "fee", "id": 1, "pad": "x" * 100_000})
        assert len(response["result"]["asked"]["pad"]) == 100_000


async def test_compressed_answers_before_and_after_there_are_many(harness: Harness) -> None:
    """The client unpacks them all, with all that it was sent before to refer to, whatever they were compressed with."""
    proxy = await harness.proxy(await harness.node(echo))
    client = await harness.client(proxy, compress=15)
    for turn in range(120):
        for size in (10, 3000, *((40_000,) if turn % 20 == 0 else ())):
            pad = f"{turn} {'x' * size} {turn}"
            response = await client.request({"command": "fee", "id": turn, "pad": pad})
            assert response["result"]["asked"]["pad"] == pad


@pytest.mark.parametrize("bits", [15, 9])
async def test_a_few_compressed_responses_need_no_retained_state(harness: Harness, bits: int) -> None:
    """Each can be unpacked alone: what zlib would keep for the next one is several times all else of a session."""
    proxy = await harness.proxy(await harness.node(echo))
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(proxy.http_url).port)
    handshake = ("GET / HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    extension = f"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits={bits}"
    writer.write("\r\n".join((*handshake, key, extension, "", "")).encode())
    pad = " ".join(str(number**3) for number in range(200))
    async with asyncio.timeout(5):
        assert b"permessage-deflate" in await reader.readuntil(b"\r\n\r\n")
        for number in range(3):
            asked = orjson.dumps({"command": "fee", "id": number, "pad": pad + pad})
            writer.write(bytes((0x81, 0xFE, *len(asked).to_bytes(2), 0, 0, 0, 0)) + asked)
            first, size, *length = await reader.readexactly(4)
            assert (first, size) == (0xC1, 126)  # text, whole, compressed; its length in two bytes
            packed = await reader.readexactly(int.from_bytes(length))
            response = orjson.loads(zlib.decompressobj(wbits=-bits).decompress(packed + b"\0\0\xff\xff"))
            assert response["id"] == number
            assert response["result"]["asked"]["pad"] == pad + pad
    writer.close()


async def test_a_bomb_of_compressed_zeros(harness: Harness) -> None:
    """What is unpacked counts, not what is sent."""
    proxy = await harness.proxy(await harness.node(echo), websocket={"message_bytes": 10_000})
    client = await harness.client(proxy, compress=15)
    await client.send(b" " * 10_000_000)
    assert (await client.wait_closed())[0] == 1009


async def test_requests_of_several_clients_do_not_mix(harness: Harness) -> None:
    proxy = await harness.proxy(await harness.node(echo))
    clients = [await harness.client(proxy) for _ in range(10)]

    async def use(number: int) -> None:
        for turn in range(20):
            tag = f"{number}/{turn}"
            response = await clients[number].request({"command": "fee", "id": turn, "tag": tag})
            assert response["result"]["asked"]["tag"] == tag

    await asyncio.gather(*(use(number) for number in range(10)))


@pytest.mark.parametrize("version", [1, 2])
async def test_what_the_sessions_node_lacks_is_requested_from_another(proxy: StartProxy, version: int) -> None:
    """As over HTTP: a client that has heard of a transaction elsewhere may have a session with a node without it."""
    async with ScriptedNode("late") as late, ScriptedNode("good") as good, aiohttp.ClientSession() as http:
        late.answers |= {"tx": {"error": "txnNotFound"}, "ledger": {"error": "lgrNotFound"}}
        good.answers["tx"] = {"hash": "A" * 64, "tx_json": {}, "meta": {}, "validated": True}
        nodes = [late.settings(websocket=late.websocket_url), good.settings()]
        served = await proxy(nodes=nodes)
        async with http.ws_connect(served.http_url) as client:
            await client.send_json({"command": "tx", "transaction": "A" * 64, "id": 1, "api_version": version})
            answer = await client.receive_json(timeout=10)
            assert (answer["id"], answer["status"], answer["result"]["hash"]) == (1, "success", "A" * 64)
            await client.send_json({"command": "ledger", "ledger_index": 900_000_000, "id": 2, "api_version": version})
            answer = await client.receive_json(timeout=10)
            assert (answer["id"], answer["error"]) == (2, "lgrNotFound")
            assert good.times("ledger") == 0, "no node is about to have it"
            good.answers["tx"] = {"error": "txnNotFound"}
            await client.send_json({"command": "tx", "transaction": "B" * 64, "id": 3, "api_version": version})
            answer = await client.receive_json(timeout=10)
            assert (answer["id"], answer["error"], answer["request"]["command"]) == (3, "txnNotFound", "tx")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("error", ["connectionError", "timeout", "notReady", "noNetwork", "tooBusy"])
async def test_what_the_sessions_node_is_unable_to_serve_is_requested_from_another(
    proxy: StartProxy, error: str, version: int
) -> None:
    """As over HTTP: only what reads, and never because the client has used up its own allowance."""
    async with ScriptedNode("unable") as unable, ScriptedNode("good") as good, aiohttp.ClientSession() as http:
        for node in (unable, good):
            node.answers |= {"fee": {"by": node.name}, "submit": {"by": node.name}}
        served = await proxy(nodes=[unable.settings(websocket=unable.websocket_url), good.settings()])
        async with http.ws_connect(served.http_url) as client:

            async def request(command: str) -> Any:
                await client.send_json({"command": command, "tx_blob": "12", "id": command, "api_version": version})
                return await client.receive_json(timeout=10)

            unable.answers |= {"fee": {"error": error, "error_code": 7000}, "submit": {"error": error}}
            assert (await request("fee"))["result"] == {"by": "good"}
            assert (await request("submit"))["status"] == "error"
            assert good.times("submit") == 0
            unable.answers["fee"] = {"error": "slowDown"}
            assert (await request("fee"))["error"] == "slowDown"
            unable.answers["fee"] = {"error": error}
            good.answers["fee"] = {"error": "internal"}
            assert (await request("fee"))["status"] == "error"
            await good.stop()
            assert (await request("fee"))["status"] == "error"


async def test_a_ledger_heard_of_on_a_session_is_known_of_its_node(proxy: StartProxy) -> None:
    """A request over HTTP goes to the node whose stream, or response, has shown that it has the ledger."""
    async with ScriptedNode("a") as a, ScriptedNode("b") as b, aiohttp.ClientSession() as http:
        b.answers |= {"account_info": {"ledger_index": 140, "validated": True}}
        nodes = [a.settings(weight=1000), b.settings(websocket=b.websocket_url)]
        served = await proxy(nodes=nodes, timeouts={"health_interval": 60})
        async with http.ws_connect(served.http_url) as client:
            await client.send_json({"command": "account_info", "account": "r"})
            await client.receive_json(timeout=10)
            for _ in range(5):
                body = {"method": "ledger", "params": [{"ledger_index": 140}]}
                async with http.post(served.http_url, json=body) as response:
                    await response.read()
        assert (a.times("ledger"), b.times("ledger")) == (0, 5)


async def test_metadata_of_listed_transactions_is_passed_on_as_the_node_wrote_it(harness: Harness) -> None:
    """It is most of a long list, and the same in both versions."""
    metadata = b'{"AffectedNodes":[{"x":1.50}],"TransactionResult":"tesSUCCESS"}'
    entry = (
        b'{"hash":"AB","ledger_index":7,"meta":%b,"tx_json":{"Account":"r1","Fee":"10"},"validated":true}' % metadata
    )

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        result = b'{"account":"r1","transactions":[%b],"validated":true}' % b",".join([entry] * 50)
        await session.send(b'{"id":%d,"result":%b,"status":"success","type":"response"}' % (asked["id"], result))

    client = await harness.client(await harness.proxy(await harness.node(answer)))
    response = await client.request({"command": "account_tx", "account": "r1", "id": 1, "api_version": 1})
    assert {listed["tx"]["Account"] for listed in response["result"]["transactions"]} == {"r1"}
    assert client.raw.count(b'"meta":%b' % metadata) == 50
