"""What a client gets when a node fails it, and what the nodes saw of that."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from proxy.nodes.http import NodeFailure
from proxy.nodes.response import NodeResponse
from proxy.rpc.attempt import Attempt
from proxy.rpc.dispatch import CallContext
from proxy.server.proxy import Proxy
from proxy.telemetry.recorder import RequestRecord
from tests.support.client import ask, metric, ready, until, until_healthy
from tests.support.garbage import no_garbage_collector
from tests.support.scripted_node import Answer, Answering, ScriptedNode, answer_half, break_off, hang
from tests.support.start import StartNode, StartProxy

SLOWNESS = 0.002
"""Seconds that a node takes for a transaction."""
ACCOUNT = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
PAYMENT = "0768C0C8BB76AC3503B14FDC2BF361E2D17304F5AE0359516D68E3A4C51BED43"

FAULTS: dict[str, Answer | Answering] = {
    "breaks off": break_off,
    "answers half": answer_half,
    "hangs": hang,
    "nonsense": web.Response(text="<html>"),
    "overloaded": web.Response(status=503, text="Server is overloaded"),
    "too busy": {"error": "tooBusy", "error_code": 9},
    "slow down": {"error": "slowDown", "error_code": 10},
    "out of sync": {"error": "notSynced", "error_code": 18},
    "out of date": {"error": "amendmentBlocked", "error_code": 14},
}


@asynccontextmanager
async def bad_and_good(method: str, fault: Answer | Answering) -> AsyncIterator[tuple[ScriptedNode, ScriptedNode]]:
    """A node that has the fault, and one that answers `{"good": true}`."""
    async with ScriptedNode("bad") as bad, ScriptedNode("good") as good:
        bad.answers[method] = fault
        good.answers[method] = {"good": True}
        yield bad, good


def both(bad: ScriptedNode, good: ScriptedNode) -> list[dict[str, Any]]:
    return [bad.settings(weight=1000), good.settings()]  # so that the bad one is asked first, as good as always


async def post(proxy: Proxy, body: Any) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as client, client.post(proxy.http_url, json=body) as answer:
        return answer.status, await answer.json(content_type=None)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_of_a_failed_request_waits_for_the_garbage_collector(
    proxy: StartProxy, fault: str, version: int
) -> None:
    """Python looks for cycles so seldom in the proxy that large responses would take memory long after."""
    async with ScriptedNode() as node:
        node.answers["fee"] = FAULTS[fault]
        served = await proxy(nodes=[node.settings()], timeouts={"request": 0.5})
        ours = (Attempt, CallContext, NodeFailure, NodeResponse, RequestRecord)
        with no_garbage_collector(*ours) as left:
            async with aiohttp.ClientSession() as client:
                await client.post(served.http_url, json={"method": "fee", "params": [{"api_version": version}]})
            await until(lambda: left() == 0)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_read_that_fails_on_one_node_is_answered_by_another(
    proxy: StartProxy, fault: str, version: int
) -> None:
    async with bad_and_good("account_lines", FAULTS[fault]) as (bad, good):
        served = await proxy(nodes=both(bad, good), timeouts={"node_answer": 0.5 if fault == "hangs" else 5})
        result = await ask(served, "account_lines", version, account=ACCOUNT)
        assert result == {"good": True, "status": "success"}
        # Over a pooled connection that breaks it is retried once at the same node: it may have been idle too long.
        assert bad.times("account_lines") in ((1, 2) if fault == "breaks off" else (1,))
        assert good.times("account_lines") == 1
        assert await metric(served, "xrpl_proxy_retries_total") == {'{node="bad"}': 1}


async def test_a_node_that_refuses_connections_is_passed_over(proxy: StartProxy) -> None:
    async with bad_and_good("fee", {}) as (bad, good):
        served = await proxy(nodes=both(bad, good))
        await bad.stop()
        assert (await ask(served))["good"]
        assert (await ask(served, "submit", tx_blob="12"))["status"] == "success"  # it cannot have seen it
        assert good.times("submit") == 1


@pytest.mark.parametrize("method", ["submit", "submit_multisigned", "sign", "no_such_method", "feature"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_what_may_have_been_acted_on_is_sent_once(proxy: StartProxy, method: str, fault: str) -> None:
    async with bad_and_good(method, FAULTS[fault]) as (bad, good):
        served = await proxy(nodes=both(bad, good), timeouts={"node_answer": 0.3})
        body = {"method": method, "params": [{"tx_blob": "12", "api_version": 2}]}
        async with aiohttp.ClientSession() as client, client.post(served.http_url, json=body) as answer:
            text = await answer.text()
        assert (bad.times(method), good.times(method)) == (1, 0)
        if fault in ("breaks off", "answers half", "hangs", "nonsense"):
            assert "It is not known whether the node acted" in text
        assert "good" not in text


async def test_a_final_error_is_not_retried(proxy: StartProxy) -> None:
    async with bad_and_good("account_info", {"error": "actNotFound", "error_code": 19}) as (bad, good):
        served = await proxy(nodes=both(bad, good))
        assert (await ask(served, "account_info", account=ACCOUNT))["error"] == "actNotFound"
        assert good.times("account_info") == 0


async def test_attempts_are_limited_and_the_nodes_response_is_returned(proxy: StartProxy) -> None:
    busy: Answer = {"error": "tooBusy", "error_code": 9}
    nodes = [ScriptedNode(f"node-{number}", fee=busy if number == 1 else break_off) for number in range(4)]
    async with nodes[0], nodes[1], nodes[2], nodes[3]:
        served = await proxy(nodes=[node.settings() for node in nodes], health={"tries": 4})
        assert (await ask(served))["error"] == "tooBusy"
        assert all(node.times("fee") for node in nodes)
        two = await proxy(nodes=[node.settings() for node in nodes], health={"tries": 2})
        for node in nodes:
            node.requests.clear()
        await ask(two)
        assert sum(bool(node.times("fee")) for node in nodes) == 2


async def test_all_tries_are_within_the_requests_time(proxy: StartProxy) -> None:
    async with ScriptedNode("a", fee=hang) as a, ScriptedNode("b", fee=hang) as b:
        served = await proxy(nodes=[a.settings(), b.settings()], timeouts={"request": 0.5, "node_answer": 0.3})
        began = asyncio.get_running_loop().time()
        status, answer = await post(served, {"method": "fee", "params": [{"api_version": 2}]})
        assert (status, answer["result"]["error"]) == (504, "tooBusy")
        assert asyncio.get_running_loop().time() - began < 1


async def test_a_multi_request_translation_restarts_on_another_node(demo_node: StartNode, proxy: StartProxy) -> None:
    """A v2 client's `tx` takes a v1 node two questions; the node dies at the second."""
    recorded = await demo_node(1)

    async def forward(_: web.BaseRequest, params: dict[str, Any]) -> Answer:
        body = {"method": "tx", "params": [{**params, "api_version": 1}]}
        async with aiohttp.ClientSession() as client, client.post(recorded.http_url, json=body) as answer:
            return web.Response(body=await answer.read(), content_type="application/json")

    async with ScriptedNode("dies", versions=range(1, 2), tx=forward, ledger=break_off) as dies:
        whole = {"name": "whole", "http": recorded.http_url, "api_version": 1}
        served = await proxy(nodes=[dies.settings(weight=1000), whole])
        result = await ask(served, "tx", 2, transaction=PAYMENT)
        assert dies.times("tx") == 1
        assert dies.times("ledger") >= 1
        assert (recorded.asked["tx"], recorded.asked["ledger"]) == (2, 1)
        assert result["hash"] == PAYMENT
        assert len(result["ledger_hash"]) == 64


async def test_a_node_that_changes_its_version_is_followed_by_the_request_that_finds_out(proxy: StartProxy) -> None:
    async with ScriptedNode(versions=range(2, 3), account_lines={"good": True}) as node:
        served = await proxy(nodes=[node.settings(api_version="auto")])
        assert (await ready(served))["node-1"]["api_version"] == 2
        node.versions = range(1, 2)
        assert (await ask(served, "account_lines", account=ACCOUNT))["good"]
        assert (await ready(served))["node-1"]["api_version"] == 1


async def test_a_node_that_lies_about_its_version_is_not_used(proxy: StartProxy) -> None:
    async with ScriptedNode("liar") as liar, ScriptedNode("good") as good:
        nodes = [liar.settings(api_version="auto", weight=1000), good.settings()]
        served = await proxy(nodes=nodes, timeouts={"health_interval": 0.1})
        liar.refuses_all_but = ("version",)  # says that it has version 2, and takes it for nothing else
        assert (await ask(served))["status"] == "success"
        assert (liar.times("fee"), good.times("fee")) == (0, 1)
        reported = await until_healthy(served, "liar", healthy=False)
        assert reported["problem"] == "refuses API version 2"
        for _ in range(5):
            await ask(served)
        assert (liar.times("fee"), good.times("fee")) == (0, 6)


@pytest.mark.parametrize("api_version", [1, 2])
async def test_an_answer_too_deep_to_write_is_unreadable(proxy: StartProxy, api_version: int) -> None:
    deep = f'{{"result":{{"status":"success","a":{"[" * 300}1{"]" * 300},"error":"x"}}}}'
    answer = web.Response(text=deep, content_type="application/json")
    async with ScriptedNode(account_lines=answer) as node:
        served = await proxy(nodes=[node.settings()])
        body = {"method": "account_lines", "params": [{"account": ACCOUNT, "api_version": api_version}]}
        status, reported = await post(served, body)
        assert (status, reported["result"]["error"]) == (502, "internal")
        item = {"method": "account_lines", "account": ACCOUNT, "api_version": api_version}
        status, items = await post(served, {"method": "batch", "params": [item, {"method": "fee"}, item]})
        assert status == 200
        assert [each["result"]["status"] for each in items] == ["error", "success", "error"]


async def test_nodes_that_come_and_go_under_load(proxy: StartProxy) -> None:
    """No read fails, no transaction reaches nodes twice, and nothing is left open."""
    sockets = open_sockets()
    seen: Counter[str] = Counter()
    numbers = itertools.count()

    async def submit(_: web.BaseRequest, params: dict[str, Any]) -> Answer:
        seen[params["tx_blob"]] += 1
        await asyncio.sleep(SLOWNESS)
        return {"engine_result": "tesSUCCESS"}

    async with ScriptedNode("a", submit=submit) as a, ScriptedNode("b", submit=submit) as b:
        served = await proxy(nodes=[a.settings(), b.settings()], timeouts={"health_interval": 0.2})
        over = asyncio.Event()
        failed: list[str] = []
        answered: set[str] = set()

        async def client() -> None:
            async with aiohttp.ClientSession() as session:
                while not over.is_set():
                    async with session.post(served.http_url, json={"method": "fee", "params": [{}]}) as answer:
                        result = (await answer.json(content_type=None))["result"]
                        if "error" in result:
                            failed.append(result["error"])
                    blob = f"{next(numbers):08X}"
                    body = {"method": "submit", "params": [{"tx_blob": blob}]}
                    async with session.post(served.http_url, json=body) as answer:
                        if "error" not in (await answer.json(content_type=None))["result"]:
                            answered.add(blob)

        async def more_are_answered() -> None:
            count = len(answered) + 50
            await until(lambda: len(answered) >= count)

        clients = [asyncio.create_task(client()) for _ in range(8)]
        for node in (a, b, a, b):
            await more_are_answered()
            await node.stop()
            await more_are_answered()
            await node.start()
            await until_healthy(served, node.name)
        over.set()
        await asyncio.gather(*clients)
        assert failed == []
        assert set(seen.values()) == {1}
        assert answered <= set(seen)
        assert len(answered) > 0.9 * next(numbers)
        await served.stop()
    assert open_sockets() <= sockets


def open_sockets() -> int:
    """Sockets of this process, in any state."""
    links = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of the listing itself
            links.append(str(link.readlink()))
    return sum(link.startswith("socket:") for link in links)


@pytest.mark.parametrize(
    ("method", "error", "params"),
    [
        ("ledger", "lgrNotFound", {"ledger_index": 132}),
        ("ledger", "lgrNotFound", {"ledger_hash": PAYMENT}),
        ("tx", "txnNotFound", {"transaction": PAYMENT}),
        ("account_tx", "lgrIdxMalformed", {"account": ACCOUNT, "ledger_index_min": 132, "ledger_index_max": 132}),
    ],
)
async def test_a_ledger_that_one_node_lacks_is_requested_from_another(
    proxy: StartProxy, method: str, error: str, params: dict[str, Any]
) -> None:
    """A client that has heard of a new ledger may meet a node that is a moment later."""
    async with bad_and_good(method, {"error": error}) as (late, good):
        served = await proxy(nodes=both(late, good))
        assert (await ask(served, method, **params))["good"]
        assert (late.times(method), good.times(method)) == (1, 1)


async def test_not_found_on_all_nodes_is_the_first_nodes_error(proxy: StartProxy) -> None:
    async with bad_and_good("tx", {"error": "txnNotFound", "first": True}) as (one, other):
        other.answers["tx"] = break_off
        served = await proxy(nodes=both(one, other))
        assert (await ask(served, "tx", transaction=PAYMENT))["first"]
        assert other.times("tx")
        one.answers["tx"] = {"error": "txnNotFound", "searched_all": True}  # it has all ledgers that were named
        other.requests.clear()
        assert (await ask(served, "tx", transaction=PAYMENT))["error"] == "txnNotFound"
        assert other.times("tx") == 0


@pytest.mark.parametrize("version", [1, 2])
async def test_a_ledger_seen_in_a_response_is_requested_from_the_node_that_has_it(
    proxy: StartProxy, version: int
) -> None:
    """Long before the next health check."""
    async with ScriptedNode("a") as a, ScriptedNode("b") as b:
        served = await proxy(nodes=[a.settings(weight=1000), b.settings()], timeouts={"health_interval": 60})
        a.answers["account_info"] = break_off
        b.answers["account_info"] = {"ledger_index": 140, "validated": True}
        assert (await ask(served, "account_info", version, account=ACCOUNT))["ledger_index"] == 140
        for _ in range(5):
            await ask(served, "ledger", ledger_index=140)
        assert (a.times("ledger"), b.times("ledger")) == (0, 5)


async def test_methods_of_one_software_go_to_a_node_that_has_it(proxy: StartProxy) -> None:
    async with ScriptedNode("rippled") as rippled, ScriptedNode("clio") as clio:
        rippled.info["build_version"] = "2.6.1"
        clio.info["clio_version"] = "2.6.0"
        served = await proxy(nodes=[rippled.settings(weight=1000), clio.settings()])
        for _ in range(5):
            await ask(served, "nft_info", nft_id="00")
        assert (rippled.times("nft_info"), clio.times("nft_info")) == (0, 5)
        served = await proxy(nodes=[rippled.settings(), clio.settings(weight=1000)])
        for _ in range(5):
            await ask(served, "ledger_header", version=1, ledger_index=130)
        assert clio.times("ledger_header") == 0


@pytest.mark.parametrize("error", ["connectionError", "requestError", "timeout", "invalidResponse"])
async def test_a_clio_that_cannot_reach_its_rippled_is_passed_over_for_reads(proxy: StartProxy, error: str) -> None:
    async with bad_and_good("account_lines", {"error": error, "error_code": 7001}) as (clio, good):
        good.answers["submit"] = {"good": True}
        served = await proxy(nodes=both(clio, good))
        assert (await ask(served, "account_lines", account=ACCOUNT))["good"]
        clio.answers["submit"] = {"error": error}
        assert (await ask(served, "submit", tx_blob="12"))["error"] == error
        assert good.times("submit") == 0


@pytest.mark.parametrize("error", ["slowDown", "lgrNotFound"])
async def test_a_lookup_that_a_node_refuses_fails_the_request_or_moves_it(proxy: StartProxy, error: str) -> None:
    """Else a v2 client would get a success whose entries have no `ledger_hash`."""
    transaction = {"hash": PAYMENT, "ledger_index": 130, "inLedger": 130, "date": 1, "TransactionType": "Payment"}
    transactions = {
        "account": ACCOUNT,
        "transactions": [{"tx": transaction, "meta": {}, "validated": True}],
        "validated": True,
    }
    header = {"ledger_hash": PAYMENT, "ledger_index": 130, "validated": True, "ledger": {"ledger_data": "00" * 118}}
    async with (
        ScriptedNode("bad", versions=range(1, 2)) as bad,
        ScriptedNode("good", versions=range(1, 2)) as good,
    ):
        bad.answers |= {
            "account_tx": transactions,
            "ledger": {"error": error},
            "ledger_header": {"error": error},
        }
        good.answers |= {"account_tx": transactions, "ledger": header, "ledger_header": header}
        alone = await proxy(nodes=[bad.settings()])
        assert (await ask(alone, "account_tx", account=ACCOUNT))["error"] == error
        served = await proxy(nodes=both(bad, good))
        result = await ask(served, "account_tx", account=ACCOUNT)
        assert [entry["ledger_hash"] for entry in result["transactions"]] == [PAYMENT]


async def test_a_request_that_grows_beyond_what_nodes_take_is_refused_before_them(proxy: StartProxy) -> None:
    """With the node's version in it, it is larger than the client's, which a node itself would accept."""
    async with ScriptedNode() as node, aiohttp.ClientSession() as client:
        served = await proxy(nodes=[node.settings()])
        body = b'{"method":"account_lines","params":[{"account":"%b"}]}' % (b"r" * 999_940)
        assert len(body) < 1_000_000
        async with client.post(served.http_url, data=body) as response:
            assert (response.status, await response.text()) == (
                400,
                "Unable to parse request: larger than 1000000 bytes\r\n",
            )
        assert node.times("account_lines") == 0
