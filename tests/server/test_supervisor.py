"""Several workers at one port: what clients and operators see of them, also when one dies."""

import asyncio
import os
import re
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from proxy.observe.aggregate import AggregateServer
from proxy.observe.merged_metrics import merged
from tests.support.conformance import (
    VERSIONS,
    cases,
    compare_http,
    compare_stream,
    compare_websocket,
    recorded_stream,
)
from tests.support.process import Process
from tests.support.processes import free_port, two_workers
from tests.support.start import StartNode

SILENT_FOR = 2.5
"""Seconds, by the clock, after which a worker that is silent would be killed: see tests.support.impatient."""
METRICS = "# TYPE level gauge\nlevel 3\n# TYPE x counter\nx_total 2\n"


async def ask(port: int) -> dict[str, Any]:
    """One request on a connection of its own, which any worker may take."""
    body = {"method": "account_info", "params": [{"account": "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"}]}
    async with aiohttp.ClientSession() as http, http.post(f"http://127.0.0.1:{port}/", json=body) as response:
        answer: dict[str, Any] = await response.json()
        return answer["result"]  # type: ignore[no-any-return]


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        return response.status, await response.text()


async def refused_version_1(port: int) -> None:
    for _ in range(10):
        async with aiohttp.ClientSession() as http:
            response = await http.post(f"http://127.0.0.1:{port}/", json={"method": "fee"})
            assert response.status == 400


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(15):
        while not await true():  # noqa: ASYNC110 - of another process nothing tells
            await asyncio.sleep(0.05)


async def both_started(process: Process) -> dict[str, Any]:
    """The supervisor's line, once each worker has logged that it serves: at times only after the supervisor knows."""
    await process.line("started", 2)
    return await process.line("workers_started")


def workers_of(process: Process) -> list[int]:
    """The processes that serve; not the one that multiprocessing starts for itself."""
    pid = process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(each) for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def stands_still(pid: int) -> bool:
    return "State:\tT" in Path(f"/proc/{pid}/status").read_text()


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Stops a process, until the block ends, as one that hangs would."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def test_all_workers_answer_and_their_metrics_are_one(demo_node: StartNode, tmp_path: Path) -> None:
    port = free_port()
    async with Process(tmp_path, two_workers(await demo_node(), port)) as process:
        observe = (await process.line("workers_started"))["observe"]
        for _ in range(30):
            assert (await ask(port))["status"] == "success"
        _, text = await get(f"{observe}/metrics")
        assert 'method="account_info",node_version="2",outcome="success",transport="http"} 30.0' in text
        assert "xrpl_proxy_workers 2.0" in text
        assert "xrpl_proxy_workers_wanted 2.0" in text
        status, ready = await get(f"{observe}/ready")
        assert status == 200
        assert '"workers":{"serving":2,"wanted":2}' in ready
        process.send(signal.SIGTERM)
        assert await process.ended() == 0
    with pytest.raises(aiohttp.ClientConnectionError):
        await ask(port)


async def test_every_answer_and_every_message_is_the_native_one(demo_node: StartNode, tmp_path: Path) -> None:
    node, port = await demo_node(2), free_port()
    async with Process(tmp_path, two_workers(node, port, versions=VERSIONS, logging={"requests": "off"})) as process:
        await process.line("workers_started")
        url = f"http://127.0.0.1:{port}/"
        by_http = await compare_http(url, cases("http", "1", "public"))
        by_websocket = await compare_websocket(url, cases("ws", "1", "public"))
        pushed = await compare_stream(url, recorded_stream("streams", "1"))
    for report in (by_http, by_websocket, pushed):
        assert not report.differing, str(report)
    assert node.misses == []


async def test_one_that_dies_is_replaced_and_the_others_serve(demo_node: StartNode, tmp_path: Path) -> None:
    port = free_port()
    async with Process(tmp_path, two_workers(await demo_node(), port)) as process:
        observe = (await process.line("workers_started"))["observe"]
        dead = workers_of(process)[0]
        os.kill(dead, signal.SIGKILL)
        assert (await process.line("worker_exited"))["status"] == -signal.SIGKILL
        for _ in range(10):
            assert (await ask(port))["status"] == "success"

        async def two_again() -> bool:
            return '"serving":2' in (await get(f"{observe}/ready"))[1]

        await until(two_again)
        assert dead not in workers_of(process)
        assert "xrpl_proxy_workers_ended_total 1.0" in (await get(f"{observe}/metrics"))[1]


async def test_one_that_hangs_is_replaced(demo_node: StartNode, tmp_path: Path) -> None:
    port = free_port()
    async with Process(tmp_path, two_workers(await demo_node(), port), module="tests.support.impatient") as process:
        await both_started(process)
        hangs, other = workers_of(process)
        with standing_still(hangs):
            assert (await process.line("worker_hung"))["seconds"] == 2
            assert (await process.line("worker_exited"))["status"] == -signal.SIGKILL
        await process.line("started", 3)
        assert hangs not in workers_of(process)
        assert other in workers_of(process)
        for _ in range(10):
            assert (await ask(port))["status"] == "success"


async def test_no_worker_is_killed_because_the_supervisor_was_stopped(demo_node: StartNode, tmp_path: Path) -> None:
    settings_of_two = two_workers(await demo_node(), free_port())
    async with Process(tmp_path, settings_of_two, module="tests.support.impatient") as process:
        await process.line("workers_started")
        workers = workers_of(process)
        process.send(signal.SIGSTOP)
        await asyncio.sleep(SILENT_FOR)
        process.send(signal.SIGCONT)
        process.send(signal.SIGHUP)
        await process.line("reloaded", 2)
        assert workers_of(process) == workers


async def test_no_counter_goes_back_when_one_is_silent_or_dies(demo_node: StartNode, tmp_path: Path) -> None:
    port = free_port()
    async with Process(tmp_path, two_workers(await demo_node(), port)) as process:
        observe = (await both_started(process))["observe"]

        async def counted() -> list[str]:
            series = r"^xrpl_proxy_request(?:s_total|_duration_seconds_count){.*} (\S+)$"
            return re.findall(series, (await get(f"{observe}/metrics"))[1], re.MULTILINE)

        async def all_are() -> bool:
            return await counted() == ["30.0", "30.0"]

        async def one_more_is() -> bool:
            return await counted() == ["31.0", "31.0"]

        for _ in range(30):
            await ask(port)
        await until(all_are)
        silent, dies = workers_of(process)
        with standing_still(silent):
            assert await all_are()
        os.kill(dies, signal.SIGKILL)
        await process.line("worker_exited")
        assert await all_are()
        await process.line("started", 3)
        assert await all_are()
        await ask(port)
        await until(one_more_is)


async def test_a_worker_whose_metrics_fail_counts_with_its_last_ones() -> None:
    """Its gauges too, until it ends."""
    status = 200

    async def tell(_: web.Request) -> web.Response:
        return web.Response(status=status, text=METRICS if status == 200 else "500 Internal Server Error")

    app = web.Application()
    app.router.add_get("/metrics", tell)
    async with TestServer(app) as server:
        living = [str(server.make_url("")).rstrip("/")]
        whole = AggregateServer("127.0.0.1", 0, version="1", wanted=1, workers=lambda: living, draining=lambda: False)
        await whole.start()
        try:
            assert await lines_of(whole) == ["level 3.0", "x_total 2.0", "xrpl_proxy_workers 1.0"]
            status = 500
            assert await lines_of(whole) == ["level 3.0", "x_total 2.0", "xrpl_proxy_workers 0.0"]
            living.clear()
            whole.worker_exited()
            for _ in range(2):
                assert await lines_of(whole) == ["x_total 2.0", "xrpl_proxy_workers 0.0"]
        finally:
            await whole.stop()


async def lines_of(whole: AggregateServer) -> list[str]:
    _, text = await get(f"{whole.url}/metrics")
    return [line for line in text.splitlines() if line.startswith(("level", "x_", "xrpl_proxy_workers "))]


async def test_a_reload_reaches_all(demo_node: StartNode, tmp_path: Path) -> None:
    node, port = await demo_node(), free_port()
    async with Process(tmp_path, two_workers(node, port)) as process:
        await both_started(process)
        process.write(two_workers(node, port, versions={"min": 2, "max": 2}))
        process.send(signal.SIGHUP)
        await process.line("reloaded", 2)
        await refused_version_1(port)
        os.kill(workers_of(process)[0], signal.SIGKILL)
        await process.line("started", 3)  # the one in its place has the new configuration as well
        await refused_version_1(port)


async def test_keys_that_need_a_restart_name_the_supervisor_and_the_format_of_the_log_changes(
    demo_node: StartNode, tmp_path: Path
) -> None:
    node, port = await demo_node(), free_port()
    async with Process(tmp_path, two_workers(node, port)) as process:
        await process.line("workers_started")
        process.write(two_workers(node, port, tracing={"sample": 0.5}))
        process.send(signal.SIGHUP)
        required = await process.line("restart_required", 2)
        assert (required["keys"], required["pid"]) == (["tracing"], process.pid)
        process.write(two_workers(node, port, workers=3, logging={"format": "console"}))
        process.send(signal.SIGHUP)
        await process.text(" workers_changed ")  # by the supervisor


async def test_exemplars_of_workers_are_those_of_the_whole(
    demo_node: StartNode, tmp_path: Path, unused_tcp_port: int
) -> None:
    port, trace = free_port(), "4bf92f3577b34da6a3ce929d0e0e4736"
    tracing = {"endpoint": f"http://127.0.0.1:{unused_tcp_port}/v1/traces"}
    async with Process(tmp_path, two_workers(await demo_node(), port, tracing=tracing)) as process:
        observe = (await process.line("workers_started"))["observe"]
        headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        async with aiohttp.ClientSession() as http:
            async with http.post(f"http://127.0.0.1:{port}/", json={"method": "fee"}, headers=headers) as response:
                assert response.status == 200
            accept = {"Accept": "application/openmetrics-text"}
            async with http.get(f"{observe}/metrics", headers=accept) as response:
                text = await response.text()
        assert re.search(rf'xrpl_proxy_request_duration_seconds_bucket{{.*}} 1.0 # {{trace_id="{trace}"}} ', text)


async def test_a_reload_changes_the_number_of_workers_and_their_observe_address(
    demo_node: StartNode, tmp_path: Path
) -> None:
    node, port, moved_to = await demo_node(), free_port(), free_port()
    timeouts = {"drain_delay": 0, "shutdown": 5}
    given = two_workers(node, port, timeouts=timeouts)
    url = f"http://127.0.0.1:{port}/"
    async with Process(tmp_path, given) as process, aiohttp.ClientSession() as client:
        before = (await process.line("workers_started"))["observe"]
        first = workers_of(process)
        for _ in range(20):
            assert (await ask(port))["status"] == "success"
        await get(f"{before}/metrics")
        process.write({**given, "workers": 4, "observe": {"host": "127.0.0.1", "port": moved_to}})
        process.send(signal.SIGHUP)
        assert (await process.line("workers_changed"))["count"] == 4
        observe = f"http://127.0.0.1:{moved_to}"
        assert '"workers":{"serving":4,"wanted":4}' in (await get(f"{observe}/ready"))[1]
        assert {*first} < {*workers_of(process)}
        with pytest.raises(aiohttp.ClientConnectionError):
            await get(f"{before}/ready")
        sockets = [await client.ws_connect(url) for _ in range(20)]
        process.write({**given, "workers": 1, "observe": {"host": "127.0.0.1", "port": moved_to}})
        process.send(signal.SIGHUP)
        assert (await process.line("workers_changed", 2))["count"] == 1

        async def one_is_left() -> bool:
            return len(workers_of(process)) == 1

        await until(one_is_left)
        assert {await served_or_closed(socket) for socket in sockets} <= {"served", 1001}
        assert workers_of(process)[0] in first
        ended = {line["pid"] for line in process.lines if line["event"] == "stopped"}
        assert len(ended) == 3  # each names itself: the proxy as a whole goes on
        assert not ended & {process.pid, *workers_of(process)}
        for _ in range(20):
            assert (await ask(port))["status"] == "success"
        text = (await get(f"{observe}/metrics"))[1]
        assert "xrpl_proxy_workers 1.0" in text
        assert "xrpl_proxy_workers_wanted 1.0" in text
        assert "xrpl_proxy_workers_ended_total 0.0" in text
        assert 'method="account_info",node_version="2",outcome="success",transport="http"} 40.0' in text
        assert not [line for line in process.lines if line["event"] in ("worker_exited", "workers_killed")]
        process.send(signal.SIGTERM)
        assert await process.ended() == 0


async def test_fewer_workers_lose_no_request(demo_node: StartNode, tmp_path: Path) -> None:
    """Those that drain have connections that they have not accepted yet."""
    port = free_port()
    given = two_workers(await demo_node(), port, logging={"requests": "off"}, timeouts={"drain_delay": 0})
    over = asyncio.Event()

    async def client() -> int:
        answered = 0
        while not over.is_set():
            assert (await ask(port))["status"] == "success"
            answered += 1
        return answered

    async with Process(tmp_path, {**given, "workers": 3}) as process:
        await process.line("workers_started")
        clients = [asyncio.create_task(client()) for _ in range(8)]
        process.write({**given, "workers": 1})
        process.send(signal.SIGHUP)
        await process.line("workers_changed")

        async def one_is_left() -> bool:
            return len(workers_of(process)) == 1

        await until(one_is_left)
        over.set()
        assert all(await asyncio.gather(*clients))


async def served_or_closed(session: aiohttp.ClientWebSocketResponse) -> str | int:
    """`served`, or the code that a session was closed with."""
    with suppress(aiohttp.ClientConnectionResetError):
        await session.send_json({"id": 1, "command": "fee"})
    message = await session.receive(timeout=10)
    return "served" if message.type is aiohttp.WSMsgType.TEXT else message.data


async def test_an_observe_address_that_cannot_be_had_is_no_reload(demo_node: StartNode, tmp_path: Path) -> None:
    node, port = await demo_node(), free_port()
    given = two_workers(node, port, logging={"requests": "off"})
    async with Process(tmp_path, given) as process:
        observe = (await process.line("workers_started"))["observe"]
        with socket.create_server(("127.0.0.1", 0)) as taken:
            elsewhere = {"host": "127.0.0.1", "port": taken.getsockname()[1]}
            process.write({**given, "observe": elsewhere, "versions": {"min": 2, "max": 2}})
            process.send(signal.SIGHUP)
            (problem,) = (await process.line("configuration_rejected"))["problems"]
        assert problem.startswith("observe: ")
        assert (await ask(port))["status"] == "success"  # of version 1
        assert "xrpl_proxy_config_last_reload_successful 0.0" in (await get(f"{observe}/metrics"))[1]
        process.write(given)
        process.send(signal.SIGHUP)
        await process.line("reloaded", 2)

        async def is_good() -> bool:
            return "xrpl_proxy_config_last_reload_successful 1.0" in (await get(f"{observe}/metrics"))[1]

        await until(is_good)


async def test_a_reload_reaches_one_that_is_started_meanwhile(demo_node: StartNode, tmp_path: Path) -> None:
    """With the configuration as it was, while another takes its time over the new one."""
    node, port = await demo_node(), free_port()
    async with Process(tmp_path, two_workers(node, port)) as process:
        await both_started(process)
        slow, dead = workers_of(process)
        os.kill(slow, signal.SIGSTOP)
        os.kill(dead, signal.SIGKILL)
        await process.line("worker_exited")
        process.write(two_workers(node, port, versions={"min": 2, "max": 2}))
        process.send(signal.SIGHUP)
        try:
            await process.line("started", 3)
        finally:
            os.kill(slow, signal.SIGCONT)
        await process.line("reloaded", 2)
        await refused_version_1(port)


async def test_workers_end_without_their_supervisor(demo_node: StartNode, tmp_path: Path) -> None:
    port = free_port()
    async with Process(tmp_path, two_workers(await demo_node(), port)) as process:
        await process.line("workers_started")
        workers = workers_of(process)
        process.send(signal.SIGKILL)
        await process.ended()

        async def gone() -> bool:
            return not any(is_there(pid) for pid in workers)

        await until(gone)


async def test_a_signal_to_the_process_group_is_not_taken_for_two(demo_node: StartNode, tmp_path: Path) -> None:
    """As `timeout`, a terminal or a service manager send it."""
    timeouts = {"drain_delay": 0.5}
    async with Process(tmp_path, two_workers(await demo_node(), free_port(), timeouts=timeouts)) as process:
        await process.line("workers_started")
        for worker in workers_of(process):
            os.kill(worker, signal.SIGTERM)
        process.send(signal.SIGTERM)
        assert await process.ended() == 0
    assert len({line["pid"] for line in process.lines if line["event"] == "stopped"}) == 3
    assert "stopped_forcibly" not in [line["event"] for line in process.lines]


async def test_it_can_be_stopped_while_a_worker_hangs_at_its_start(demo_node: StartNode, tmp_path: Path) -> None:
    timeouts = {"shutdown": 0.2}
    async with Process(tmp_path, two_workers(await demo_node(), free_port(), timeouts=timeouts)) as process:

        async def begun() -> bool:
            return len(workers_of(process)) == 2

        await until(begun)
        hangs = workers_of(process)[-1]
        with standing_still(hangs):

            async def hanging() -> bool:
                return stands_still(hangs)

            await until(hanging)
            process.send(signal.SIGTERM)
            assert await process.ended() == 0
        await process.line("workers_killed")
        assert not is_there(hangs)
        assert "workers_started" not in [line["event"] for line in process.lines]


async def test_a_port_of_another_is_not_shared(demo_node: StartNode, tmp_path: Path) -> None:
    node, port = await demo_node(), free_port()
    async with Process(tmp_path, two_workers(node, port)) as first:
        await first.line("workers_started")
        folder = tmp_path / "second"
        folder.mkdir()
        async with Process(folder, two_workers(node, port)) as second:
            assert await second.ended() == 1
            assert f"cannot listen at 127.0.0.1:{port}: address already in use" in second.lines[-1]["event"]


def test_metrics_are_summed_and_the_worst_gauge_wins() -> None:
    one = '# TYPE xrpl_proxy_node_up gauge\nxrpl_proxy_node_up{node="a"} 1\n# TYPE x counter\nx_total 2\n'
    other = '# TYPE xrpl_proxy_node_up gauge\nxrpl_proxy_node_up{node="a"} 0\n# TYPE x counter\nx_total 3\n'
    samples = {sample.name: sample.value for metric in merged([one, other]) for sample in metric.samples}
    assert samples == {"xrpl_proxy_node_up": 0, "x_total": 5}
