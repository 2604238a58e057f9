"""What several workers report of clients and of the essentials, merged into one report."""

from pathlib import Path
from typing import Any

import aiohttp

from proxy.observe.merging import merged_clients, merged_summary
from tests.support.process import Process
from tests.support.processes import free_port, request_from_any_worker, two_workers
from tests.support.start import StartNode
from tests.support.usage import caller


def test_a_caller_of_several_workers_stands_there_once() -> None:
    early, late = "2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z"
    head = {"keep": "full", "hours": 24}
    reported = merged_clients(
        [
            {**head, "evicted": 1, "callers": [caller("a", early, v1=2), caller("b", early, v2=1)]},
            {**head, "evicted": 2, "callers": [caller("a", late, v2=5, v1=3)]},
        ]
    )
    assert (reported["keep"], reported["hours"], reported["evicted"]) == ("full", 24, 3)
    assert [(each["user_agent"], [used["version"] for used in each["versions"]]) for each in reported["callers"]] == [
        ("a", [1, 2]),
        ("b", [2]),
    ]
    assert reported["callers"][0]["versions"][0] == {
        "version": 1,
        "would_refuse": False,
        "requests": 5,
        "first": "2026-11-21T08:00:02Z",
        "last": late,
        "transports": {"http": 5},
        "paths": {"/v2": 5},
        "changed_methods": {"tx": 5},
    }


def summary(ready: bool, count: int, history: list[dict[str, Any]]) -> dict[str, Any]:
    counts = {"requests": {"1": count}, "refused": {}, "would_refuse": {}}
    return {
        "version": "1",
        "seconds": count,
        "ready": ready,
        "draining": False,
        "in_flight": count,
        "configuration": {"in_force": ready, "listeners": []},
        "versions": {"min": 1, "max": 2, "sunset": [], **counts},
        "history": history,
        "outcomes": {"success": count},
        "nodes": [{"name": "a", "healthy": ready}],
        "sessions": {},
        "subscriptions": {},
        "methods": [{"method": "tx", "requests": count, "by_version": {"1": count}}],
        "refusals": {"version": count},
    }


def test_counts_are_added_up_and_nodes_are_those_of_a_ready_worker() -> None:
    def entry(time: float, **requests: int) -> dict[str, Any]:
        return {"time": time, "requests": {key.removeprefix("v"): count for key, count in requests.items()}}

    reported = merged_summary(
        [
            summary(False, 2, [entry(300, v1=2), entry(600, v1=3)]),
            summary(True, 3, [entry(601, v2=4)]),
        ]
    )
    assert reported["ready"] is True
    assert reported["nodes"] == [{"name": "a", "healthy": True}]
    assert reported["configuration"]["in_force"] is False
    assert reported["versions"]["requests"] == {"1": 5}
    assert reported["history"] == [entry(300, v1=2), entry(601, v1=3, v2=4)]
    assert reported["methods"] == [{"method": "tx", "requests": 5, "by_version": {"1": 5}}]
    assert (reported["in_flight"], reported["seconds"], reported["refusals"]) == (5, 3, {"version": 5})


async def test_two_workers_report_one_client_as_one(demo_node: StartNode, tmp_path: Path) -> None:
    port = free_port()
    async with Process(tmp_path, two_workers(await demo_node(), port)) as process:
        observe = (await process.line("workers_started"))["observe"]
        await request_from_any_worker(port, 20, "old", "fee")
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{observe}/clients?version=1") as answer:
                (one,) = (await answer.json())["callers"]
            async with http.get(f"{observe}/summary") as answer:
                reported = await answer.json()
            async with http.get(f"{observe}/") as answer:
                assert "<title>XRPL version proxy</title>" in await answer.text()
            async with http.get(f"{observe}/clients?version=x") as answer:
                assert answer.status == 400
    assert (one["user_agent"], one["versions"][0]["requests"]) == ("old", 20)
    assert reported["versions"]["requests"] == {"1": 20}
    assert reported["ready"] is True
