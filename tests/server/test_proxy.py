"""The configuration read again while the proxy runs."""

import asyncio
import signal
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.client import check_stays, until
from tests.support.listeners import FEE, ask, counted
from tests.support.process import Process
from tests.support.processes import free_port
from tests.support.raw_client import RawClient, post
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy, settings_for

AT = {"host": "127.0.0.1", "port": 0}


def settings(*nodes: ScriptedNode, **sections: Any) -> Any:
    return settings_for(nodes=[node.settings(websocket=node.websocket_url) for node in nodes], **sections)


async def test_nodes_are_added_and_removed_and_sessions_stay(proxy: StartProxy) -> None:
    async with ScriptedNode("old") as old, ScriptedNode("stays") as stays, ScriptedNode("new") as new:
        served = await proxy(nodes=[node.settings(websocket=node.websocket_url) for node in (old, stays)])
        async with aiohttp.ClientSession() as client:
            sockets = [await client.ws_connect(served.http_url) for _ in range(4)]
            await served.reload(settings(stays, new))
            for number, socket in enumerate(sockets):
                await socket.send_json({"id": number, "command": "fee"})
                assert (await socket.receive_json(timeout=5))["id"] == number
                await socket.close()
        asked = old.times("fee")
        for _ in range(20):
            assert (await ask(served.http_url))[0] == 200
        assert old.times("fee") == asked
        assert stays.times("fee")
        assert new.times("fee")
        assert set(await counted(served, "xrpl_proxy_node_up")) == {'node="new"', 'node="stays"'}
        looked = old.times("server_info")
        await check_stays(lambda: old.times("server_info") == looked, 0.1)


async def test_a_request_in_flight_is_answered_though_its_node_is_removed(proxy: StartProxy) -> None:
    gone_on = asyncio.Event()

    async def slow(*_: Any) -> dict[str, Any]:
        await gone_on.wait()
        return {"by": "old"}

    async with ScriptedNode("old", fee=slow) as old, ScriptedNode("new", fee={"by": "new"}) as new:
        served = await proxy(nodes=[old.settings()])
        first = asyncio.create_task(ask(served.http_url))
        await old.until(lambda: old.times("fee") == 1)
        await served.reload(settings(new))
        assert (await ask(served.http_url))[1]["result"]["by"] == "new"
        gone_on.set()
        assert (await first)[1]["result"]["by"] == "old"


async def test_removed_nodes_are_not_probed_though_they_have_requests(proxy: StartProxy) -> None:
    gone_on, looking, looked = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(*_: Any) -> dict[str, Any]:
        await gone_on.wait()
        return {}

    async def look(*_: Any) -> dict[str, Any]:
        looking.set()
        try:
            await asyncio.Event().wait()
        finally:
            looked.set()
        return {}

    async with ScriptedNode("a", fee=slow) as a, ScriptedNode("b", fee=slow) as b, ScriptedNode("new") as new:
        served = await proxy(nodes=[a.settings(), b.settings()], timeouts={"health_interval": 0.05})
        asked = [asyncio.create_task(ask(served.http_url)) for _ in range(2)]
        for busy in (a, b):
            await busy.until(lambda node=busy: node.times("fee") == 1)  # type: ignore[misc]
        b.answers["server_info"] = look
        async with asyncio.timeout(5):
            await looking.wait()
            await served.reload(settings(new))
            await looked.wait()
        assert set(await counted(served, "xrpl_proxy_node_up")) == {'node="new"'}
        gone_on.set()
        assert [status for status, _ in await asyncio.gather(*asked)] == [200, 200]


async def test_listeners_are_added_and_removed_without_dropping_clients(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings(websocket=node.websocket_url)], listen=[AT, AT])
    first, gone = served.http_urls
    async with aiohttp.ClientSession() as client, client.ws_connect(gone) as socket, RawClient(gone) as idle:
        await idle.send(post(FEE))
        await idle.head()
        await served.reload(settings(node, listen=[AT, {"host": "127.0.0.2", "port": 0}]))
        assert served.http_urls[0] == first
        assert (await ask(served.http_urls[1]))[0] == 200
        assert b"HTTP/1.1" not in await idle.rest()
        with pytest.raises(aiohttp.ClientConnectorError):
            await ask(gone)
        await socket.send_json({"command": "fee"})
        assert (await socket.receive_json(timeout=5))["status"] == "success"


async def test_versions_limits_and_guard_hold_for_the_next_request(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    peers = {"method": "peers", "params": [{"api_version": 2}]}
    assert (await ask(served.http_url, peers))[0] == 403
    await served.reload(settings(node, guard={"allow_admin_methods": ["peers"]}))
    assert (await ask(served.http_url, peers))[0] == 200
    await served.reload(settings(node, versions={"max": 1}))
    assert (await ask(served.http_url, peers))[0] == 400
    await served.reload(settings(node, limits={"request_bytes": 10}))
    assert "larger than 10 bytes" in (await ask(served.http_url))[1]


async def test_an_address_that_cannot_be_had_changes_nothing(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    taken = int(served.observe_url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        await served.reload(settings(node, listen=[{**AT, "port": taken}], versions={"max": 1}))
    assert (await ask(served.http_url, {"method": "fee", "params": [{"api_version": 2}]}))[0] == 200


async def test_reloading_under_load_loses_no_request(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    done = asyncio.Event()

    statuses: list[int] = []

    async def keep_asking() -> None:
        async with aiohttp.ClientSession() as client:
            while not done.is_set():
                async with client.post(served.http_url, json=FEE) as answer:
                    await answer.read()
                    statuses.append(answer.status)

    async with ScriptedNode("other") as other:
        asking = [asyncio.create_task(keep_asking()) for _ in range(4)]
        for number in range(6):
            count = len(statuses)
            await served.reload(settings(*((node, other), (other,), (node,))[number % 3]))
            await until(lambda count=count: len(statuses) >= count + 20)  # type: ignore[misc]
        done.set()
        await asyncio.gather(*asking)
        assert set(statuses) == {200}
        await served.reload(settings(node))


async def test_sighup_with_a_good_a_bad_and_a_missing_file(node: ScriptedNode, tmp_path: Path) -> None:
    def given(**sections: Any) -> dict[str, Any]:
        nodes = [node.settings(websocket=node.websocket_url)]
        return {"nodes": nodes, "logging": {"requests": "off"}, **sections}

    async with Process(tmp_path, given()) as process:
        started = await process.line("started")
        url, metrics = started["listen"][0], started["observe"] + "/metrics"
        newest = {"method": "fee", "params": [{"api_version": 3}]}
        assert (await ask(url, newest))[0] == 400
        async with aiohttp.ClientSession() as client, client.ws_connect(url) as socket:
            process.write(given(versions={"max": 3}))
            process.send(signal.SIGHUP)
            assert (await process.line("reloaded"))["listen"] == [url]
            assert (await ask(url, newest))[0] == 200

            process.write(given(versions={"max": 99}, limits={"depth": "x"}))
            process.send(signal.SIGHUP)
            rejected = await process.line("configuration_rejected")
            assert [fault.partition(":")[0] for fault in rejected["problems"]] == ["versions.max", "limits.depth"]
            assert (await ask(url, newest))[0] == 200
            async with client.get(metrics) as answer:
                text = await answer.text()
            assert 'xrpl_proxy_config_reloads_total{result="success"} 1.0' in text
            assert 'xrpl_proxy_config_reloads_total{result="failure"} 1.0' in text
            assert "xrpl_proxy_config_last_reload_successful 0.0" in text

            process.file.unlink()
            process.send(signal.SIGHUP)
            assert "no such file" in (await process.line("configuration_rejected", 2))["problems"][0]

            process.write(given(tracing={"sample": 0.5}))
            process.send(signal.SIGHUP)
            assert (await process.line("restart_required"))["keys"] == ["tracing"]
            async with client.get(metrics) as answer:
                assert "xrpl_proxy_config_last_reload_successful 1.0" in await answer.text()
            await socket.send_json({"command": "fee"})
            assert (await socket.receive_json(timeout=5))["status"] == "success"


async def test_keys_that_need_a_restart_are_logged_until_it_happens(node: ScriptedNode, tmp_path: Path) -> None:
    given = {"nodes": [node.settings()]}
    other = {"tracing": {"sample": 0.5}, "workers": 2}
    at = {"listen": {"host": "127.0.0.1", "port": free_port()}}  # not 0, which workers cannot share
    async with Process(tmp_path, {**given, **at}) as process:
        await process.line("started")
        for number in (1, 2):
            process.write({**given, **at, **other})
            process.send(signal.SIGHUP)
            required = await process.line("restart_required", number)
            assert (required["keys"], required["pid"]) == (["tracing", "workers"], process.pid)
            await process.line("reloaded", number)
        process.write({**given, **at})
        process.send(signal.SIGHUP)
        await process.line("reloaded", 3)
        assert len([line for line in process.lines if line["event"] == "restart_required"]) == 2


async def test_the_format_of_the_log_changes_with_a_reload(node: ScriptedNode, tmp_path: Path) -> None:
    given = {"nodes": [node.settings()]}
    async with Process(tmp_path, given) as process:
        await process.line("started")
        process.write({**given, "logging": {"format": "console"}})
        process.send(signal.SIGHUP)
        await process.line("reloaded")
        process.write(given)
        process.send(signal.SIGHUP)
        await process.text(" reloaded ")
        process.send(signal.SIGHUP)
        await process.line("reloaded", 2)


async def scraped(port: int, host: str = "127.0.0.1", name: str = "localhost") -> int:
    url, headers = f"http://{host}:{port}/metrics", {"Host": name}
    async with aiohttp.ClientSession() as client, client.get(url, headers=headers) as answer:
        await answer.read()
        return answer.status


async def test_the_observe_address_moves(node: ScriptedNode, proxy: StartProxy) -> None:
    first, second = free_port(), free_port()

    def observing(host: str, port: int, *names: str) -> Any:
        return settings(node, observe={"host": host, "port": port, "allowed_hosts": names})

    served = await proxy(nodes=[node.settings()], observe={"host": "127.0.0.1", "port": first})
    async with aiohttp.ClientSession() as client, client.get(f"{served.observe_url}/ready"):
        await served.reload(observing("127.0.0.1", second))
        assert served.observe_url == f"http://127.0.0.1:{second}"
        assert await scraped(second) == 200
        with pytest.raises(aiohttp.ClientConnectionError):
            await scraped(first)
        async with client.get(f"http://127.0.0.1:{first}/ready") as answer:  # on the connection that was open
            assert answer.status == 200
    # The same port, where the system lets nobody listen at one address and at all of them.
    await served.reload(observing("0.0.0.0", second))
    assert await scraped(second, "127.0.0.2") == 200
    await served.reload(observing("::", second))
    assert await scraped(second, "127.0.0.2") == await scraped(second, "[::1]") == 200
    await served.reload(observing("127.0.0.1", second))
    with pytest.raises(aiohttp.ClientConnectionError):
        await scraped(second, "127.0.0.2")
    assert await scraped(second, name="proxy.example.com") == 421
    await served.reload(observing("127.0.0.1", second, "proxy.example.com"))
    assert await scraped(second, name="proxy.example.com") == 200
    await served.reload(observing("127.0.0.1", second))
    assert await scraped(second, name="proxy.example.com") == 421


async def test_an_observe_address_that_cannot_be_had_changes_nothing(node: ScriptedNode, proxy: StartProxy) -> None:
    port = free_port()
    served = await proxy(nodes=[node.settings()], observe={"host": "127.0.0.1", "port": port})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        elsewhere = {"host": "127.0.0.1", "port": taken.getsockname()[1]}
        with pytest.raises(OSError, match="in use"):
            await served.reload(settings(node, observe=elsewhere, versions={"max": 3}))
    with socket.create_server(("127.0.0.2", port)), pytest.raises(OSError, match="in use"):
        await served.reload(settings(node, observe={"host": "0.0.0.0", "port": port}, versions={"max": 3}))
    assert served.observe_url == f"http://127.0.0.1:{port}"
    assert await scraped(port) == 200
    assert (await ask(served.http_url, {"method": "fee", "params": [{"api_version": 3}]}))[0] == 400


async def test_sigusr1_toggles_the_debug_level(node: ScriptedNode, tmp_path: Path) -> None:
    async with Process(tmp_path, {"nodes": [node.settings()], "logging": {"level": "info"}}) as process:
        url = (await process.line("started"))["listen"][0]

        async def garbage() -> None:  # of which a line of level debug tells
            async with RawClient(url) as client:
                await client.send(b"garbage\r\n\r\n")
                assert await client.rest()

        await garbage()
        process.send(signal.SIGUSR1)
        assert (await process.line("log_level_changed"))["to"] == "debug"
        assert not [line for line in process.lines if line.get("level") == "debug"]
        await garbage()
        process.send(signal.SIGUSR1)
        assert (await process.line("log_level_changed", 2))["to"] == "info"
        assert [line for line in process.lines if line.get("level") == "debug"]
