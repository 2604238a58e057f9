"""Very large responses are translated by another process: the result is the same, and others do not wait for it."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from proxy.access.fair_share import FairShare
from proxy.config import NodeSettings, Settings
from proxy.envelope import Call
from proxy.rpc.large_translations import VERY_LARGE_BYTES, LargeTranslations, VeryLarge
from proxy.server.builders import make_node
from proxy.telemetry.metrics import Metrics
from proxy.telemetry.recorder import RequestRecord
from proxy.telemetry.tracing import NO_TRACING
from tests.support.client import metric, until
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy

SECONDS = 30


def ledger(transactions: int) -> dict[str, Any]:
    """A ledger as a node of version 1 has it, with transactions of a kilobyte."""
    entries = [
        {
            "Account": "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
            "Amount": "1000",
            "Memos": [{"Memo": {"MemoData": "AB" * 400}}],
            "TransactionType": "Payment",
            "hash": f"{number:064X}",
            "metaData": {"AffectedNodes": [], "TransactionIndex": number, "TransactionResult": "tesSUCCESS"},
        }
        for number in range(transactions)
    ]
    header = {"close_time": 1, "closed": True, "ledger_index": "7", "transactions": entries}
    return {"ledger": header, "ledger_hash": "A" * 64, "ledger_index": 7, "validated": True}


def child_processes() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()]


async def over_http(url: str) -> tuple[bytes, Any]:
    params = b'{"ledger_index":7,"transactions":true,"expand":true,"api_version":2,"id":1.50}'
    body = b'{"method":"ledger","params":[%b]}' % params
    async with aiohttp.ClientSession() as client, client.post(url, data=body) as response:
        assert response.status == 200, await response.text()
        text = await response.read()
    return text, orjson.loads(text)


async def over_websocket(url: str) -> tuple[bytes, Any]:
    request = b'{"command":"ledger","ledger_index":7,"transactions":true,"expand":true,"api_version":2,"id":1.50}'
    async with aiohttp.ClientSession() as client, client.ws_connect(url, max_msg_size=0) as session:
        await session.send_str(request.decode())
        text = (await session.receive(timeout=SECONDS)).data.encode()
    return text, orjson.loads(text)


@pytest.mark.parametrize("ask", [over_http, over_websocket])
async def test_a_very_large_response_is_what_a_smaller_one_is(proxy: StartProxy, ask: Any) -> None:
    before = child_processes()
    async with ScriptedNode(versions=range(1, 2)) as node:
        served = await proxy(nodes=[node.settings(websocket=node.websocket_url)], websocket={"compression": False})
        node.answers["ledger"] = ledger(10)
        _, small = await ask(served.http_url)
        node.answers["ledger"] = ledger(1_100)
        text, large = await ask(served.http_url)
        assert 1_000_000 < len(text) < VERY_LARGE_BYTES
        assert large["result"]["ledger"]["transactions"][:10] == small["result"]["ledger"]["transactions"]
        assert child_processes() == before, "only what is very large needs it"
        node.answers["ledger"] = ledger(3_000)
        text, large = await ask(served.http_url)
        assert len(text) > VERY_LARGE_BYTES
        assert len(child_processes()) == len(before) + 1
        assert b'"id":1.50' in text
        assert large["result"]["ledger"].pop("transactions")[:10] == small["result"]["ledger"].pop("transactions")
        assert large == small
        await ask(served.http_url)
        assert len(child_processes()) == len(before) + 1, "it is used again"
        translations = await metric(served, "xrpl_proxy_translation_duration_seconds_count")
        assert sum(translations.values()) == 4
    await served.stop()
    assert child_processes() == before


async def test_an_error_is_the_nodes_whatever_its_size(proxy: StartProxy) -> None:
    async with ScriptedNode(versions=range(1, 2)) as node:
        served = await proxy(nodes=[node.settings()])
        node.answers["ledger"] = {"error": "lgrNotFound", "x": "y" * VERY_LARGE_BYTES}
        _, answer = await over_http(served.http_url)
        assert answer["result"]["error"] == "lgrNotFound"


async def test_the_proxy_translates_itself_where_the_process_dies(proxy: StartProxy) -> None:
    before = child_processes()
    async with ScriptedNode(versions=range(1, 2)) as node:
        served = await proxy(nodes=[node.settings()])
        node.answers["ledger"] = ledger(20_000)
        asking = asyncio.create_task(over_http(served.http_url))
        await until(lambda: len(child_processes()) > len(before))
        os.kill(child_processes()[-1], signal.SIGKILL)
        _, answer = await asking
        assert len(answer["result"]["ledger"]["transactions"]) == 20_000
        assert (await over_http(served.http_url))[1] == answer


async def test_others_are_served_meanwhile(proxy: StartProxy) -> None:
    """The small requests of another client are answered while a response of 20 MB is translated."""
    async with ScriptedNode(versions=range(1, 2)) as node, aiohttp.ClientSession() as client:
        served = await proxy(nodes=[node.settings()])
        node.answers["ledger"] = ledger(20_000)
        asking = asyncio.create_task(over_http(served.http_url))
        await until(lambda: node.times("ledger") > 0)
        answered = 0
        while not asking.done():
            async with client.post(served.http_url, json={"method": "version"}) as response:
                await response.read()
            answered += 1
        await asking
        assert answered > 10


async def test_clients_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client with many responses to translate delays another's by one."""
    translated: list[str] = []

    async def translate(_: LargeTranslations, call: Call, *__: object) -> bytes:
        await asyncio.sleep(0)
        translated.append(str(call.params["by"]))
        return b"{}"

    monkeypatch.setattr(LargeTranslations, "_translate", translate)
    metrics = Metrics("1")
    settings = Settings(nodes=[NodeSettings(name="node", http="http://127.0.0.1:1/")])
    node = make_node(settings.nodes[0], settings, metrics, NO_TRACING)
    large = LargeTranslations(metrics, FairShare())
    deadline = asyncio.get_running_loop().time() + SECONDS
    requests = []
    for client in ("192.0.2.1",) * 5 + ("192.0.2.2",):
        call = Call("ledger", {"by": client}, 2, {}, {})
        record = RequestRecord("http", client, "1")
        requests.append(large.answer(call, 1, node, VeryLarge(b"{}"), record, deadline))
    await asyncio.gather(*requests)
    assert translated[:3].count("192.0.2.2") == 1
    assert len(translated) == 6


async def test_nothing_is_left_of_one_that_nobody_waits_for() -> None:
    """It is killed in the middle of its work, and gone once all are closed."""
    before = child_processes()
    metrics = Metrics("1")
    settings = Settings(nodes=[NodeSettings(name="node", http="http://127.0.0.1:1/")])
    node = make_node(settings.nodes[0], settings, metrics, NO_TRACING)
    large = LargeTranslations(metrics, FairShare())
    call = Call("ledger", {}, 2, {}, {})
    body = orjson.dumps({"result": ledger(20_000)})
    record = RequestRecord("http", "127.0.0.1", "1")
    deadline = asyncio.get_running_loop().time() + SECONDS
    asking = asyncio.create_task(large.answer(call, 1, node, VeryLarge(body), record, deadline))
    await until(lambda: len(child_processes()) > len(before))
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await large.close()
    assert child_processes() == before
