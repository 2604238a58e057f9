"""A node's health, as seen by asking a real server that changes its ways."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from adapters import VERSIONS, NodeInfo
from proxy.nodes import HttpNode, NodeFailure, NodeHealth, NodeResponse
from proxy.nodes.version import choose_version
from tests.support.client import check_stays
from tests.support.scripted_node import ScriptedNode, hang

TWO_PROBES = 0.5
"""Seconds in which there would be another two probes if they came as fast as they may."""
INFO = {
    "build_version": "2.6.1",
    "complete_ledgers": "2-131",
    "server_state": "full",
    "validated_ledger": {"age": 4, "seq": 131, "hash": "DE1F"},
}


@dataclass
class Watch:
    """The changes reported of a node, and a way to wait for one."""

    reported: list[tuple[str, bool]] = field(default_factory=list)
    _new: asyncio.Event = field(default_factory=asyncio.Event)

    def changed(self, name: str, up: bool) -> None:
        self.reported.append((name, up))
        self._new.set()

    async def until(self, up: bool) -> None:
        async with asyncio.timeout(5):
            while not self.reported or self.reported[-1][1] != up:
                self._new.clear()
                await self._new.wait()


def running(answers: dict[str, Any]) -> ScriptedNode:
    """A node of every version."""
    return ScriptedNode(versions=range(1, 8), **{"server_info": {"info": INFO}, "ping": {}, **answers})


def asked_of(node: ScriptedNode) -> list[tuple[str, int]]:
    """The method and the API version of each request, none of which had other parameters."""
    assert not any(request.params for request in node.requests)
    return [(request.method, request.api_version) for request in node.requests]


@asynccontextmanager
async def health_of(
    url: str,
    *,
    api_version: int | None = 2,
    newest: int = 2,
    interval: float = 60,
    limit: float = 2,
    **more: Any,
) -> AsyncIterator[tuple[NodeHealth, HttpNode, Watch]]:
    node = HttpNode(
        "node-1",
        url,
        connect_timeout=1,
        answer_timeout=limit,
        idle_timeout=2.5,
        connections=10,
        answer_bytes=100_000,
    )
    watch = Watch()
    health = NodeHealth(
        node,
        api_version=api_version,
        newest=newest,
        interval=interval,
        timeout=limit,
        changed=watch.changed,
        **more,
    )
    health.start()
    try:
        yield health, node, watch
    finally:
        await health.close()
        await node.close()


async def ask_as_client(node: HttpNode, method: str = "fee", seconds: float = 2) -> NodeResponse | NodeFailure:
    deadline = asyncio.get_running_loop().time() + seconds
    body = orjson.dumps({"method": method, "params": [{}]})
    try:
        return await node.ask(body, client="192.0.2.7", method=method, reads_only=True, deadline=deadline)
    except NodeFailure as failure:
        return failure


async def test_a_node_that_answers_is_up_and_its_ledgers_are_known() -> None:
    async with running({}) as node, health_of(node.http_url) as (health, _, watch):
        assert await health.wait_probed(15)
        status = health.status
        assert (status.name, status.up, status.api_version, status.problem) == ("node-1", True, 2, None)
        assert (status.server_state, status.complete_ledgers) == ("full", "2-131")
        assert (status.validated_ledger, status.validated_ledger_age) == (131, 4)
        assert watch.reported == [("node-1", False), ("node-1", True)]
        assert asked_of(node) == [("server_info", 2), ("ping", 2)]


async def test_an_upgraded_node_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    async with running({}) as node, health_of(node.http_url, interval=0.05) as (health, *_):
        assert await health.wait_probed(15)
        assert health.status.server == NodeInfo("rippled", (2, 6, 1))
        seen = asyncio.Event()
        health.watch(lambda: seen.set() if health.status.server == NodeInfo("xrpld", (3, 3, 0)) else None)
        node.answers["server_info"] = {"info": INFO | {"build_version": "3.3.0-b0"}}
        async with asyncio.timeout(5):
            await seen.wait()
    assert "node_software_changed" in capsys.readouterr().out


async def test_an_error_is_an_answer_too() -> None:
    answers = {"server_info": {"error": "slowDown", "status": "error"}}
    async with running(answers) as node, health_of(node.http_url) as (health, *_):
        assert await health.wait_probed(15)
        assert health.status.problem == "slowDown"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (web.Response(status=400, text="invalid_API_version"), "refuses API version 2"),
        (web.Response(status=403, text="Forbidden"), "returns HTTP 403 without JSON"),
        (web.Response(status=200, text="<html>"), "returns HTTP 200 without JSON"),
        (web.json_response([1]), "returns HTTP 200 without a valid result"),
        (web.json_response({"result": [1]}), "returns HTTP 200 without a valid result"),
        (web.json_response({"result": {"error": ["slowDown"]}}), "returns HTTP 200 without a valid result"),
        (web.json_response({"result": {"hello": 1}}), "returns HTTP 200 without a valid result"),
    ],
)
async def test_a_response_that_no_node_gives_is_invalid(answer: web.Response, problem: str) -> None:
    async with running({"server_info": answer}) as node, health_of(node.http_url) as (health, *_):
        assert not await health.wait_probed(15)
        assert health.status.problem == problem


async def test_a_node_that_is_not_there_and_comes() -> None:
    async with running({}) as node:
        await node.stop()
        async with health_of(node.http_url, interval=0.05) as (health, _, watch):
            assert not await health.wait_probed(15)
            assert health.status.problem == "refused"
            await node.start()
            await watch.until(True)
            await node.stop()
            await watch.until(False)
            assert health.status.complete_ledgers == "2-131"  # what it had is remembered
            await node.start()
            await watch.until(True)


async def test_waiting_for_the_first_answer_ends() -> None:
    async with running({"server_info": hang}) as node, health_of(node.http_url, limit=0.3) as (health, *_):
        assert not await health.wait_probed(0.05)
        assert health.status.problem == "not probed yet"
        assert not await health.wait_probed(15)
        assert health.status.problem == "timeout"


async def test_clients_refused_connections_take_it_down_immediately() -> None:
    async with running({"fee": {}}) as node, health_of(node.http_url) as (health, asked, watch):
        await health.wait_probed(15)
        await node.stop()
        for _ in range(2):
            assert isinstance(await ask_as_client(asked), NodeFailure)
        assert not health.up
        await node.start()
        await watch.until(True)  # asked again long before the interval of a minute


async def test_a_clients_response_causes_an_immediate_probe() -> None:
    answers = {"fee": {}, "server_info": web.Response(status=503)}
    async with running(answers) as node, health_of(node.http_url) as (health, asked, watch):
        assert not await health.wait_probed(15)
        node.answers["server_info"] = {"info": INFO}
        await ask_as_client(asked)
        await watch.until(True)  # long before the interval of a minute


async def test_one_failure_does_not_take_it_down_and_one_response_not_up() -> None:
    async with running({}) as node, health_of(node.http_url, interval=0.05) as (health, _, watch):
        await health.wait_probed(15)
        outcomes = iter([False, True, False, False, True, False, True, True])

        async def flap(*_: Any) -> Any:
            return {"info": INFO} if next(outcomes, True) else web.Response(status=502)

        node.answers["server_info"] = flap
        await watch.until(False)
        assert list(outcomes) == [True, False, True, True]  # two failures one after the other
        outcomes = iter([True, False, True, True, False, False])
        await watch.until(True)
        assert list(outcomes) == [False, False]  # two answers one after the other
        assert health.up


async def test_a_probe_does_not_wait_behind_clients() -> None:
    release = asyncio.Event()

    async def wait(*_: Any) -> Any:
        await release.wait()
        return {}

    async with (
        running({"ledger": wait}) as node,
        health_of(node.http_url, interval=0.05, limit=1) as (health, asked, watch),
    ):
        await health.wait_probed(15)
        clients = [asyncio.create_task(ask_as_client(asked, "ledger")) for _ in range(20)]  # of 10 connections
        seen = len(node.requests)
        await node.until(lambda: len(node.requests) >= seen + 15)
        assert watch.reported == [("node-1", False), ("node-1", True)]
        release.set()
        await asyncio.gather(*clients)


async def test_one_slow_request_takes_a_node_from_no_other_client() -> None:
    async with running({"ledger": hang}) as node, health_of(node.http_url) as (health, asked, watch):
        await health.wait_probed(15)
        assert isinstance(await ask_as_client(asked, "ledger", seconds=0.05), NodeFailure)
        assert health.up
        await node.until(lambda: node.times("server_info") == 2)  # the probe comes immediately, and decides
        await check_stays(lambda: node.times("server_info") == 2, TWO_PROBES)
        assert [request.method for request in node.requests] == ["server_info", "ping", "ledger", "server_info"]
        assert watch.reported == [("node-1", False), ("node-1", True)]


async def test_a_node_that_hangs_is_found_by_the_first_slow_request() -> None:
    async with running({"fee": hang}) as node, health_of(node.http_url, limit=0.2) as (health, asked, watch):
        await health.wait_probed(15)
        node.answers["server_info"] = hang
        await ask_as_client(asked)
        await watch.until(False)
        assert health.status.problem == "timeout"


async def test_many_failures_cause_few_probes() -> None:
    async with running({"fee": web.Response(status=502)}) as node, health_of(node.http_url) as (health, asked, _):
        await health.wait_probed(15)
        for _ in range(100):
            await ask_as_client(asked)
        assert node.times("server_info") < 10


@pytest.mark.parametrize(
    ("version", "newest", "chosen"),
    [
        ({"version": {"first": 1, "last": 2}}, 2, 2),
        ({"version": {"first": 1, "last": 3}}, 2, 2),
        ({"version": {"first": 1, "last": 3}}, 3, 3),
        ({"version": {"first": 1, "last": 2}}, 3, 2),
        ({"version": {"first": 1, "last": 2}}, 1, 1),
        ({"version": {"first": 3, "last": 7}}, 2, 3),
        ({"version": {"first": "1.0.0", "good": "1.0.0", "last": "1.0.0"}}, 2, 1),
        ({"error": "unknownCmd", "error_code": 32}, 2, 1),
        (web.Response(status=400, text="invalid_API_version"), 2, 1),
    ],
)
async def test_auto_finds_the_version(version: Any, newest: int, chosen: int) -> None:
    async with (
        running({"version": version}) as node,
        health_of(node.http_url, api_version=None, newest=newest) as (health, *_),
    ):
        assert await health.wait_probed(15)
        assert health.api_version == chosen
        assert asked_of(node) == [("version", 2), ("server_info", chosen), ("ping", chosen)]


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        (
            {"version": {"first": 98, "last": 99}},
            f"supports API versions 98 to 99 only, and {VERSIONS.newest} is the highest supported here",
        ),
        ({"version": {"first": 2, "last": 1}}, "returns no range to version"),
        ({"version": {"first": True, "last": 2}}, "returns no range to version"),
        ({}, "returns no range to version"),
        ({"error": "tooBusy"}, "returns tooBusy to version"),
        (web.Response(status=503, text="Server is overloaded"), "returns HTTP 503 without JSON"),
    ],
)
async def test_auto_does_not_guess(version: Any, problem: str) -> None:
    async with running({"version": version}) as node, health_of(node.http_url, api_version=None) as (health, *_):
        assert not await health.wait_probed(15)
        assert health.api_version is None
        assert health.status.problem == problem


async def test_auto_asks_again_after_the_node_was_away() -> None:
    async with (
        running({"version": {"version": {"first": 1, "last": 2}}}) as node,
        health_of(node.http_url, api_version=None, newest=3, interval=0.05) as (health, _, watch),
    ):
        await health.wait_probed(15)
        assert health.status.api_version == 2
        await node.stop()
        await watch.until(False)
        node.answers["version"] = {"version": {"first": 1, "last": 3}}
        await node.start()
        await watch.until(True)
        assert health.status.api_version == 3


async def test_auto_follows_a_node_that_changes_while_it_is_up() -> None:
    answers = {"version": {"version": {"first": 1, "last": 2}}}
    async with (
        running(answers) as node,
        health_of(node.http_url, api_version=None, newest=3, interval=60) as (health, asked, watch),
    ):
        await health.wait_probed(15)
        assert health.api_version == 2
        node.answers["version"] = {"version": {"first": 1, "last": 3}}
        node.answers["fee"] = web.Response(status=400, text="invalid_API_version")
        await ask_as_client(asked)  # what the node no longer speaks makes the question come at once
        await health.probe_now(asyncio.get_running_loop().time() + 2)
        assert health.api_version == 3
        assert watch.reported == [("node-1", False), ("node-1", True)]


async def test_a_node_too_busy_to_report_its_version_keeps_its_last_one() -> None:
    answers = {"version": {"version": {"first": 1, "last": 2}}}
    async with (
        running(answers) as node,
        health_of(node.http_url, api_version=None, interval=0.05) as (health, _, watch),
    ):
        await health.wait_probed(15)
        node.answers["version"] = {"error": "tooBusy"}
        seen = len(node.requests)
        await node.until(lambda: len(node.requests) >= seen + 6)
        assert (health.up, health.api_version) == (True, 2)
        assert watch.reported == [("node-1", False), ("node-1", True)]


async def test_nothing_runs_after_close() -> None:
    before = asyncio.all_tasks()
    async with running({}) as node:
        async with health_of(node.http_url, interval=0.01) as (health, *_):
            await health.wait_probed(15)
        asked = len(node.requests)
        await check_stays(lambda: len(node.requests) == asked, 0.05)
    assert asyncio.all_tasks() == before


NAMES = ["result", "info", "version", "first", "last", "error", "validated_ledger", "seq"]


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=5),
    nested,
    max_leaves=12,
)


@given(JSON, st.sampled_from(VERSIONS.known))
def test_any_answer_to_version_gives_a_known_version_or_a_reason(answer: Any, newest: int) -> None:
    chosen, problem = choose_version(NodeResponse(200, "application/json", orjson.dumps(answer)), newest)
    assert chosen in VERSIONS.known if not problem else chosen is None


async def test_any_answer_to_server_info_leaves_the_health_task_alive() -> None:
    answers: list[Any] = [
        {"info": None},
        {"info": {"validated_ledger": 3}},
        {"info": {"validated_ledger": {"seq": "131", "age": 1.5}, "complete_ledgers": None}},
        {"error": 7},
        {"error": None, "info": []},
    ]

    async def next_answer(*_: Any) -> Any:
        return answers.pop() if answers else {"info": INFO}

    async with running({"server_info": next_answer}) as node, health_of(node.http_url, interval=0.01) as (health, *_):
        await node.until(lambda: len(node.requests) >= 9)
        assert health.up
        assert health.status.validated_ledger == 131
