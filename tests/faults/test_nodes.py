"""One of two nodes fails, each time in another way: what clients get over HTTP, and what stays behind."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from statistics import median
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from proxy.server.proxy import Proxy
from tests.support.bystander import SHORT, endure, nobody_else_notices
from tests.support.client import ask, ready, until_healthy
from tests.support.raw_node import (
    ConnectionHandler,
    answers_byte_by_byte,
    answers_half,
    answers_nonsense,
    answers_without_end,
    hangs,
    replaced,
    resets,
    speaks_another_protocol,
)
from tests.support.scripted_node import Answer, ScriptedNode, break_off, hang
from tests.support.start import StartProxy

NODE_ANSWER = 0.3
TIMEOUTS = {**SHORT, "node_answer": NODE_ANSWER, "connect": 0.3, "health_interval": 0.1}
MARGIN = 5.0
"""Seconds more than the proxy's own limits, for a machine that has more to do."""

Fail = Callable[[], AbstractAsyncContextManager[None]]


class Two:
    """A node `bad`, which is asked first as long as it is well, and a good one, behind a proxy."""

    def __init__(self, bad: ScriptedNode, good: ScriptedNode, served: Proxy) -> None:
        self.bad = bad
        self.good = good
        self.served = served
        self._blobs = 0

    async def endure(self, fail: Fail, *, slowest: float) -> None:
        """The bad node fails, and comes back, several times. Reads are answered all the same, within `slowest`."""

        async def fault() -> None:
            async with fail():
                for _ in range(5):
                    await self.read(slowest)
                    await self.submit(slowest)
                await until_healthy(self.served, "bad", healthy=False)
                asked = self.good.times("account_lines")
                await self.read(MARGIN)
                assert self.good.times("account_lines") == asked + 1
            await until_healthy(self.served, "bad")

        await endure(self.served, fault, slowest=slowest)
        blobs = [
            params["tx_blob"] for node in (self.bad, self.good) for method, params in node.asked if method == "submit"
        ]
        assert len(blobs) == len(set(blobs))

    async def read(self, slowest: float) -> None:
        """A client asks for what has to be translated, and gets it in time."""
        async with asyncio.timeout(slowest):
            assert (await ask(self.served, "account_lines", 1, account="r"))["status"] == "success"

    async def submit(self, slowest: float) -> None:
        """A client submits: the response says that it was done, or that the outcome is unknown."""
        self._blobs += 1
        blob = f"{self._blobs:08X}"
        async with asyncio.timeout(slowest):
            result = await ask(self.served, "submit", tx_blob=blob)
        if result["status"] == "success":
            assert any(params.get("tx_blob") == blob for node in (self.bad, self.good) for _, params in node.asked)
        else:
            assert result["error"] in ("tooBusy", "internal")
            assert "It is not known whether the node acted" in result["error_message"]


@asynccontextmanager
async def instead(node: ScriptedNode, conduct: ConnectionHandler) -> AsyncIterator[None]:
    """While it lasts, something that does so stands in the node's place."""
    await node.stop()
    async with replaced(node.http_url, conduct):
        yield
    await node.start()


@pytest.fixture
async def two(node: ScriptedNode, proxy: StartProxy) -> AsyncIterator[Two]:
    node.name = "good"
    node.answers["submit"] = {"engine_result": "tesSUCCESS"}
    async with ScriptedNode("bad") as bad:
        bad.answers = dict(node.answers)
        served = await proxy(
            nodes=[bad.settings(weight=1000), node.settings(websocket=node.websocket_url)],
            timeouts=TIMEOUTS,
            health={"timeout": 0.5},
            limits={"answer_bytes": 1_000_000},
        )
        yield Two(bad, node, served)


async def test_a_node_that_refuses(two: Two) -> None:
    @asynccontextmanager
    async def away() -> AsyncIterator[None]:
        await two.bad.stop()
        yield
        await two.bad.start()

    await two.endure(away, slowest=MARGIN)


async def test_a_node_that_hangs(two: Two) -> None:
    await two.endure(lambda: instead(two.bad, hangs), slowest=NODE_ANSWER + MARGIN)


async def test_a_node_that_resets_in_the_middle(two: Two) -> None:
    await two.endure(lambda: instead(two.bad, resets), slowest=MARGIN)


async def test_a_node_that_answers_half(two: Two) -> None:
    await two.endure(lambda: instead(two.bad, answers_half), slowest=MARGIN)


@pytest.mark.parametrize("nonsense", [speaks_another_protocol, answers_nonsense])
async def test_a_node_that_answers_nonsense(two: Two, nonsense: ConnectionHandler) -> None:
    await two.endure(lambda: instead(two.bad, nonsense), slowest=MARGIN)


async def test_a_node_that_answers_byte_by_byte(two: Two) -> None:
    await two.endure(lambda: instead(two.bad, answers_byte_by_byte), slowest=NODE_ANSWER + MARGIN)


async def test_a_node_that_answers_without_end(two: Two) -> None:
    await two.endure(lambda: instead(two.bad, answers_without_end), slowest=MARGIN)


async def test_a_node_that_lags(two: Two) -> None:
    @asynccontextmanager
    async def behind() -> AsyncIterator[None]:
        reported = two.good.info
        two.good.info = {**reported, "validated_ledger": {"seq": 131 + 11, "age": 1}}  # more than health.max_lag
        await until_healthy(two.served, "bad", healthy=False)
        looks = two.good.times("server_info")
        await two.good.until(lambda: two.good.times("server_info") >= looks + 6)  # each worker has seen it by then
        asked = two.bad.times("account_lines")
        yield
        assert two.bad.times("account_lines") == asked
        assert "behind" in ((await ready(two.served))["bad"]["problem"] or "")
        two.good.info = reported

    await two.endure(behind, slowest=MARGIN)


async def test_a_node_that_lies_about_its_version(two: Two) -> None:
    @asynccontextmanager
    async def liar() -> AsyncIterator[None]:
        two.bad.refuses_all_but = ("version",)
        yield
        two.bad.refuses_all_but = ()

    await two.endure(liar, slowest=MARGIN)


async def test_nodes_that_answer_slowly_but_in_time(node: ScriptedNode, proxy: StartProxy) -> None:
    """A hundred clients wait for a slow method at the only node, and nobody else does."""
    slowness = 0.3

    async def slowly(*_: Any) -> Answer:
        await asyncio.sleep(slowness)
        return {"slow": True}

    node.answers["ripple_path_find"] = slowly
    served = await proxy(nodes=[node.settings(websocket=node.websocket_url)], timeouts=SHORT)

    async def fault() -> None:
        async with asyncio.timeout(slowness + MARGIN):
            results = await asyncio.gather(*(ask(served, "ripple_path_find") for _ in range(60)))
        assert all(result["slow"] for result in results)

    await endure(served, fault)


@pytest.mark.parametrize(("fault", "version"), [("hangs", 1), ("breaks off", 2), ("nonsense", 1)])
async def test_one_request_that_the_only_node_fails_at(
    node: ScriptedNode, proxy: StartProxy, fault: str, version: int
) -> None:
    """What the node makes of one client's request takes it from nobody else, however often it is asked."""

    async def bad(request: web.BaseRequest, params: dict[str, Any]) -> Answer:
        if fault == "nonsense":
            return web.Response(text="<html>")
        return await (break_off if fault == "breaks off" else hang)(request, params)

    node.answers["account_lines"] = bad
    served = await proxy(
        nodes=[node.settings(websocket=node.websocket_url)], timeouts=TIMEOUTS, health={"breaker_failures": 1000}
    )
    status, token = (504, "tooBusy") if fault == "hangs" else (502, "internal")

    async def ask_for_it() -> None:
        body = {"method": "account_lines", "params": [{"account": "r", "api_version": version}]}
        async with aiohttp.ClientSession() as client, asyncio.timeout(NODE_ANSWER + MARGIN):
            for _ in range(1 if fault == "hangs" else 5):
                async with client.post(served.http_url, json=body) as answer:
                    assert answer.status == status
                    assert (await answer.json(content_type=None))["result"]["error"] == token

    await endure(served, ask_for_it)


async def test_the_breaker_spares_requests_a_node_that_hangs_though_it_seems_well(
    two: Two, request: pytest.FixtureRequest
) -> None:
    """It tells all the while that it is well; only what clients ask hangs. Each worker has to find out by itself."""
    each_finds_out = 1.5 * request.config.getoption("--workers") or 1
    two.bad.answers["account_lines"] = two.bad.answers["fee"] = hang
    took = []
    async with nobody_else_notices(two.served.http_url, NODE_ANSWER + MARGIN):
        for _ in range(4):
            began = asyncio.get_running_loop().time()
            await asyncio.gather(*(two.read(NODE_ANSWER + MARGIN) for _ in range(int(10 * each_finds_out))))
            took.append(asyncio.get_running_loop().time() - began)
    assert (await ready(two.served))["bad"]["healthy"]
    assert took[0] > NODE_ANSWER
    assert median(took[1:]) < NODE_ANSWER
    assert two.bad.times("account_lines") < 25 * each_finds_out  # of 40
