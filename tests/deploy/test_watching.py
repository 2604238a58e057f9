"""A real Prometheus scrapes a running proxy: what the dashboard asks has answers, and alerts fire for their causes."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from yarl import URL

from proxy.server.proxy import Proxy
from tests.support.certificates import Certificate
from tests.support.conformance import recorded_stream
from tests.support.installed import running, said
from tests.support.queries import RULES, all_series, dashboard_queries, dashboard_variables, rules
from tests.support.start import StartNode, StartProxy

pytestmark = pytest.mark.slow  # alerts take their time to fire in a real Prometheus

SECONDS = 20
ALICE = {"account": "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"}


class Prometheus:
    """A running Prometheus, asked over its HTTP API."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of an expression, one `{"metric", "value"}` for each series."""
        async with self._http.get(f"{self._url}/api/v1/query", params={"query": expression}) as response:
            answer = await response.json()
        assert answer["status"] == "success", (expression, answer)
        vector: list[dict[str, Any]] = answer["data"]["result"]
        return vector

    async def traces(self, series: str) -> set[str]:
        """The ids of the traces that the exemplars of a series name."""
        url, now = f"{self._url}/api/v1/query_exemplars", time.time()
        params: dict[str, str | float] = {"query": series, "start": now - 60, "end": now + 1}
        async with self._http.get(url, params=params) as response:
            answer = await response.json()
        assert answer["status"] == "success", answer
        return {each["labels"]["trace_id"] for found in answer["data"] for each in found["exemplars"]}

    async def label_values(self, series: str, label: str) -> list[str]:
        """What Grafana offers for a variable with the query `label_values(series, label)`."""
        url = f"{self._url}/api/v1/label/{label}/values"
        async with self._http.get(url, params={"match[]": series}) as response:
            answer = await response.json()
        assert answer["status"] == "success", (series, answer)
        values: list[str] = answer["data"]
        return values

    async def firing(self) -> set[tuple[str, str]]:
        """Which alerts fire, each with the node that it is about, or ""."""
        found = await self.query('ALERTS{alertstate="firing"}')
        return {(alert["metric"]["alertname"], alert["metric"].get("node", "")) for alert in found}

    async def looks(self) -> float:
        """How often the proxy has been scraped."""
        found = await self.query('count_over_time(up{job="xrpl-version-proxy"}[1h])')
        return float(found[0]["value"][1]) if found else 0


@asynccontextmanager
async def prometheus(folder: Path, proxy: Proxy) -> AsyncIterator[Prometheus]:
    """A Prometheus that looks twice a second, with the rules as they are but for their patience, which is a second."""
    quick = yaml.safe_load(RULES.read_text())
    for group in quick["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = "1s"
    (folder / "rules.yaml").write_text(yaml.safe_dump(quick))
    configuration = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {
                "job_name": "xrpl-version-proxy",
                "static_configs": [
                    # The operator adds the namespace in a cluster.
                    {"targets": [proxy.observe_url.removeprefix("http://")], "labels": {"namespace": "xrpl"}}
                ],
            },
        ],
    }
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(configuration))
    options = [f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}", "--web.listen-address=127.0.0.1:0"]
    options.append("--enable-feature=exemplar-storage")
    async with running("prometheus", *options) as process, aiohttp.ClientSession() as http:
        line = await said(process, 'msg="Listening on"')
        found = re.search(r"address=(\S+)", line)
        assert found, line
        await said(process, "Server is ready")
        yield Prometheus(f"http://{found[1]}", http)


async def becomes(check: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What `check` finds, as soon as it is as `wanted`; after a time, whatever it is then."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SECONDS
    while True:
        found = await check()
        if wanted(found) or loop.time() > deadline:
            return found
        await asyncio.sleep(0.2)


async def post(http: aiohttp.ClientSession, proxy: Proxy, method: str, **params: Any) -> None:
    """Asks over HTTP; whatever is answered will do."""
    async with http.post(proxy.http_url, json={"method": method, "params": [params]}) as response:
        await response.read()


async def drive(proxy: Proxy) -> None:
    """One round of clients of all kinds: both versions, both transports, a few who ask for what is not served."""
    async with aiohttp.ClientSession() as http:
        for _ in range(10):
            for version in (1, 2):
                await post(http, proxy, "account_info", **ALICE, api_version=version)
                await post(http, proxy, "server_info", api_version=version)
        await post(http, proxy, "account_info", **ALICE, api_version=99)
        await post(http, proxy, "peers", api_version=2)
        for client in ("1", "2"):
            request = recorded_stream("streams", "1" if client == "1" else "2")["request"]
            async with http.ws_connect(proxy.http_url) as session:
                await session.send_json(request)
                for _ in range(3):
                    await session.receive_json(timeout=SECONDS)
                await session.send_json({"id": 2, "command": "account_info", **ALICE, "api_version": int(client)})


@asynccontextmanager
async def driven(proxy: Proxy) -> AsyncIterator[None]:
    """Clients that come and go, for as long as the block runs."""

    async def rounds() -> None:
        while True:
            await drive(proxy)
            await asyncio.sleep(0.2)

    async with aiohttp.ClientSession() as http, http.ws_connect(proxy.http_url) as stays:
        await stays.send_json({"id": 1, "command": "account_info", **ALICE, "api_version": 1})
        await stays.receive_json(timeout=SECONDS)
        task = asyncio.create_task(rounds())
        try:
            yield
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def misbehave(tls_port: int, port: int) -> None:
    """Speaks plainly to a port for TLS, and begins a request that it does not go on with."""
    _, plain = await asyncio.open_connection("127.0.0.1", tls_port)
    plain.write(b"GET / HTTP/1.1\r\n\r\n")
    slow_reader, slow = await asyncio.open_connection("127.0.0.1", port)
    slow.write(b"POST / HT")
    await asyncio.wait_for(slow_reader.read(), SECONDS)
    for writer in (plain, slow):
        writer.close()
        await writer.wait_closed()


async def test_every_query_is_answered_and_no_alert_fires(
    demo_node: StartNode, proxy: StartProxy, tmp_path: Path, certificate: Certificate, unused_tcp_port: int
) -> None:
    tls = {"certificate": str(certificate.certificate), "key": str(certificate.key)}
    listen = [{"host": "127.0.0.1", "port": 0}, {"host": "127.0.0.1", "port": unused_tcp_port, "tls": tls}]
    served = await proxy(await demo_node(2), await demo_node(2), listen=listen, timeouts={"request_head": 0.5})
    async with prometheus(tmp_path, served) as watcher, driven(served):
        await misbehave(unused_tcp_port, URL(served.http_url).port or 0)

        async def unanswered() -> list[str]:
            series = sorted(name for name in all_series() if not name.startswith("xrpl_proxy_workers"))
            asked = [*dashboard_queries(), *series, *recorded()]
            return [expression for expression in asked if not await watcher.query(expression)]

        assert await becomes(unanswered, lambda found: not found) == []
        assert dashboard_variables().keys() == {"job", "namespace", "instance", "method"}
        for name, (series, label) in dashboard_variables().items():
            assert await watcher.label_values(series, label), name
        # With all series there, each rule has had what it needs to fire: it is looked at some times more.
        before = await watcher.looks()
        await becomes(watcher.looks, lambda now: now > before + 6)
        assert await watcher.query("ALERTS") == []


def recorded() -> list[str]:
    return [rule["record"] for rule in rules() if "record" in rule]


async def test_alerts_fire_for_their_causes(demo_node: StartNode, proxy: StartProxy, tmp_path: Path) -> None:
    first, second = await demo_node(2), await demo_node(2)
    served = await proxy(first, second, timeouts={"health_interval": 0.2, "connect": 1})
    async with prometheus(tmp_path, served) as watcher, aiohttp.ClientSession() as http:
        await drive(served)

        async def firing_while_asked(version: int) -> set[tuple[str, str]]:
            for _ in range(20):
                await post(http, served, "account_info", **ALICE, api_version=version)
            return await watcher.firing()

        ready = 'min(xrpl_proxy_ready{job="xrpl-version-proxy"}) == 1'
        assert await becomes(lambda: watcher.query(ready), bool)
        # Until it has been scraped for the first time, the proxy counts as down.
        assert await becomes(watcher.firing, lambda found: not found) == set()

        await second.stop()
        alone = {("XrplProxyNodeDown", "node-2")}
        assert await becomes(watcher.firing, alone.issubset) == alone

        refusing = alone | {("XrplProxyVersionRefusals", "")}
        assert await becomes(lambda: firing_while_asked(99), refusing.issubset) == refusing

        await first.stop()
        dead = alone | {("XrplProxyNodeDown", "node-1"), ("XrplProxyNoReadyNode", ""), ("XrplProxyFailures", "")}
        assert await becomes(lambda: firing_while_asked(2), dead.issubset) >= dead

        await served.stop()
        gone = {("XrplProxyDown", "")}
        assert await becomes(watcher.firing, gone.issubset) >= gone


async def test_exemplars_name_the_traces_of_requests(
    demo_node: StartNode, proxy: StartProxy, tmp_path: Path, unused_tcp_port: int
) -> None:
    nowhere = {"endpoint": f"http://127.0.0.1:{unused_tcp_port}/v1/traces"}
    served = await proxy(await demo_node(2), tracing=nowhere)
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with prometheus(tmp_path, served) as watcher, aiohttp.ClientSession() as http:
        body, headers = {"method": "fee"}, {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        async with http.post(served.http_url, json=body, headers=headers) as response:
            assert response.status == 200
        series = "xrpl_proxy_request_duration_seconds_bucket"
        assert await becomes(lambda: watcher.traces(series), {trace}.issubset) == {trace}
