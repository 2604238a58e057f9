"""Answers given are compared afterwards with a node's own; clients notice nothing of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest

from proxy.config import Settings
from proxy.server.proxy import Proxy
from tests.support.client import until
from tests.support.scripted_node import ScriptedNode, hang
from tests.support.start import StartNode, StartProxy

VALIDATED = {"ledger_index": 7, "ledger_hash": "A" * 64, "validated": True}
V2 = {"account_data": {"Balance": "5"}, "signer_lists": [{"SignerQuorum": 1}], **VALIDATED}
V1 = {"account_data": {"Balance": "5", "signer_lists": [{"SignerQuorum": 1}]}, **VALIDATED}
ASKED = {"account": "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", "ledger_index": "validated", "signer_lists": True}


@asynccontextmanager
async def shadowed(
    node: ScriptedNode, shadow: ScriptedNode, *, nodes: list[dict[str, Any]] | None = None, **rules: Any
) -> AsyncIterator[Proxy]:
    """A proxy in front of `node` that compares every answer with `shadow`."""
    settings = {
        "listen": {"host": "127.0.0.1", "port": 0},
        "observe": {"host": "127.0.0.1", "port": 0},
        "logging": {"requests": "off"},
        "nodes": nodes or [node.settings()],
        "shadow": {"node": shadow.name if nodes else shadow.http_url, "sample": 1.0, **rules},
    }
    proxy = Proxy(Settings.model_validate(settings))
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


def native_node(**answers: Any) -> ScriptedNode:
    return ScriptedNode("native", versions=range(1, 4), **answers)


async def ask(proxy: Proxy, method: str = "account_info", **params: Any) -> dict[str, Any]:
    body = orjson.dumps({"method": method, "params": [params or ASKED]})
    async with aiohttp.ClientSession() as http, http.post(proxy.http_url, data=body) as answer:
        result: dict[str, Any] = orjson.loads(await answer.read())["result"]
        return result


async def counted(proxy: Proxy) -> dict[tuple[str, str], float]:
    """What was compared, by method and result."""
    for family in proxy.metrics.registry.collect():
        if family.name == "xrpl_proxy_shadow":
            return {(one.labels["method"], one.labels["result"]): one.value for one in family.samples}
    return {}


async def until_counted(proxy: Proxy, **results: int) -> None:
    """Waits until exactly so many were compared with those results, of account_info."""
    wanted = {("account_info", result): float(number) for result, number in results.items()}

    async def are_counted() -> bool:
        return await counted(proxy) == wanted

    await until(are_counted)


async def test_what_is_the_same_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    async with ScriptedNode(account_info=V2) as node, native_node(account_info=V1) as native:
        async with shadowed(node, native) as proxy:
            assert (await ask(proxy))["account_data"] == V1["account_data"]
            await until_counted(proxy, same=1)
        # Asked in the client's version, of the ledger that the answer was of.
        assert native.asked == (("account_info", {**ASKED, "ledger_index": 7}),)
    assert "shadow_different" not in capsys.readouterr().out


async def test_what_differs_is_counted_and_logged_briefly(capsys: pytest.CaptureFixture[str]) -> None:
    other = {**V1, "account_data": {"Balance": "9" * 500, "Flags": 0}, "age": 3}
    async with (
        ScriptedNode(account_info=V2) as node,
        native_node(account_info=other) as native,
        shadowed(node, native) as proxy,
    ):
        await ask(proxy)
        await until_counted(proxy, different=1)
    reported = capsys.readouterr().out
    assert "shadow_different" in reported
    assert "/account_data/Balance: natively" in reported
    assert "/account_data/Flags: natively 0, given nothing" in reported
    assert "/account_data/signer_lists: natively nothing, given a list of 1" in reported
    assert "9" * 100 not in reported
    assert "/age" not in reported


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("account_info", {"account": "r"}),
        ("account_info", {"account": "r", "ledger_index": "current"}),
        ("account_info", {"account": "r", "ledger_index": "validated", "secret": "s"}),
        ("simulate", {"tx_json": {}, "ledger_index": "validated"}),
        ("submit", {"tx_blob": "00", "ledger_index": "validated"}),
        ("server_info", {}),
    ],
)
async def test_only_reads_of_validated_ledgers_are_shadowed(method: str, params: dict[str, Any]) -> None:
    answers: dict[str, Any] = {"account_info": V2, "simulate": V2, "submit": V2}
    async with ScriptedNode(**answers) as node, native_node(**answers) as native:
        async with shadowed(node, native) as proxy:
            await ask(proxy, method, **params or {"x": 1})
            await ask(proxy)
            await native.until(lambda: bool(native.asked))
        assert [
            asked for asked in native.asked if asked[0] != "account_info" or asked[1] != {**ASKED, "ledger_index": 7}
        ] == []


async def test_an_answer_that_is_not_of_a_validated_ledger_is_not_compared() -> None:
    async with ScriptedNode(account_info={**V2, "validated": False}) as node, native_node() as native:
        async with shadowed(node, native) as proxy:
            await ask(proxy, ledger_index=7)
            await ask(proxy, ledger_index=8, account="r")
        assert not native.asked


@pytest.mark.parametrize("answer", [{"error": "lgrNotFound"}, {**V1, "validated": False}, hang])
async def test_a_node_that_has_no_answer_is_counted_as_failed(answer: Any) -> None:
    async with (
        ScriptedNode(account_info=V2) as node,
        native_node(account_info=answer) as native,
        shadowed(node, native, timeout=0.1) as proxy,
    ):
        assert (await ask(proxy))["validated"]
        await until_counted(proxy, failed=1)


async def test_another_error_is_a_difference() -> None:
    async with (
        ScriptedNode(account_info=V2) as node,
        native_node(account_info={"error": "actMalformed"}) as native,
        shadowed(node, native) as proxy,
    ):
        await ask(proxy)
        await until_counted(proxy, different=1)


async def test_what_is_too_much_is_dropped_and_no_client_waits() -> None:
    async with (
        ScriptedNode(account_info=V2) as node,
        native_node(account_info=hang) as native,
        shadowed(node, native, concurrency=1, queue=1) as proxy,
    ):
        async with asyncio.timeout(3):
            for _ in range(5):
                await ask(proxy)
                await asyncio.sleep(0)
        dropped = (await counted(proxy))["account_info", "dropped"]
        assert 3 <= dropped <= 4
    async with (
        ScriptedNode(account_info=V2) as node,
        native_node(account_info=V1) as native,
        shadowed(node, native, answer_bytes=50) as proxy,
    ):
        await ask(proxy)
        await until_counted(proxy, dropped=1)


async def test_fields_to_ignore_and_a_node_by_its_name() -> None:
    other = {**V1, "account_data": {**V1["account_data"], "Balance": "6"}}  # type: ignore[dict-item]
    async with ScriptedNode(account_info=V2) as node, native_node(account_info=other) as native:
        nodes = [node.settings(), native.settings()]
        await native.stop()  # so that the other is the one whose answers are given
        async with shadowed(node, native, nodes=nodes, ignore=["Balance"]) as proxy:
            await native.start()
            await ask(proxy)
            await until_counted(proxy, same=1)
    with pytest.raises(ValueError, match=r"a name in nodes \(node-1\)"):
        Settings.model_validate({"nodes": [{"name": "node-1", "http": "http://a"}], "shadow": {"node": "other"}})


async def test_a_sample_of_zero_sends_nothing() -> None:
    async with ScriptedNode(account_info=V2) as node, native_node(account_info=V1) as native:
        async with shadowed(node, native, sample=0.0) as proxy:
            await ask(proxy)
        assert not native.asked


@pytest.mark.parametrize("transport", ["http", "ws"])
@pytest.mark.parametrize("node_version", [1, 2])
async def test_recorded_answers_are_the_same_as_a_real_nodes(
    demo_node: StartNode, proxy: StartProxy, node_version: int, transport: str
) -> None:
    native = await demo_node("all")
    served = await proxy(await demo_node(node_version), shadow={"node": native.http_url, "sample": 1.0})
    if transport == "http":
        assert (await ask(served, "ledger", ledger_index="validated"))["validated"]
    else:
        async with aiohttp.ClientSession() as http, http.ws_connect(served.http_url) as socket:
            await socket.send_json({"id": 1, "command": "ledger", "ledger_index": "validated"})
            assert (await socket.receive_json())["result"]["validated"]

    async def is_counted() -> bool:
        return await counted(served) == {("ledger", "same"): 1.0}

    await until(is_counted)
