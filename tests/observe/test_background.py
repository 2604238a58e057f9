"""Nothing on the observe address blocks the event loop: what is large is built in a thread."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import orjson
import pytest
from aiohttp.web_protocol import RequestHandler

from proxy.envelope.methods import KNOWN_METHODS
from proxy.nodes.readiness import Readiness
from proxy.observe.aggregate import AggregateServer
from proxy.observe.background import Background
from proxy.observe.clients import NDJSON, ClientsPage
from proxy.observe.server import ObserveServer
from proxy.telemetry.client_usage import ClientIdentity, ClientUsage
from proxy.telemetry.metrics import Metrics

CALLERS = 10_000
MOST = 0.05
"""Seconds of the loop's own processor time between two turns of it."""


class LoopMonitor:
    """Measures the processor time that the event loop's thread spends between two of its turns."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.thread_time()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(0.002)
            now = time.thread_time()
            self.longest = max(self.longest, now - self._last)
            self._last = now

    async def stop(self) -> float:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        return self.longest


def many_callers() -> ClientUsage:
    usage = ClientUsage("full", 24, CALLERS, (), time.time)
    for number in range(CALLERS):
        caller = ClientIdentity(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", f"client/{number}")
        for method in ("account_info", "account_tx", "tx", "ledger", "fee"):
            usage.record(caller, "http", 1 + number % 2, method)
    return usage


def many_series() -> Metrics:
    metrics = Metrics("1")
    for transport in ("http", "ws"):
        for method in KNOWN_METHODS:
            for version in (1, 2):
                metrics.request(transport, method, version, 2, "success", 0.1)
    return metrics


@asynccontextmanager
async def observing_many() -> AsyncIterator[str]:
    usage = many_callers()
    server = ObserveServer(
        "127.0.0.1",
        0,
        version="1",
        metrics=many_series(),
        readiness=lambda: Readiness(()),
        pages={"/clients": ClientsPage(lambda: usage, frozenset).serve},
    )
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


@pytest.mark.parametrize("path", ["/clients", "/metrics"])
async def test_a_large_response_does_not_block_the_loop(path: str) -> None:
    async with observing_many() as url, aiohttp.ClientSession() as http:
        monitor = LoopMonitor()
        body = b""
        async with http.get(url + path) as answer:  # read in pieces: joining them is this test's own work
            async for piece in answer.content.iter_any():
                body += piece if path == "/metrics" else piece[-20:]
        assert await monitor.stop() < MOST
        assert b"xrpl_proxy_requests_total" in body or body.endswith(b'"evicted":0}')


async def test_the_supervisor_merges_workers_without_blocking_its_loop() -> None:
    async with observing_many() as one, observing_many() as other, aiohttp.ClientSession() as http:
        whole = AggregateServer(
            "127.0.0.1", 0, version="1", wanted=2, workers=lambda: [one, other], draining=lambda: False
        )
        await whole.start()
        try:
            for path in ("/clients?version=1", "/metrics"):
                monitor = LoopMonitor()
                async with http.get(whole.url + path) as answer:
                    assert answer.status == 200
                    async for _ in answer.content.iter_any():
                        pass
                assert await monitor.stop() < MOST, path
        finally:
            await whole.stop()


async def test_scrapes_in_a_loop_leave_the_event_loop_most_of_the_time() -> None:
    """A response that follows another one starts twice as long after that as it took."""
    loop = asyncio.get_running_loop()
    background = Background()
    started, ended = [], []

    def build() -> None:
        started.append(loop.time())
        time.sleep(0.02)
        ended.append(loop.time())

    await asyncio.gather(*(background.run(build) for _ in range(4)))
    background.close()
    assert len(started) == 4
    for begun, end, following in zip(started, ended, started[1:], strict=False):
        assert following - end >= 2 * (end - begun)


async def test_almost_nothing_of_a_body_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request has one: of 3 MB in one-byte chunks a few kilobytes are parsed before the connection is closed."""
    parsed: list[int] = []
    receive = RequestHandler.data_received

    def count(self: RequestHandler, data: bytes) -> None:
        parsed.append(len(data))
        receive(self, data)

    monkeypatch.setattr(RequestHandler, "data_received", count)
    async with observing_many() as url:
        reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"))
        writer.write(b"POST /ready HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"1\r\nx\r\n" * 500_000)
        with suppress(ConnectionError):
            while piece := await reader.read(65_536):
                assert piece.startswith(b"HTTP/1.1 413 ")
        writer.close()
        async with aiohttp.ClientSession() as http, http.get(f"{url}/health") as answer:
            assert answer.status == 200
    assert max(parsed) <= 16_384
    assert sum(parsed) <= 65_536


async def test_workers_are_read_line_by_line() -> None:
    async with observing_many() as url, aiohttp.ClientSession() as http:
        async with http.get(f"{url}/clients?version=2", headers={"Accept": NDJSON}) as answer:
            lines = (await answer.read()).splitlines()
        async with http.get(f"{url}/clients?version=2") as answer:
            whole = orjson.loads(await answer.read())
    assert orjson.loads(lines[0]) == {"keep": "full", "hours": 24, "evicted": 0}
    assert [orjson.loads(line) for line in lines[1:]] == whole["callers"]
    assert len(whole["callers"]) == CALLERS / 2
