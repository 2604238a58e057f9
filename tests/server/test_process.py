"""How the proxy ends: nobody is cut off who could have been finished with, and nothing holds it up for ever."""

import asyncio
import signal
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.support.listeners import FEE, ask
from tests.support.process import Process
from tests.support.raw_client import RawClient, post
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy


@pytest.fixture
def given(node: ScriptedNode) -> dict[str, Any]:
    return {"nodes": [node.settings(websocket=node.websocket_url)], "logging": {"requests": "off"}}


async def test_sigterm_finishes_requests_in_flight_and_closes_sessions(
    node: ScriptedNode, given: dict[str, Any], tmp_path: Path
) -> None:
    go_on = asyncio.Event()

    async def slow(*_: Any) -> dict[str, Any]:
        await go_on.wait()
        return {"late": True}

    node.answers["ledger"] = slow
    async with Process(tmp_path, given) as process, aiohttp.ClientSession() as client:
        url = (await process.line("started"))["listen"][0]
        async with client.ws_connect(url) as session, RawClient(url) as idle, RawClient(url) as busy:
            await idle.send(post(FEE))
            assert b"Connection: close" not in await idle.head()
            await busy.send(post({"method": "ledger"}))
            await node.until(lambda: node.times("ledger") == 1)
            process.send(signal.SIGTERM)
            assert (await session.receive(timeout=5)).data == 1001
            await idle.rest()
            with pytest.raises(aiohttp.ClientConnectorError):
                await ask(url)
            go_on.set()
            answer = await busy.rest()
            assert b"Connection: close" in answer
            assert b'"late":true' in answer
            assert await process.ended() == 0
            assert process.lines[-1]["event"] == "stopped"


async def test_a_load_balancer_is_given_its_time(given: dict[str, Any], tmp_path: Path) -> None:
    async with Process(tmp_path, {**given, "timeouts": {"drain_delay": 1}}) as process:
        started = await process.line("started")
        url = started["listen"][0]
        async with aiohttp.ClientSession() as client:
            async with client.get(url) as answer:
                assert answer.status == 200
            process.send(signal.SIGTERM)
            await process.line("stopping")
            for address in (url, f"{started['observe']}/ready"):
                async with client.get(address) as answer:
                    assert answer.status == 503
            assert (await ask(url))[0] == 200
        assert await process.ended() == 0


async def test_what_does_not_end_is_ended(node: ScriptedNode, given: dict[str, Any], tmp_path: Path) -> None:
    async with Process(tmp_path, {**given, "timeouts": {"shutdown": 0.5}}) as process:
        url = (await process.line("started"))["listen"][0]
        async with RawClient(url) as stuck, RawClient(url) as half:
            await half.send(b"POST / HTTP/1.1\r\n")
            await stuck.send(post({"method": "stuck"}))
            await node.until(lambda: node.times("stuck") == 1)
            process.send(signal.SIGTERM)
            assert await process.ended(4) == 0


async def test_a_second_signal_ends_it_immediately(node: ScriptedNode, given: dict[str, Any], tmp_path: Path) -> None:
    async with Process(tmp_path, given) as process:
        url = (await process.line("started"))["listen"][0]
        async with RawClient(url) as stuck:
            await stuck.send(post({"method": "stuck"}))
            await node.until(lambda: node.times("stuck") == 1)
            process.send(signal.SIGTERM)
            await process.line("stopping")
            process.send(signal.SIGTERM)
            assert await process.ended(2) == 1
            assert process.lines[-1]["event"] == "stopped_forcibly"


async def test_it_can_be_stopped_while_it_waits_for_its_nodes(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nodes = [{"name": "silent", "http": f"http://127.0.0.1:{silent.getsockname()[1]}"}]
        async with Process(tmp_path, {"nodes": nodes, "timeouts": {"connect": 60}}) as process:
            asked, _ = await asyncio.to_thread(silent.accept)
            with asked:
                process.send(signal.SIGTERM)
                assert await process.ended(30) == 0


async def test_systemd_is_notified(given: dict[str, Any], tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.setblocking(False)
        reported: list[str] = []

        async def until(word: str) -> str:
            async with asyncio.timeout(20):
                while True:
                    message = (await asyncio.get_running_loop().sock_recv(notify, 4096)).decode()
                    reported.append(message)
                    if message.startswith(word):
                        return message

        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        async with Process(tmp_path, given, **environ) as process:
            assert "serving at http://127.0.0.1:" in await until("READY=1")
            await until("WATCHDOG=1")
            await until("WATCHDOG=1")
            process.send(signal.SIGHUP)
            assert "MONOTONIC_USEC=" in await until("RELOADING=1")
            await until("READY=1")
            process.send(signal.SIGTERM)
            await until("STOPPING=1")
            assert await process.ended() == 0


async def test_a_client_that_has_just_connected_is_served(node: ScriptedNode, proxy: StartProxy) -> None:
    """Whether its connection has been accepted by the proxy or only by the system."""
    served = await proxy(nodes=[node.settings()])
    address = ("127.0.0.1", URL(served.http_url).port or 0)
    waiting = [socket.create_connection(address) for _ in range(3)]  # while the proxy, in this thread, stands still
    stopping = asyncio.create_task(served.stop())
    await asyncio.sleep(0.05)
    for client in waiting:
        reader, writer = await asyncio.open_connection(sock=client)
        writer.write(post(FEE))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Connection: close\r\n" in head
        writer.close()
    await stopping


async def test_a_client_that_says_nothing_is_not_waited_for(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], timeouts={"shutdown": 30})
    async with RawClient(served.http_url) as silent, asyncio.timeout(10):
        await silent.send(b"POST / HT")
        await served.stop()
        assert await silent.rest() == b""
