"""The page on the observe address: what it tells, in a real browser, and the JSON that it is made from."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.config import Settings
from proxy.nodes.readiness import Readiness
from proxy.observe.summary import Summary
from proxy.server.proxy import Proxy
from proxy.telemetry.client_usage import ClientUsage
from proxy.telemetry.metrics import Metrics
from proxy.versions.negotiation import VersionRange
from tests.support.browser import browser
from tests.support.client import ask
from tests.support.start import StartNode, StartProxy

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
SUNSET = {"version": 1, "date": "2099-06-30", "refuse": True}


async def summary(proxy: Proxy) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{proxy.observe_url}/summary") as answer:
        assert answer.status == 200
        reported: dict[str, Any] = await answer.json()
        return reported


async def drive(proxy: Proxy, *, old: int, new: int) -> None:
    for version, count in ((1, old), (2, new)):
        for _ in range(count):
            await ask(proxy, "account_info", version, account=ALICE)


async def refused(proxy: Proxy) -> None:
    async with aiohttp.ClientSession() as http:
        for params in ({"api_version": 9}, {"api_version": 2}):
            async with http.post(proxy.http_url, json={"method": "peers", "params": [params]}) as answer:
                assert answer.status in (400, 403)


async def test_the_summary_shows_the_load(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2), versions={"sunset": [SUNSET], "dry_run_refuse": [1]})
    await drive(served, old=3, new=5)
    await refused(served)
    async with aiohttp.ClientSession() as http, http.ws_connect(served.http_url) as socket:
        await socket.send_json({"id": 1, "command": "subscribe", "streams": ["ledger"], "api_version": 2})
        await socket.receive_json(timeout=10)
        reported = await summary(served)
    assert reported["ready"] is True
    assert reported["draining"] is False
    assert reported["versions"] == {
        "min": 1,
        "max": 2,
        "requests": {"1": 3, "2": 6, "none": 2},
        "refused": {"above_maximum": 1},
        "would_refuse": {"1": 3},
        "dry_run_refuse": [1],
        "sunset": [SUNSET],
    }
    assert reported["methods"][0] == {"method": "account_info", "requests": 8, "by_version": {"1": 3, "2": 5}}
    assert reported["outcomes"] == {"success": 9, "refused": 2}
    assert reported["refusals"] == {"version": 1, "forbidden": 1}
    assert reported["sessions"] == {"2": 1}
    assert reported["subscriptions"] == {"ledger": 1}
    assert [(node["name"], node["healthy"]) for node in reported["nodes"]] == [("node-1", True)]
    assert reported["history"][-1]["requests"] == reported["versions"]["requests"]


async def test_the_history_has_what_was_counted_between_its_entries() -> None:
    metrics = Metrics("1")
    settings = Settings.model_validate({"nodes": [{"name": "a", "http": "http://a"}]})
    now = 1000.0
    callers = ClientUsage("off", 24, 10, (), lambda: now)
    reported = Summary(
        "1", metrics, lambda: settings, lambda: VersionRange(1, 2), lambda: Readiness(()), lambda: callers, lambda: now
    )

    def asked(version: int, count: int) -> None:
        for _ in range(count):
            metrics.request("http", "tx", version, 2, "success", 0.1)

    asked(1, 3)
    reported.write_history()
    now = 1300.0
    asked(1, 1)
    asked(2, 2)
    reported.write_history()
    asked(2, 4)
    now = 1310.0
    assert reported.to_json()["history"] == [
        {"time": 1000.0, "requests": {"1": 3}},
        {"time": 1300.0, "requests": {"1": 1, "2": 2}},
        {"time": 1310.0, "requests": {"2": 4}},
    ]
    for _ in range(400):
        reported.write_history()
    assert len(reported.to_json()["history"]) == 289


async def test_the_page_loads_nothing_from_elsewhere(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2))
    async with aiohttp.ClientSession() as http, http.get(f"{served.observe_url}/") as answer:
        page = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "://" not in page
    assert "src=" not in page


@pytest.mark.timeout(120)
async def test_a_browser_shows_what_was_driven_and_keeps_up(
    demo_node: StartNode, proxy: StartProxy, tmp_path: Path
) -> None:
    node = await demo_node(2)
    served = await proxy(
        node, versions={"sunset": [SUNSET]}, timeouts={"health_interval": 0.2}, health={"failures": 1, "timeout": 1}
    )
    await drive(served, old=3, new=5)
    await refused(served)
    async with browser(tmp_path) as window:
        await window.open(f"{served.observe_url}/")
        versions = await window.becomes("#versions", lambda text: "version 1" in text)
        rows = [line.split("\t") for line in versions.splitlines()]
        assert rows[1] == ["version 1", "3", "30.0 %", "30.0 %"]
        assert rows[2] == ["version 2", "5", "50.0 %", "50.0 %"]
        assert await window.text("#state") == "ready"
        assert "Version 1 ends on 2099-06-30 and is refused from then on." in await window.text("#going")
        assert "node-1\tin rotation\t2\tfull" in await window.text("#nodes")
        assert "account_info\t8\t37.5 %" in await window.text("#methods")
        assert "version\t1" in await window.text("#refusals")

        # What does not change is left alone, so that an operator can select and copy it.
        await window.run("getSelection().selectAllChildren(document.querySelector('#top td'))")
        await drive(served, old=0, new=7)
        async with aiohttp.ClientSession() as http, http.ws_connect(served.http_url) as socket:
            await socket.send_json({"id": 1, "command": "fee", "api_version": 2})
            await socket.receive_json(timeout=10)
            assert "version 2\t1" in await window.becomes("#sessions", lambda text: "version 2" in text)
        later = await window.becomes("#versions", lambda text: "version 2\t13" in text)
        assert "version 1\t3\t16.7 %" in later
        assert await window.run("return getSelection().toString()") == "127.0.0.1"

        await node.stop()
        assert await window.becomes("#state", lambda text: text != "ready") == "not ready: no node is available"
        assert "node-1\tdown" in await window.text("#nodes")

        assert await window.complaints() == []
        await served.stop()
        assert "no response from the proxy" in await window.becomes("#state", lambda text: "no response" in text)
