"""Responses that are cached because they never change, and responses that equal requests share."""

import asyncio
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from proxy.config import Settings
from proxy.server.proxy import Proxy
from tests.support.client import ask, metric, until
from tests.support.scripted_node import Answer, ScriptedNode
from tests.support.start import StartNode, StartProxy, settings_for

PAYMENT = "0768C0C8BB76AC3503B14FDC2BF361E2D17304F5AE0359516D68E3A4C51BED43"
CACHE = {"bytes": 1_000_000}
SHARED = {"coalesce_reads": True}


@pytest.mark.parametrize("node_version", [1, 2])
async def test_a_validated_transaction_is_requested_once_a_version(
    demo_node: StartNode, proxy: StartProxy, node_version: int
) -> None:
    node = await demo_node(node_version)
    served = await proxy(node, cache=CACHE)
    native = {version: await ask(await proxy(node), "tx", version, transaction=PAYMENT) for version in (1, 2)}
    before = node.asked["tx"]
    for _ in range(3):
        for version in (1, 2):
            assert await ask(served, "tx", version, transaction=PAYMENT) == native[version]
    assert node.asked["tx"] == before + 2
    lookups = await metric(served, "xrpl_proxy_cache_lookups_total")
    assert lookups == {'{method="tx",outcome="miss"}': 2, '{method="tx",outcome="hit"}': 4}
    size = (await metric(served, "xrpl_proxy_cache_bytes"))[""]
    assert 1000 < size < 20_000


async def test_it_is_off_by_default(demo_node: StartNode, proxy: StartProxy) -> None:
    node = await demo_node(2)
    served = await proxy(node)
    for _ in range(2):
        await ask(served, "tx", transaction=PAYMENT)
    assert node.asked["tx"] == 2


async def test_the_response_is_in_the_clients_envelope(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2), cache=CACHE)
    for number in (1, "two", [3]):
        params = {"transaction": PAYMENT, "api_version": 2, "id": number}
        async with (
            aiohttp.ClientSession() as client,
            client.post(served.http_url, json={"method": "tx", "params": [params]}) as answer,
        ):
            assert (await answer.json(content_type=None))["id"] == number
    item = {"method": "tx", "transaction": PAYMENT.lower(), "api_version": 2}
    async with (
        aiohttp.ClientSession() as client,
        client.post(served.http_url, json={"method": "batch", "params": [item]}) as answer,
    ):
        assert (await answer.json(content_type=None))[0]["result"]["hash"] == PAYMENT


VALIDATED: dict[str, Any] = {"validated": True, "hash": "AB"}
HASH = "AB" * 32


@pytest.mark.parametrize(
    ("method", "params", "answer", "asked"),
    [
        ("tx", {"transaction": HASH}, VALIDATED, 1),
        ("tx", {"transaction": HASH, "binary": True, "min_ledger": 5, "max_ledger": 6}, VALIDATED, 1),
        ("tx", {"ctid": "C000000100000000"}, VALIDATED, 2),
        ("tx", {"transaction": "AB"}, VALIDATED, 2),
        ("tx", {"transaction": HASH}, {"validated": False}, 2),
        ("tx", {"transaction": HASH}, {"hash": HASH}, 2),
        ("tx", {"transaction": HASH}, {"error": "txnNotFound", "validated": True}, 2),
        ("tx", {"transaction": HASH, "secret": "sHush"}, VALIDATED, 2),
        ("tx", {"transaction": HASH, "binary": "sHush"}, VALIDATED, 2),
        ("ledger", {"ledger_hash": HASH, "transactions": True, "expand": True}, VALIDATED, 1),
        ("ledger", {"ledger_index": 7}, VALIDATED, 1),
        ("ledger", {"ledger_index": "validated"}, VALIDATED, 2),
        ("ledger", {}, VALIDATED, 2),
        ("ledger", {"ledger_hash": HASH, "ledger_index": 7}, VALIDATED, 2),
        ("ledger", {"ledger_index": 7, "queue": True}, VALIDATED, 2),
        ("account_info", {"ledger_hash": HASH}, VALIDATED, 2),
    ],
)
async def test_only_what_never_changes_is_cached(
    proxy: StartProxy, method: str, params: dict[str, Any], answer: Answer, asked: int
) -> None:
    async with ScriptedNode() as node:
        node.answers[method] = answer
        served = await proxy(nodes=[node.settings()], cache=CACHE)
        first, second = [await ask(served, method, **params) for _ in range(2)]
        assert first == second
        assert node.times(method) == asked


@pytest.mark.parametrize(
    ("extras", "asked"),
    [
        ({"warnings": [{"id": 2001, "message": "This is a clio server."}]}, 1),
        ({"warnings": [{"id": 2001}, {"id": 1003, "message": "amendment blocked"}]}, 2),
        ({"forwarded": True}, 2),
        ({}, 1),
    ],
)
async def test_the_extra_fields_are_cached_or_the_response_is_not(
    proxy: StartProxy, extras: dict[str, Any], asked: int
) -> None:
    whole = web.json_response({"result": {**VALIDATED, "status": "success"}, **extras})
    async with ScriptedNode(tx=whole) as node:
        served = await proxy(nodes=[node.settings()], cache=CACHE)
        body = {"method": "tx", "params": [{"transaction": HASH, "api_version": 2}]}
        for _ in range(2):
            async with aiohttp.ClientSession() as client, client.post(served.http_url, json=body) as answer:
                reported = await answer.json(content_type=None)
            assert reported == {"result": {**VALIDATED, "status": "success"}, **extras}
        assert node.times("tx") == asked


async def test_a_warning_to_one_client_is_not_given_to_another(proxy: StartProxy) -> None:
    async with ScriptedNode(tx={**VALIDATED, "warning": "load"}) as node:
        served = await proxy(nodes=[node.settings()], cache=CACHE)
        assert (await ask(served, "tx", transaction=HASH))["warning"] == "load"
        assert "warning" not in await ask(served, "tx", transaction=HASH)


async def test_no_answer_outlives_its_nodes(proxy: StartProxy) -> None:
    def settings(*nodes: ScriptedNode) -> Settings:
        return settings_for(nodes=[node.settings() for node in nodes], cache=CACHE)

    def of(network: str) -> Answer:
        return {"validated": True, "ledger_hash": network}

    async with ScriptedNode("a", ledger=of("main")) as main, ScriptedNode("a", ledger=of("test")) as test:
        served = await proxy(nodes=[main.settings()], cache=CACHE)
        for _ in range(2):
            assert (await ask(served, "ledger", ledger_index=7))["ledger_hash"] == "main"
            await served.reload(settings(main))
        assert main.times("ledger") == 1
        assert (await metric(served, "xrpl_proxy_cache_bytes"))[""] > 0
        await served.reload(settings(test))
        assert (await metric(served, "xrpl_proxy_cache_bytes"))[""] == 0
        assert (await ask(served, "ledger", ledger_index=7))["ledger_hash"] == "test"


async def test_the_bytes_are_a_bound(proxy: StartProxy) -> None:
    async def answer(_: web.BaseRequest, params: dict[str, Any]) -> Answer:
        return {"validated": True, "text": "x" * params["ledger_index"]}

    async with ScriptedNode(ledger=answer) as node:
        served = await proxy(nodes=[node.settings()], cache={"bytes": 16_000})
        for index in range(1000, 1030):
            await ask(served, "ledger", ledger_index=index)
            assert (await metric(served, "xrpl_proxy_cache_bytes"))[""] <= 16_000
        node.requests.clear()
        await ask(served, "ledger", ledger_index=1029)
        assert node.times("ledger") == 0
        await ask(served, "ledger", ledger_index=1000)  # was pushed out
        assert node.times("ledger") == 1
        for _ in range(2):
            await ask(served, "ledger", ledger_index=3000)  # would push out too much
        assert node.times("ledger") == 3
        await ask(served, "ledger", ledger_index=1029)
        assert node.times("ledger") == 3


class Gate:
    """An answer that waits until the test lets it go."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.opened = asyncio.Event()

    async def __call__(self, _: web.BaseRequest, __: dict[str, Any]) -> Answer:
        await self.opened.wait()
        return self.answer


async def under_way(served: Proxy, times: int) -> bool:
    """Whether that many requests are in flight."""
    return (await metric(served, "xrpl_proxy_in_flight_requests"))[""] == times


async def asking_at_once(
    served: Proxy, node: ScriptedNode, gate: Gate, times: int, method: str, **params: Any
) -> list[dict[str, Any]]:
    """Ask `times` times at once, then open the gate."""
    async with aiohttp.ClientSession() as client:

        async def one(number: int) -> dict[str, Any]:
            body = {"method": method, "params": [{**params, "api_version": 2, "id": number}]}
            async with client.post(served.http_url, json=body) as answer:
                reported: dict[str, Any] = await answer.json(content_type=None)
                assert reported["id"] == number
                return reported

        asking = [asyncio.create_task(one(number)) for number in range(times)]
        await node.until(lambda: node.times(method) > 0)
        await until(lambda: under_way(served, times))
        gate.opened.set()
        return await asyncio.gather(*asking)


async def test_equal_reads_that_wait_share_one_node_request(proxy: StartProxy) -> None:
    gate = Gate({"good": True, "validated": True})
    async with ScriptedNode(account_lines=gate) as node:
        served = await proxy(nodes=[node.settings()], cache=SHARED)
        answers = await asking_at_once(served, node, gate, 20, "account_lines", account="r", ledger_index="validated")
        # The first was with the node when the others came: they were answered by the second.
        assert node.times("account_lines") == 2
        assert all(answer["result"]["good"] for answer in answers)
        assert await metric(served, "xrpl_proxy_coalesced_requests_total") == {'{method="account_lines"}': 18}
        await ask(served, "account_lines", account="r", ledger_index="validated")
        assert node.times("account_lines") == 3  # nothing is retained


async def test_a_read_after_a_write_does_not_get_what_the_node_said_before_it(proxy: StartProxy) -> None:
    gate = Gate({"sequence": 1, "validated": True})
    async with ScriptedNode(account_info=gate) as node:
        served = await proxy(nodes=[node.settings()], cache=SHARED)
        read = partial(ask, served, "account_info", account="r", ledger_index="validated")
        before = asyncio.create_task(read())
        await node.until(lambda: node.times("account_info") == 1)
        await ask(served, "submit", tx_blob="00")
        after = asyncio.create_task(read())
        await until(lambda: under_way(served, 2))
        node.answers["account_info"] = {"sequence": 2, "validated": True}
        gate.opened.set()
        assert ((await before)["sequence"], (await after)["sequence"]) == (1, 2)


@pytest.mark.parametrize("method", ["submit", "ping", "random", "simulate", "no_such_method"])
async def test_what_is_not_shared(proxy: StartProxy, method: str) -> None:
    gate = Gate({})
    async with ScriptedNode() as node:
        served = await proxy(nodes=[node.settings()], cache=SHARED)
        node.answers[method] = gate
        node.requests.clear()
        await asking_at_once(served, node, gate, 5, method, tx_blob="12")
        assert node.times(method) == 5


@pytest.mark.parametrize("ledger", [{}, {"ledger_index": "current"}, {"ledger_index": "closed"}])
async def test_an_open_ledger_is_not_shared(proxy: StartProxy, ledger: dict[str, Any]) -> None:
    gate = Gate({"good": True})
    async with ScriptedNode(account_info=gate) as node:
        served = await proxy(nodes=[node.settings()], cache=SHARED)
        asking = [asyncio.create_task(ask(served, "account_info", account="r", **ledger)) for _ in range(5)]
        await node.until(lambda: node.times("account_info") == 5)  # none waits for another
        gate.opened.set()
        await asyncio.gather(*asking)


@pytest.mark.parametrize(
    "answer",
    [{"error": "slowDown"}, {"error": "tooBusy"}, {"warning": "load", "good": True, "validated": True}, {"good": True}],
)
async def test_what_a_node_says_to_one_client_is_not_for_the_others(proxy: StartProxy, answer: Answer) -> None:
    gate = Gate(answer)
    async with ScriptedNode(account_lines=gate) as node:
        served = await proxy(nodes=[node.settings()], cache=SHARED)
        await asking_at_once(served, node, gate, 5, "account_lines", account="r", ledger_index="validated")
        assert node.times("account_lines") == 5


async def test_other_parameters_or_another_version_are_another_request(proxy: StartProxy) -> None:
    gate = Gate({"good": True, "validated": True})
    async with ScriptedNode(account_lines=gate) as node:
        served = await proxy(nodes=[node.settings()], cache=SHARED)
        asking = [
            asyncio.create_task(ask(served, "account_lines", version, account=account, ledger_index="validated"))
            for version in (1, 2)
            for account in ("r1", "r2")
        ]
        await node.until(lambda: node.times("account_lines") == 4)
        gate.opened.set()
        assert all(result["good"] for result in await asyncio.gather(*asking))


async def test_a_client_that_leaves_takes_nothing_from_the_others(proxy: StartProxy) -> None:
    gate = Gate({"good": True, "validated": True})
    async with ScriptedNode(account_lines=gate) as node:
        served = await proxy(nodes=[node.settings()], cache=SHARED)
        first = asyncio.create_task(ask(served, "account_lines", account="r", ledger_index="validated"))
        await node.until(lambda: node.times("account_lines") == 1)
        second = asyncio.create_task(ask(served, "account_lines", account="r", ledger_index="validated"))
        await until(lambda: under_way(served, 2))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        gate.opened.set()
        assert (await second)["good"]
