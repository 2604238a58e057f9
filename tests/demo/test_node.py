"""The demo node answers as the rippled that was recorded, at its own version, and refuses every other."""

import asyncio
from typing import Any

import orjson
import pytest

from proxy.demo.recorded import PortKind
from tests.support.conformance import (
    ClientVersion,
    cases,
    client_session,
    compare_http,
    compare_stream,
    compare_websocket,
    recorded_stream,
)
from tests.support.start import StartNode

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"


@pytest.mark.parametrize("port_kind", ["public", "admin"])
@pytest.mark.parametrize(("client", "version"), [("none", 1), ("1", 1), ("2", 2), ("3", "all")])
async def test_answers_as_recorded(
    demo_node: StartNode, client: ClientVersion, version: Any, port_kind: PortKind
) -> None:
    node = await demo_node(version, port_kind)
    over_http = await compare_http(node.http_url, cases("http", client, port_kind))
    over_websocket = await compare_websocket(node.websocket_url, cases("ws", client, port_kind))
    assert not over_http.differing, str(over_http)
    assert not over_websocket.differing, str(over_websocket)
    assert over_http.compared.total() > 5
    assert node.misses == []


@pytest.mark.parametrize("group", ["streams", "accounts", "books"])
@pytest.mark.parametrize("version", [1, 2])
async def test_pushes_as_recorded(demo_node: StartNode, version: int, group: str) -> None:
    node = await demo_node(version)
    report = await compare_stream(node.websocket_url, recorded_stream(group, "2" if version == 2 else "1"))
    assert not report.differing, str(report)


async def test_pushes_only_what_was_subscribed_to(demo_node: StartNode) -> None:
    node = await demo_node(1)
    async with client_session() as session, session.ws_connect(node.websocket_url) as socket:
        await socket.send_json({"command": "subscribe", "streams": ["ledger"]})
        result = (await socket.receive_json())["result"]
        assert "ledger_index" in result
        assert "server_status" not in result
        for _ in range(52):
            assert (await socket.receive_json())["type"] == "ledgerClosed"
        await socket.send_json({"command": "ping", "id": 1})
        assert (await socket.receive_json())["id"] == 1


@pytest.mark.parametrize("asked", [1, 3, 4, "2", 2.0, None, True, [2]])
async def test_refuses_other_versions(demo_node: StartNode, asked: Any) -> None:
    node = await demo_node(2)
    params = {"account": ALICE, "api_version": asked}
    async with client_session() as session:
        async with session.post(node.http_url, json={"method": "account_info", "params": [params]}) as response:
            assert response.status == 400
            assert await response.text() == "invalid_API_version\r\n"
        async with session.ws_connect(node.websocket_url) as socket:
            await socket.send_json({"id": 7, "command": "account_info", **params})
            answer = await socket.receive_json()
    request = {"id": 7, "command": "account_info", **params}
    assert answer == {
        "api_version": asked,
        "error": "invalid_API_version",
        "id": 7,
        "request": request,
        "status": "error",
        "type": "response",
    }


async def test_reports_requests_without_a_recording(demo_node: StartNode) -> None:
    node = await demo_node(1)
    params = {"account": ALICE, "ledger_index": 77, "secret": "not for others"}
    miss = {"method": "account_info", "params": {**params, "secret": "<masked>"}}
    async with client_session() as session:
        async with session.post(node.http_url, json={"method": "account_info", "params": [params]}) as response:
            assert response.status == 500
            assert await response.json(content_type=None) == {"error": "replayMiss", **miss}
        async with session.post(node.http_url, json={"method": "no_method"}) as response:
            assert (await response.json())["result"]["error"] == "unknownCmd"
        async with session.get(f"{node.http_url}/misses") as response:
            assert await response.json() == [miss] == node.misses
    assert node.asked == {"account_info": 1, "no_method": 1}
    assert orjson.loads(node.seen[0].body)["params"] == [params]


async def test_echoes_the_envelope_and_masks_secrets(demo_node: StartNode) -> None:
    node = await demo_node(2)
    params = {"api_version": 2, "seed": "s", "id": [1, {"x": 2}], "jsonrpc": "2.0", "ripplerpc": "1.0"}
    request = {"method": "no_method", "params": [params]}
    async with client_session() as session, session.post(node.http_url, json=request) as response:
        answer = await response.json()
    echoed = {name: answer[name] for name in ("id", "jsonrpc", "ripplerpc")}
    assert echoed == {"id": [1, {"x": 2}], "jsonrpc": "2.0", "ripplerpc": "1.0"}
    assert answer["result"]["request"] == {**params, "seed": "<masked>", "command": "no_method"}


async def test_reports_its_version_and_the_client(demo_node: StartNode) -> None:
    node = await demo_node(2)
    forwarded = {"X-Forwarded-For": "203.0.113.9, 10.0.0.1"}
    async with client_session() as session:
        version = {"method": "version", "params": [{"api_version": 2}]}
        async with session.post(node.http_url, json=version) as response:
            assert (await response.json())["result"] == {"status": "success", "version": {"first": 2, "last": 2}}
        async with session.ws_connect(node.websocket_url, headers=forwarded) as socket:
            await socket.send_json({"command": "ping", "api_version": 2})
            assert (await socket.receive_json())["result"] == {"ip": "203.0.113.9", "role": "proxied"}


async def test_closes_idle_connections(demo_node: StartNode) -> None:
    node = await demo_node(1, idle_timeout=0.05)
    port = int(node.http_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(b'POST / HTTP/1.1\r\nHost: node\r\nContent-Length: 17\r\n\r\n{"method":"ping"}')
    async with asyncio.timeout(5):
        answers = await reader.read()  # to the end: until the node closes
    assert answers.count(b"200 OK") == 2
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(("sent", "answered"), [(4000, 4000), (1001, 1001), (0, 1000)])
async def test_answers_a_close_with_its_code(demo_node: StartNode, sent: int, answered: int) -> None:
    node = await demo_node(1)
    async with client_session() as session, session.ws_connect(node.websocket_url) as socket:
        if sent:
            await socket.close(code=sent)
        else:
            await socket._writer.send_frame(b"", 8)  # a close without a code, which aiohttp cannot send
            await socket.receive()
        assert socket.close_code == answered


async def test_starts_again_on_its_ports(demo_node: StartNode) -> None:
    node = await demo_node(1)
    urls = node.http_url, node.websocket_url
    await node.stop()
    await node.start()
    assert (node.http_url, node.websocket_url) == urls
    async with client_session() as session, session.get(node.http_url) as response:
        assert response.status == 200
