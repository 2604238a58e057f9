"""Requests on one WebSocket: ids, versions, order, and what is refused."""

import asyncio
import zlib
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest

from tests.conftest import StartNode
from tests.support.websocket_node import House, ScriptedSession

IDS = [
    b"1", b"0", b"-0", b"1.50", b"1e400", b"18446744073709551615", b"1234567890123456789012345678901234567890",
    b"true", b"false", b"null", b'""', b'"a"', b'"\\u0000x"', b"[]", b'[1,[2,{"a":null}]]', b'{"b":1.0,"a":[]}',
]  # fmt: skip


async def echo(session: ScriptedSession, asked: dict[str, Any]) -> None:
    """Answers with what was asked, so that every answer tells whose it is."""
    await session.answer(asked, {"asked": asked})


@pytest.mark.parametrize("api_version", [1, 2])
async def test_ids_come_back_as_they_were_written(house: House, api_version: int) -> None:
    client = await house.client(await house.proxy(await house.node(echo, api_version), versions={"max": 2}))
    for version in (b"1", b"2"):
        for written in IDS:
            request = b'{"command":"fee","tag":%d,"id":' % len(written) + written + b',"api_version":' + version + b"}"
            await client.send(request)
            answer = await client.get()
            assert b'"id":' + written + b"," in client.raw, client.raw
            assert answer["result"]["asked"]["tag"] == len(written)
    answer = await client.ask({"command": "fee"})
    assert answer.keys() == {"result", "status", "type"}


async def test_ids_repeated_at_once_keep_their_requests(house: House) -> None:
    """Answered in any order by the node, every answer is that of its request."""
    node = await house.node()
    client = await house.client(await house.proxy(node))
    await client.send(*({"command": "fee", "id": "same", "tag": tag} for tag in range(20)))
    session = await node.session()
    asked = await session.hears(20)
    assert len({request["id"] for request in asked}) == 20
    for request in reversed(asked):
        await session.answer(request, {"tag": request["tag"]})
    answers = [await client.get() for _ in range(20)]
    assert [answer["result"]["tag"] for answer in answers] == list(range(19, -1, -1))
    assert {answer["id"] for answer in answers} == {"same"}


async def test_versions_interleaved(house: House) -> None:
    """Each request on a session is served in its own version, whatever the node's."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        flags = {"Account": asked["account"], "Flags": 0}
        await session.answer(asked, {"account_data": flags, "signer_lists": [asked["account"]], "validated": True})

    client = await house.client(await house.proxy(await house.node(answer)))
    requests: list[dict[str, Any]] = []
    for number in range(30):
        version = {} if number % 3 == 0 else {"api_version": number % 3}
        requests.append(
            {"id": number, "command": "account_info", "account": f"r{number}", "signer_lists": True, **version}
        )
    await client.send(*requests)
    for request in requests:
        told = await client.get()
        result = told["result"]
        lists = result["signer_lists"] if request.get("api_version") == 2 else result["account_data"]["signer_lists"]
        assert lists == [request["account"]]
        assert told["id"] == request["id"]
        assert told.get("api_version") == request.get("api_version")


@pytest.mark.parametrize("names", [{"command": "fee"}, {"method": "fee"}, {"command": "fee", "method": "fee"}])
@pytest.mark.parametrize("frame", [aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY])
async def test_either_name_in_either_frame(house: House, names: dict[str, str], frame: aiohttp.WSMsgType) -> None:
    client = await house.client(await house.proxy(await house.node(echo)))
    await client.socket.send_frame(orjson.dumps({**names, "id": 1}), frame)
    assert (await client.get())["result"]["asked"]["command"] == "fee"


async def test_what_the_proxy_answers_waits_for_requests_before_it(house: House) -> None:
    """A refusal and `version` come after the answers to earlier requests, as from rippled."""
    node = await house.node()
    client = await house.client(await house.proxy(node))
    await client.send(
        {"command": "fee", "id": 1}, {"id": 2}, {"command": "version", "id": 3}, {"command": "fee", "id": 4}
    )
    session = await node.session()
    asked = await session.hears(2)
    await session.answer(asked[0])
    await session.answer(asked[1])
    assert [(await client.get())["id"] for _ in range(4)] == [1, 2, 3, 4]


async def test_an_answer_of_several_questions_keeps_its_place(demo_node: StartNode, house: House) -> None:
    client = await house.client(await house.proxy(await demo_node(2)))
    await client.send(
        {"command": "tx_history", "start": 0, "id": 1}, *({"command": "ping", "id": n} for n in range(2, 12))
    )
    answers = [await client.get() for _ in range(11)]
    assert [answer["id"] for answer in answers] == list(range(1, 12))
    assert len(answers[0]["result"]["txs"]) == 20


async def test_answers_that_say_what_pushed_messages_say(house: House) -> None:
    """An error echoes the request, in which anything may stand, and no node's word for it is a pushed message."""

    async def refuse(session: ScriptedSession, asked: dict[str, Any]) -> None:
        error = {"error": "invalidParams", "error_code": 31, "error_message": "No."}
        # As Clio has it: the request behind the type.
        await session.say({**error, "status": "error", "type": "response", "request": asked, "id": asked["id"]})

    client = await house.client(await house.proxy(await house.node(refuse)))
    for kind in ("transaction", "path_find", "ledgerClosed", "response"):
        told = await client.ask({"command": "ledger_entry", "type": kind, "id": kind})
        assert (told["error"], told["id"], told["request"]["type"]) == ("invalidParams", kind, kind)


async def test_clios_answers(house: House) -> None:
    warning = {"id": 2001, "message": "This is a clio server."}

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        result = {"forwarded_tag": asked.get("tag")}
        told = {"result": result, "id": asked["id"], "api_version": asked["api_version"], "status": "success"}
        await session.say({**told, "type": "response", "warnings": [warning], "forwarded": True})

    client = await house.client(await house.proxy(await house.node(answer)))
    for version in (1, 2):
        told = await client.ask({"command": "fee", "id": [version], "tag": "x", "api_version": version})
        expected: dict[str, Any] = {"result": {"forwarded_tag": "x"}, "id": [version], "api_version": version}
        assert told == {**expected, "status": "success", "type": "response", "warnings": [warning], "forwarded": True}


async def test_the_load_warning_is_passed_on(house: House) -> None:
    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.answer(asked, {"x": 1}, warning="load")

    client = await house.client(await house.proxy(await house.node(answer)))
    for version in (1, 2):
        assert (await client.ask({"command": "fee", "api_version": version}))["warning"] == "load"


@pytest.mark.parametrize(
    "noise", [b"nonsense", b"[]", b"{}", b'{"id":"x"}', b'{"id":77,"result":{}}', b'{"id":1,"result":5}']
)
async def test_noise_of_a_node(house: House, noise: bytes) -> None:
    """What is no answer to anything is passed over, and the session goes on."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.say(noise)
        await session.answer(asked, {"x": 1})

    client = await house.client(await house.proxy(await house.node(answer)))
    told = await client.ask({"command": "fee", "id": 5})
    assert told["id"] == 5
    assert told["status"] == ("error" if noise.endswith(b"5}") else "success")
    assert (await client.ask({"command": "fee", "id": 6}))["id"] == 6


async def test_a_node_that_refuses_its_version_is_not_quoted(house: House) -> None:
    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.answer(asked, {"error": "invalid_API_version"})

    client = await house.client(await house.proxy(await house.node(answer)))
    told = await client.ask({"command": "fee", "id": 5, "api_version": 1})
    assert told["error"] == "internal"
    assert told["request"] == {"command": "fee", "id": 5, "api_version": 1}


async def test_ids_inside_results_of_path_finding(house: House) -> None:
    """A rippled puts the request's `id` into these results, which is the proxy's own number there."""

    async def answer(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.answer(asked, {"alternatives": [], "id": asked["id"], "full_reply": True})

    client = await house.client(await house.proxy(await house.node(answer)))
    await client.ask({"command": "fee"})
    for version in (1, 2):
        asked = {"command": "ripple_path_find", "api_version": version}
        assert (await client.ask({**asked, "id": {"mine": 1}}))["result"]["id"] == {"mine": 1}
        assert "id" not in (await client.ask(asked))["result"]


async def test_no_answer_in_time(house: House) -> None:
    node = await house.node()
    client = await house.client(await house.proxy(node, timeouts={"node_answer": 0.1}))
    told = await client.ask({"command": "submit", "id": 1, "tx_blob": "00"})
    assert told["error"] == "tooBusy"
    assert "not known whether the node acted" in told["error_message"]
    session = await node.session()
    await session.answer(session.heard[0], {"late": True})
    await client.send({"command": "fee", "id": 2})
    await session.answer((await session.hears(2))[1], {"fee": 1})
    assert (await client.get())["result"] == {"fee": 1}


async def test_secrets_are_in_no_error(house: House, caplog: pytest.LogCaptureFixture) -> None:
    node = await house.node()
    client = await house.client(await house.proxy(node, timeouts={"node_answer": 0.05}, logging={"requests": "all"}))
    told = await client.ask({"command": "sign", "secret": "sEdHush", "seed": "sEdHush", "passphrase": "sEdHush"})
    assert told["request"]["secret"] == "<masked>"
    assert b"Hush" not in client.raw
    assert "Hush" not in caplog.text


async def test_in_flight(house: House) -> None:
    node = await house.node()
    proxy = await house.proxy(node, websocket={"in_flight": 2})
    client = await house.client(proxy)
    await client.send(*({"command": "fee", "id": number} for number in range(4)))
    session = await node.session()
    for request in await session.hears(2):
        await session.answer(request)
    answers = [await client.get() for _ in range(4)]
    assert [answer.get("error") for answer in answers] == [None, None, "tooBusy", "tooBusy"]
    assert "More than 2 requests" in answers[3]["error_message"]
    assert await house.metric(proxy, "xrpl_proxy_refused_total", reason="session_in_flight") == 2
    assert await house.metric(proxy, "xrpl_proxy_in_flight_requests") == 0


async def test_in_flight_bytes(house: House) -> None:
    node = await house.node()
    client = await house.client(await house.proxy(node, websocket={"queue_bytes": 2000}))
    await client.send(*({"command": "fee", "id": number, "padding": "x" * 900} for number in range(3)))
    session = await node.session()
    for request in await session.hears(2):
        await session.answer(request)
    assert [(await client.get()).get("error") for _ in range(3)] == [None, None, "tooBusy"]


async def test_message_size(house: House) -> None:
    """Too large is told as rippled tells it; far too large closes with 1009, and says so in the metric."""
    proxy = await house.proxy(await house.node(echo), websocket={"message_bytes": 1000})
    client = await house.client(proxy)
    fits = orjson.dumps({"command": "fee", "pad": ""})
    fits = orjson.dumps({"command": "fee", "pad": "x" * (1000 - len(fits))})
    await client.send(fits, fits.replace(b"xx", b"xxx", 1))
    assert (await client.get())["status"] == "success"
    refused = await client.get()
    assert (refused["error"], refused["type"], len(refused["value"])) == ("jsonInvalid", "error", 1001)
    await client.send(b"x" * 2001)
    assert (await client.closing())[0] == 1009
    await house.metric_becomes(1, proxy, "xrpl_proxy_session_closed_total", reason="message_too_big")


async def test_far_too_large_a_message_is_told_before_the_connection_goes(house: House) -> None:
    proxy = await house.proxy(await house.node(echo), websocket={"message_bytes": 1000})
    client = await house.client(proxy)
    await client.send(b"x" * 3_000_000)
    assert (await client.closing())[0] == 1009


async def test_fragmented_and_compressed_messages(house: House) -> None:
    for compression in (True, False):
        proxy = await house.proxy(await house.node(echo), websocket={"compression": compression})
        client = await house.client(proxy, compress=15)
        assert client.socket.compress == (15 if compression else 0)
        told = await client.ask({"command": "fee", "id": 1, "pad": "x" * 100_000})
        assert len(told["result"]["asked"]["pad"]) == 100_000


async def test_compressed_answers_before_and_after_there_are_many(house: House) -> None:
    """The client unpacks them all, with all that it was sent before to refer to, whatever they were compressed with."""
    proxy = await house.proxy(await house.node(echo))
    client = await house.client(proxy, compress=15)
    for turn in range(120):
        for size in (10, 3000, *((40_000,) if turn % 20 == 0 else ())):
            pad = f"{turn} {'x' * size} {turn}"
            told = await client.ask({"command": "fee", "id": turn, "pad": pad})
            assert told["result"]["asked"]["pad"] == pad


@pytest.mark.parametrize("bits", [15, 9])
async def test_a_few_compressed_answers_need_nothing_kept(house: House, bits: int) -> None:
    """Each can be unpacked alone: what zlib would keep for the next one is several times all else of a session."""
    proxy = await house.proxy(await house.node(echo))
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
            told = orjson.loads(zlib.decompressobj(wbits=-bits).decompress(packed + b"\0\0\xff\xff"))
            assert told["id"] == number
            assert told["result"]["asked"]["pad"] == pad + pad
    writer.close()


async def test_a_bomb_of_compressed_zeros(house: House) -> None:
    """What is unpacked counts, not what is sent."""
    proxy = await house.proxy(await house.node(echo), websocket={"message_bytes": 10_000})
    client = await house.client(proxy, compress=15)
    await client.send(b" " * 10_000_000)
    assert (await client.closing())[0] == 1009


async def test_requests_of_several_clients_do_not_mix(house: House) -> None:
    proxy = await house.proxy(await house.node(echo))
    clients = [await house.client(proxy) for _ in range(10)]

    async def use(number: int) -> None:
        for turn in range(20):
            tag = f"{number}/{turn}"
            told = await clients[number].ask({"command": "fee", "id": turn, "tag": tag})
            assert told["result"]["asked"]["tag"] == tag

    await asyncio.gather(*(use(number) for number in range(10)))
