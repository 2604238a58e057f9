"""Which of several nodes is asked, as seen by the nodes themselves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from proxy.nodes import HttpNode, Node, NodeHealth
from proxy.nodes.ledger_range import LedgerRange, has_ledgers, requested_ledgers, validated_ledger_in
from proxy.server.proxy import Proxy
from tests.support.client import ask, ask_by_websocket, metric, ready, until, until_healthy
from tests.support.scripted_node import ScriptedNode, hang
from tests.support.start import StartProxy


@asynccontextmanager
async def two_nodes(**options: Any) -> AsyncIterator[tuple[ScriptedNode, ScriptedNode]]:
    async with ScriptedNode("a", **options) as a, ScriptedNode("b", **options) as b:
        yield a, b


@contextmanager
def counting(*nodes: ScriptedNode) -> Iterator[None]:
    """Forget what the nodes were asked before."""
    for node in nodes:
        node.requests.clear()
    yield


async def test_a_node_of_the_clients_own_version_is_preferred(proxy: StartProxy) -> None:
    async with ScriptedNode("old", versions=range(1, 2)) as old, ScriptedNode("new") as new:
        served = await proxy(nodes=[old.settings(), new.settings()])
        for version, own, other in ((1, old, new), (2, new, old)):
            with counting(old, new):
                for _ in range(5):
                    await ask(served, version=version)
            assert (own.times("fee"), other.times("fee")) == (5, 0)


async def test_idle_nodes_share_by_their_weight(proxy: StartProxy) -> None:
    async with two_nodes() as (a, b):
        served = await proxy(nodes=[a.settings(weight=3), b.settings(weight=1)])
        for _ in range(200):
            await ask(served)
        assert a.times("fee") + b.times("fee") == 200
        assert 120 < a.times("fee") < 180


async def test_the_least_busy_is_used(proxy: StartProxy) -> None:
    async with two_nodes(ledger_data=hang) as (a, b):
        served = await proxy(nodes=[a.settings(), b.settings()])
        waiting = asyncio.create_task(ask(served, "ledger_data"))
        await until(lambda: a.times("ledger_data") + b.times("ledger_data") == 1)
        busy, idle = (a, b) if a.times("ledger_data") else (b, a)
        for _ in range(10):
            await ask(served)
        assert (busy.times("fee"), idle.times("fee")) == (0, 10)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


@pytest.mark.parametrize(
    "params",
    [
        {"ledger_index": 40},
        {"ledger_index": "40"},
        {"ledger_index_min": 35, "ledger_index_max": 45},
        {"ledger_index_min": 40, "ledger_index_max": -1},
        {"min_ledger": 40, "max_ledger": 41},
    ],
)
async def test_a_ledger_is_requested_from_a_node_that_has_it(proxy: StartProxy, params: dict[str, Any]) -> None:
    async with two_nodes() as (a, b):
        a.info["complete_ledgers"] = "32-39,100-131"
        b.info["complete_ledgers"] = "32-50,100-131"
        served = await proxy(nodes=[a.settings(weight=1000), b.settings()])
        for _ in range(5):
            await ask(served, "account_tx", **params)
        assert (a.times("account_tx"), b.times("account_tx")) == (0, 5)


async def test_a_ledger_that_no_node_has_is_requested_from_any(proxy: StartProxy) -> None:
    async with two_nodes(ledger={"error": "lgrNotFound"}) as (a, b):
        served = await proxy(nodes=[a.settings(), b.settings()])
        assert (await ask(served, "ledger", ledger_index=999))["error"] == "lgrNotFound"
        assert a.times("ledger") + b.times("ledger") == 1  # an answer like any other


async def test_a_node_may_have_as_many_new_ledgers_as_can_have_closed() -> None:
    """Between health checks that are a minute apart, that is more than between the usual ones."""
    http = HttpNode(
        *("a", "http://127.0.0.1:1"), connect_timeout=1, answer_timeout=1, idle_timeout=1, connections=1, answer_bytes=1
    )
    node = Node("a", http, None, NodeHealth(http, api_version=2, newest=2, interval=60, timeout=1))
    assert node.may_have(LedgerRange(140, 140))  # it reports none
    now = asyncio.get_running_loop().time()
    node.note_ledger(131)
    for seconds, expected in ((0, [134]), (60, [134, 150])):
        node.status = replace(node.status, complete_ledgers="2-131", reported_at=now - seconds)
        assert [index for index in (134, 150, 200) if node.may_have(LedgerRange(index, index))] == expected
    await node.close()


async def test_a_new_ledger_is_requested_from_a_node_that_reports_none(proxy: StartProxy) -> None:
    async with two_nodes() as (a, b):
        a.answers["ledger"] = {"error": "lgrNotFound"}
        b.answers |= {"server_info": {"error": "forbidden"}, "ledger": {"good": True}}
        served = await proxy(nodes=[a.settings(weight=1000), b.settings()])
        assert (await ask(served, "ledger", ledger_index=132))["good"]


@pytest.mark.parametrize(
    ("info", "problem"),
    [
        ({"validated_ledger": {"seq": 120, "age": 1}}, "is 11 ledgers behind (health.max_lag)"),
        ({"validated_ledger": {"seq": 131, "age": 200}}, "last validated a ledger 200 seconds ago"),
        ({"validated_ledger": None}, "has no validated ledger"),
        ({"server_state": "syncing"}, "is in state syncing (health.states)"),
    ],
)
async def test_a_node_that_lags_is_out_of_rotation_until_it_has_caught_up(
    proxy: StartProxy, info: dict[str, Any], problem: str
) -> None:
    async with two_nodes() as (a, b):
        good = dict(a.info)
        a.info.update(info)
        served = await proxy(nodes=[a.settings(weight=1000), b.settings()], timeouts={"health_interval": 0.1})
        reported = (await ready(served))["a"]
        assert reported["up"]
        assert problem in reported["problem"]
        with counting(a, b):
            for _ in range(10):
                await ask(served)
            assert (a.times("fee"), b.times("fee")) == (0, 10)
        a.info.update(good)
        reported = await until_healthy(served, "a")
        assert reported["problem"] is None
        with counting(a, b):
            for _ in range(10):
                await ask(served)
            assert a.times("fee") > 5


async def test_a_node_that_gets_no_work_holds_no_other_to_its_ledger(proxy: StartProxy) -> None:
    async with two_nodes() as (a, b):
        a.info |= {"server_state": "connected", "validated_ledger": {"seq": 631, "age": 1}}
        served = await proxy(nodes=[a.settings(), b.settings()])
        assert "error" not in await ask(served)
        assert b.times("fee") == 1


async def test_a_clio_reports_no_state(proxy: StartProxy) -> None:
    async with ScriptedNode() as node:
        del node.info["server_state"]
        served = await proxy(nodes=[node.settings()])
        assert "error" not in await ask(served)


async def test_not_ready_without_a_node_to_ask(proxy: StartProxy) -> None:
    async with ScriptedNode() as node:
        node.info["server_state"] = "syncing"
        served = await proxy(nodes=[node.settings()], timeouts={"health_interval": 0.1})
        assert await metric(served, "xrpl_proxy_ready") == {"": 0}
        assert (await ask(served))["error"] == "notSynced"
        async with aiohttp.ClientSession() as client, client.get(f"{served.observe_url}/ready") as answer:
            assert answer.status == 503
        node.info["server_state"] = "proposing"
        await until_healthy(served, "node-1")
        assert await metric(served, "xrpl_proxy_ready") == {"": 1}


async def test_metrics_of_the_nodes(proxy: StartProxy) -> None:
    async with two_nodes() as (a, b):
        b.info["validated_ledger"] = {"seq": 100, "age": 60}
        served = await proxy(nodes=[a.settings(), b.settings()])
        a_, b_ = '{node="a"}', '{node="b"}'
        assert await metric(served, "xrpl_proxy_node_up") == {a_: 1, b_: 1}
        assert await metric(served, "xrpl_proxy_node_healthy") == {a_: 1, b_: 0}
        assert await metric(served, "xrpl_proxy_node_lag_ledgers") == {a_: 0, b_: 31}
        assert await metric(served, "xrpl_proxy_node_paused") == {a_: 0, b_: 0}
        ages = await metric(served, "xrpl_proxy_node_validated_ledger_age_seconds")
        assert 60 <= ages[b_] < 65  # it grows while nothing is heard


@given(
    st.lists(st.tuples(st.integers(1, 200), st.integers(0, 30)), max_size=6),
    st.integers(1, 250),
    st.integers(0, 40),
)
def test_has_ledgers_is_about_every_one_of_them(reported: list[tuple[int, int]], first: int, more: int) -> None:
    # As nodes tell them: apart from each other, in order.
    ranges, ledgers, start = [], set(), 0
    for gap, length in reported:
        start += gap + 1
        ranges.append(f"{start}-{start + length}" if length else str(start))
        ledgers |= set(range(start, start + length + 1))
        start += length
    has = has_ledgers(",".join(ranges) or "empty", LedgerRange(first, first + more))
    assert has == (set(range(first, first + more + 1)) <= ledgers)


ODD: list[Any] = [None, True, 0, -1, 2**40, 1.5, "", "7", "\u0667", "0x10", "validated", [7], {}]


@given(
    st.dictionaries(st.sampled_from(["ledger_index", "ledger", "ledger_index_min", "max_ledger"]), st.sampled_from(ODD))
)
def test_any_parameters_name_ledgers_or_none(params: dict[str, Any]) -> None:
    wanted = requested_ledgers(params)
    assert wanted is None or 0 < wanted.first == wanted.last in (7, 2**40)


async def test_a_node_on_another_network_gets_no_requests(
    proxy: StartProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    """Although its ledgers are far ahead: else every `submit` would go to it, and the others would be `behind`."""
    async with two_nodes(submit={"engine_result": "tesSUCCESS"}) as (a, b):
        b.info |= {"network_id": 21338, "validated_ledger": {"seq": 90_000_000, "age": 1}}
        served = await proxy(nodes=[a.settings(), b.settings(weight=1000)], timeouts={"health_interval": 0.1})
        for _ in range(10):
            await ask(served)
            await ask(served, "submit", tx_blob="12")
        assert (a.times("fee"), a.times("submit"), b.times("fee"), b.times("submit")) == (10, 10, 0, 0)
        status = (await ready(served))["b"]
        assert (status["healthy"], status["network_id"]) == (False, 21338)
        assert status["problem"] == "is on network 21338, not 0 (network_id)"
        assert await metric(served, "xrpl_proxy_node_wrong_network") == {'{node="a"}': 0, '{node="b"}': 1}
        b.info |= {"network_id": 0, "validated_ledger": {"seq": 131, "age": 1}}
        await until_healthy(served, "b")
        a.info["network_id"] = 1  # one that changes is out of rotation as well
        assert (await until_healthy(served, "a", healthy=False))["problem"] == "is on network 1, not 0 (network_id)"
    assert "is on network 21338, not 0 (network_id)" in capsys.readouterr().out


@pytest.mark.parametrize("reconnect", [True, False])
@pytest.mark.parametrize("subscribed", [{"streams": ["ledger"]}, {"accounts": ["r1"]}], ids=["shared", "own"])
async def test_no_session_stays_with_a_node_that_changes_its_network(
    proxy: StartProxy, reconnect: bool, subscribed: dict[str, Any]
) -> None:
    """Else it would hear of the other network's ledgers, and its `submit` would go there."""
    async with two_nodes() as (a, b), aiohttp.ClientSession() as http:
        a.answers["fee"], b.answers["fee"] = {"from": "a"}, {"from": "b"}
        nodes = [a.settings(websocket=a.websocket_url, weight=1000), b.settings(websocket=b.websocket_url)]
        timing = {"health_interval": 0.1}
        served = await proxy(nodes=nodes, timeouts=timing, websocket={"reconnect": reconnect})
        async with http.ws_connect(served.http_url) as client:
            await client.send_json({"command": "subscribe", **subscribed})
            await client.receive_json(timeout=10)
            await client.send_json({"command": "fee"})
            assert (await client.receive_json(timeout=10))["result"] == {"from": "a"}
            session = await a.session()
            a.info["network_id"] = 21338
            await session.ended.wait()
            if reconnect:
                await client.send_json({"command": "fee"})
                assert (await client.receive_json(timeout=10))["result"] == {"from": "b"}
            else:
                assert (await client.receive(10)).data == 1012
        if "streams" in subscribed:
            await (await a.shared_session()).ended.wait()


async def test_the_network_may_be_configured(proxy: StartProxy) -> None:
    async with two_nodes() as (a, b):
        b.info["network_id"] = 1
        served = await proxy(nodes=[a.settings(), b.settings()], network_id=1)
        assert (await ready(served))["a"]["problem"] == "is on network 0, not 1 (network_id)"
        for _ in range(5):
            await ask(served)
        assert (a.times("fee"), b.times("fee")) == (0, 5)


@pytest.mark.parametrize("count", [2, 5])
async def test_one_node_that_reports_a_far_higher_ledger_takes_no_other_out(proxy: StartProxy, count: int) -> None:
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(ScriptedNode(f"n{number}")) for number in range(count)]
        liar, *honest = nodes
        liar.info["validated_ledger"] = {"seq": 1131, "age": 1}
        served = await proxy(nodes=[node.settings() for node in nodes])
        for _ in range(10):
            assert "error" not in await ask(served)
        assert liar.times("fee") == 0
        statuses = await ready(served)
        assert [statuses[node.name]["healthy"] for node in honest] == [True] * (count - 1)
        assert "impossibly far ahead" in statuses[liar.name]["problem"]


@pytest.mark.parametrize("seq", [5, 0, -(10**18)])
async def test_one_node_that_falls_back_far_takes_no_other_out(proxy: StartProxy, seq: int) -> None:
    """It was restarted on a private network that has the number of the public one."""
    async with two_nodes() as (a, b):
        served = await proxy(nodes=[a.settings(), b.settings(weight=1000)], timeouts={"health_interval": 0.1})
        await ask(served)
        b.info["validated_ledger"] = {"seq": seq, "age": 1}
        await until_healthy(served, "b", healthy=False)
        with counting(a, b):
            for _ in range(10):
                assert "error" not in await ask(served)
            assert (a.times("fee"), b.times("fee")) == (10, 0)
        assert (await ready(served))["a"]["problem"] is None
        b.info["validated_ledger"] = {"seq": 131, "age": 1}
        await until_healthy(served, "b")


@pytest.mark.parametrize("refusal", ["text", "error"])
async def test_an_overloaded_node_is_not_down(proxy: StartProxy, refusal: str) -> None:
    """A node throttles the address of the health check: it goes on serving, and so does the proxy."""
    async with ScriptedNode() as node:
        served = await proxy(nodes=[node.settings()], timeouts={"health_interval": 0.1})
        text = web.Response(status=503, text="Server is overloaded")
        node.answers["server_info"] = text if refusal == "text" else {"error": "slowDown"}
        await until_status(served, "node-1", "overloaded", True)
        probes = node.times("server_info")
        await node.until(lambda: node.times("server_info") > probes + 4)
        status = (await ready(served))["node-1"]
        assert (status["up"], status["healthy"], status["validated_ledger"]) == (True, True, 131)
        assert await metric(served, "xrpl_proxy_node_overloaded") == {'{node="node-1"}': 1}
        assert "error" not in await ask(served)
        del node.answers["server_info"]
        await until_status(served, "node-1", "overloaded", False)


async def test_a_clio_that_is_not_ready_gets_no_requests(proxy: StartProxy) -> None:
    async with two_nodes() as (a, b):
        a.answers["server_info"] = {"error": "notReady", "error_code": 13}
        served = await proxy(nodes=[a.settings(weight=1000), b.settings()], timeouts={"health_interval": 0.1})
        assert (await ready(served))["a"]["problem"] == "returns notReady to server_info"
        for _ in range(5):
            assert "error" not in await ask(served)
        assert (a.times("fee"), b.times("fee")) == (0, 5)
        del a.answers["server_info"]
        await until_healthy(served, "a")


async def test_a_standalone_node_serves_however_old_its_ledger_is(proxy: StartProxy) -> None:
    async with ScriptedNode() as node:
        node.info |= {"validated_ledger": {"seq": 131, "age": 5000}, "peers": 0, "validation_quorum": 0}
        served = await proxy(nodes=[node.settings()])
        assert "error" not in await ask(served)


async def until_status(served: Proxy, node: str, key: str, value: object) -> None:
    async def is_so() -> bool:
        return bool((await ready(served))[node][key] == value)

    await until(is_so)


async def test_a_clio_is_sent_the_client_and_the_token_over_both_transports(proxy: StartProxy) -> None:
    heads: list[dict[str, str]] = []

    async def fee(request: web.BaseRequest, _: dict[str, Any]) -> dict[str, Any]:
        heads.append(dict(request.headers))
        return {}

    async with ScriptedNode(fee=fee) as clio:
        clio.info |= {"clio_version": "2.6.0", "network_id": 0}
        served = await proxy(nodes=[clio.settings(websocket=clio.websocket_url, proxy_token="shared-secret")])
        await ask(served)
        assert (heads[0]["Forwarded"], heads[0]["X-Proxy-Token"]) == ("for=127.0.0.1", "shared-secret")
        await ask_by_websocket(served)
        own, session = clio.handshakes[0], clio.handshakes[-1]
        assert (session["Forwarded"], session["X-Proxy-Token"]) == ("for=127.0.0.1", "shared-secret")
        assert own["Forwarded"].startswith('for="[2001:db8::')


async def test_a_node_that_is_upgraded_while_it_runs_is_followed(proxy: StartProxy) -> None:
    """Rippled before 2.0 does not know `DeliverMax`; once it is upgraded, the next health check knows that it does."""
    async with ScriptedNode(versions=range(1, 2)) as node:
        node.info["build_version"] = "1.12.0"
        served = await proxy(nodes=[node.settings()], timeouts={"health_interval": 0.1})
        payment = {"TransactionType": "Payment", "DeliverMax": "1"}

        async def sent() -> set[str]:
            node.requests.clear()
            await ask(served, "sign", secret="s", tx_json=payment)
            return next({*params["tx_json"]} for method, params in node.asked if method == "sign")

        assert await sent() == {"TransactionType", "Amount"}
        node.info["build_version"] = "2.6.1"
        await until(lambda: _is(sent, {"TransactionType", "DeliverMax"}))


async def _is(find: Callable[[], Awaitable[set[str]]], wanted: set[str]) -> bool:
    return await find() == wanted


@pytest.mark.parametrize(
    ("body", "ledger"),
    [
        (b'{"result":{"ledger_hash":"A","ledger_index":131,"status":"success","validated":true}}', 131),
        (b'{"result":{"x":"' + b"y" * 5000 + b'","ledger_index":131,"validated":true}}\n', 131),
        (b'{"result":{"ledger_index":131,"x":"' + b"y" * 5000 + b'","validated":true}}', None),
        (b'{"result":{"ledger_index":131,"validated":false}}', None),
        (b'{"result":{"ledger_current_index":132,"validated":true}}', None),
        (b'{"result":{"ledger_index":"131","validated":true}}', None),
        (b'{"result":{"ledger_index":' + b"9" * 400 + b',"validated":true}}', None),
        (b"", None),
    ],
)
def test_a_validated_ledger_is_found_in_a_response_without_parsing_it(body: bytes, ledger: int | None) -> None:
    assert validated_ledger_in(body) == ledger
