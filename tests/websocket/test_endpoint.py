"""Becoming a session: handshakes of all kinds, limits, and nodes that cannot be connected to."""

import asyncio
import base64
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from proxy.server.proxy import Proxy
from tests.support.harness import Harness
from tests.support.scripted_node import ScriptedSession
from tests.support.start import StartNode

REFUSED = "xrpl_proxy_refused_total"
KEY = base64.b64encode(b"k" * 16).decode()
HEADERS = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}


async def accept(session: ScriptedSession, asked: dict[str, Any]) -> None:
    await session.respond(asked)


async def handshake(proxy: Proxy, headers: dict[str, str], version: str = "1.1") -> tuple[int, str]:
    """The status and the whole head and body that a handshake is answered with."""
    host, port = proxy.http_url.removeprefix("http://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "x", **headers}.items())
    writer.write(f"GET / HTTP/{version}\r\n{lines}\r\n".encode())
    async with asyncio.timeout(2):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line.split(":")[1]) for line in head.splitlines() if line.startswith("Content-Length")), 0)
        body = (await reader.readexactly(length)).decode()
    writer.transport.abort()
    return int(head.split()[1]), head + body


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Sec-WebSocket-Version": "12"}, 426),
        ({"Sec-WebSocket-Version": None}, 400),
        ({"Sec-WebSocket-Key": "short"}, 400),
        ({"Sec-WebSocket-Key": "!!!"}, 400),
        ({"Sec-WebSocket-Key": None}, 400),
        ({"Connection": "close"}, 400),
        ({"Connection": None}, 400),
    ],
)
async def test_no_handshake(harness: Harness, change: dict[str, str | None], status: int) -> None:
    """Refused with what would be right, and no node is bothered."""
    node = await harness.node(accept)
    proxy = await harness.proxy(node)
    headers = {name: value for name, value in {**HEADERS, **change}.items() if value is not None}
    response, text = await handshake(proxy, headers)
    assert response == status
    assert "Sec-WebSocket-Version: 13" in text
    assert await harness.metric(proxy, REFUSED, reason="no_handshake") == 1
    assert node.sessions == []


async def test_http_1_0(harness: Harness) -> None:
    proxy = await harness.proxy(await harness.node(accept))
    assert (await handshake(proxy, HEADERS, "1.0"))[0] == 400


@pytest.mark.parametrize(
    "extra",
    [
        {"Sec-WebSocket-Protocol": "xrpl, other"},
        {"Origin": "https://example.com"},
        {"Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=99, x-unknown; a=b"},
        {"Connection": "keep-alive, Upgrade", "Upgrade": "WebSocket"},
    ],
)
async def test_odd_but_good_handshakes(
    harness: Harness, extra: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    proxy = await harness.proxy(await harness.node(accept))
    status, text = await handshake(proxy, {**HEADERS, **extra})
    assert status == 101
    assert [line for line in text.splitlines() if line.startswith("Server:")] == ["Server: xrpl-version-proxy"]
    assert "Sec-WebSocket-Protocol" not in text
    assert not caplog.records  # nothing that a client may write as often as it likes
    await harness.wait_metric(1, proxy, "xrpl_proxy_session_closed_total", reason="client_gone")


async def test_any_path(harness: Harness) -> None:
    proxy = await harness.proxy(await harness.node(accept))
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{proxy.http_url}some/where?x=1") as client:
        await client.send_json({"command": "fee"})
        assert (await client.receive_json(timeout=2))["status"] == "success"


async def test_deflate_is_offered_where_configured(harness: Harness) -> None:
    node = await harness.node(accept)
    offer = {**HEADERS, "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    on, off = await harness.proxy(node), await harness.proxy(node, websocket={"compression": False})
    assert "permessage-deflate" in (await handshake(on, offer))[1]
    assert "permessage-deflate" not in (await handshake(off, offer))[1]


async def test_an_unreadable_offer_of_compression(harness: Harness) -> None:
    """The session is served without compression: nothing in a handshake is a fault of the proxy."""
    node = await harness.node(accept)
    proxy = await harness.proxy(node)
    offer = "permessage-deflate; server_max_window_bits=" + "9" * 5_000
    with capture_logs() as logs:
        status, head = await handshake(proxy, {**HEADERS, "Sec-WebSocket-Extensions": offer})
        session = await node.session()
        async with asyncio.timeout(3):
            await session.ended.wait()
    assert status == 101
    assert "Sec-WebSocket-Extensions" not in head
    assert not [entry for entry in logs if entry["log_level"] == "error"]


async def test_a_handshake_that_fails_leaves_no_connection_to_the_node(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError

    node = await harness.node(accept)
    proxy = await harness.proxy(node)
    monkeypatch.setattr("proxy.http.upgrade.negotiate_compression", fail)
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        async with aiohttp.ClientSession() as client:
            await client.ws_connect(proxy.http_url)
    session = await node.session()
    async with asyncio.timeout(3):
        await session.ended.wait()


async def test_what_the_node_learns_of_the_client(harness: Harness) -> None:
    """Its address, at the handshake, and nothing that it wrote itself."""
    node = await harness.node(accept)
    written = {
        "X-Forwarded-For": "1.2.3.4",
        "Forwarded": "for=1.2.3.4",
        "X-User": "admin",
        "Authorization": "Basic YTpi",
        "Cookie": "a=b",
        "Origin": "https://example.com",
        "User-Agent": "evil",
        "X-Proxy-Token": "t",
    }
    await harness.client(await harness.proxy(node), headers=written)
    headers = (await node.session()).headers
    assert headers.getall("X-Forwarded-For") == ["127.0.0.1"]
    assert not {*written} - {"X-Forwarded-For"} & {*headers}
    assert {name.lower() for name in headers} <= {
        *("host", "upgrade", "connection", "x-forwarded-for", "sec-websocket-key", "sec-websocket-version"),
        *("sec-websocket-extensions", "content-type", "content-length"),
    }
    trusting = await harness.proxy(node, guard={"trusted_proxies": ["127.0.0.0/8"]})
    await harness.client(trusting, headers=written)
    assert (await node.session(1)).headers.getall("X-Forwarded-For") == ["1.2.3.4"]


async def test_ping_returns_the_clients_address(demo_node: StartNode, harness: Harness) -> None:
    proxy = await harness.proxy(await demo_node(2), guard={"trusted_proxies": ["127.0.0.0/8"]})
    client = await harness.client(proxy, headers={"X-Forwarded-For": "2001:db8::7"})
    assert (await client.request({"command": "ping"}))["result"]["ip"] == "2001:db8::7"


# Limits


async def test_sessions_per_address(harness: Harness) -> None:
    limits = {"sessions_per_address": 2, "sessions": 3}
    trusted = {"trusted_proxies": ["127.0.0.0/8"]}
    proxy = await harness.proxy(await harness.node(accept), websocket=limits, guard=trusted)
    first = await harness.client(proxy, headers={"X-Forwarded-For": "192.0.2.1"})
    await harness.client(proxy, headers={"X-Forwarded-For": "192.0.2.1"})
    status, text = await handshake(proxy, {**HEADERS, "X-Forwarded-For": "192.0.2.1"})
    assert status == 503
    assert "2 sessions are open from 192.0.2.1 (websocket.sessions_per_address)" in text
    await harness.client(proxy, headers={"X-Forwarded-For": "192.0.2.2"})
    status, text = await handshake(proxy, {**HEADERS, "X-Forwarded-For": "192.0.2.3"})
    assert status == 503
    assert "3 sessions are open (websocket.sessions)" in text
    assert await harness.metric(proxy, REFUSED, reason="sessions_per_address") == 1
    assert await harness.metric(proxy, REFUSED, reason="sessions") == 1
    await first.socket.close()
    await harness.wait_metric(2, proxy, "xrpl_proxy_sessions_open")
    again = await harness.client(proxy, headers={"X-Forwarded-For": "192.0.2.1"})
    assert (await again.request({"command": "fee"}))["status"] == "success"


async def test_sessions_of_one_network_are_counted_as_of_one_address(harness: Harness) -> None:
    """Of 64 bits, as the other limits count; and of whom these do not hold for, no session is."""
    guard = {"trusted_proxies": ["127.0.0.0/8"]}
    limits = {"exempt": ["192.0.2.0/24"]}
    websocket = {"sessions_per_address": 2}
    proxy = await harness.proxy(await harness.node(accept), websocket=websocket, guard=guard, limits=limits)
    for number in (1, 2):
        await harness.client(proxy, headers={"X-Forwarded-For": f"2001:db8:1:1::{number}"})
    assert (await handshake(proxy, {**HEADERS, "X-Forwarded-For": "2001:db8:1:1::3"}))[0] == 503
    await harness.client(proxy, headers={"X-Forwarded-For": "2001:db8:1:2::3"})
    for _ in range(3):
        await harness.client(proxy, headers={"X-Forwarded-For": "192.0.2.1"})


# Nodes


async def test_a_node_that_cannot_be_connected_to(harness: Harness) -> None:
    node = await harness.node(accept)

    async def refuse() -> web.Response:
        return web.Response(status=503)

    proxy = await harness.proxy(node)
    node.before_handshake = refuse
    with capture_logs() as logs:
        status, text = await handshake(proxy, HEADERS)
    assert (status, "No node is available" in text) == (503, True)
    assert await harness.metric(proxy, REFUSED, reason="no_node") == 1
    failed = next(entry for entry in logs if entry["event"] == "node_websocket_failed")
    # Not its URL, the path of which may be a key.
    assert (failed["node"], failed["failure"], failed["detail"]) == ("node-1", "refused", "HTTP 503")
    assert await harness.metric(proxy, "xrpl_proxy_sessions_total") == 0


async def test_a_node_whose_handshake_hangs(harness: Harness) -> None:
    node = await harness.node(accept)
    gate = asyncio.Event()

    async def hang() -> web.Response | None:
        await gate.wait()
        return None

    proxy = await harness.proxy(node, timeouts={"connect": 0.2})
    node.before_handshake = hang
    assert (await handshake(proxy, HEADERS))[0] == 503
    gate.set()


async def test_another_node_is_tried(harness: Harness) -> None:
    """The node that a client would be given first refuses, and the client never knows."""
    first, second = await harness.node(accept, 1), await harness.node(accept, 2)

    async def refuse() -> web.Response:
        return web.Response(status=503)

    proxy = await harness.proxy(first, second)
    first.before_handshake = refuse
    client = await harness.client(proxy)
    assert (await client.request({"command": "fee"}))["status"] == "success"
    assert len(second.sessions) == 1


async def test_a_client_that_vanishes_while_its_node_is_connected_to(harness: Harness) -> None:
    node = await harness.node(accept)
    gate, arrived = asyncio.Event(), asyncio.Event()

    async def hold() -> web.Response | None:
        arrived.set()
        await gate.wait()
        return None

    proxy = await harness.proxy(node)
    node.before_handshake = hold
    host, port = proxy.http_url.removeprefix("http://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "x", **HEADERS}.items())
    writer.write(f"GET / HTTP/1.1\r\n{lines}\r\n".encode())
    await arrived.wait()
    with capture_logs() as logs:
        writer.transport.abort()
        gate.set()
        session = await node.session()
        async with asyncio.timeout(3):
            await session.ended.wait()
        await harness.wait_metric(0, proxy, "xrpl_proxy_sessions_open")
    assert not [entry for entry in logs if entry["log_level"] == "error"]
    del reader


async def test_messages_sent_with_the_handshake(harness: Harness) -> None:
    """A client may speak before it has heard that it is let in."""
    proxy = await harness.proxy(await harness.node(accept))
    host, port = proxy.http_url.removeprefix("http://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "x", **HEADERS}.items())
    body = b'{"command":"fee","id":"early"}'
    frame = bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body
    writer.write(f"GET / HTTP/1.1\r\n{lines}\r\n".encode() + frame)
    async with asyncio.timeout(2):
        await reader.readuntil(b"\r\n\r\n")
        assert b'"id":"early"' in await reader.readuntil(b"}")
    writer.transport.abort()


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\xf1\x80\x00\x00\x00\x00", "protocol_error"),  # reserved bits
        (b"\x83\x80\x00\x00\x00\x00", "protocol_error"),  # an opcode that is none
        (b"\x88\x80\x00\x00\x00\x00" + b"\x81\x80\x00\x00\x00\x00", "client_closed"),  # a message after the close
        (b"\x88\x80\x00\x00\x00\x00" * 3, "client_closed"),
    ],
)
async def test_odd_frames(harness: Harness, frame: bytes, reason: str) -> None:
    proxy = await harness.proxy(await harness.node(accept))
    host, port = proxy.http_url.removeprefix("http://").rstrip("/").split(":")
    plain = socket.create_connection((host, int(port)))
    plain.setblocking(False)
    loop = asyncio.get_running_loop()
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "x", **HEADERS}.items())
    await loop.sock_sendall(plain, f"GET / HTTP/1.1\r\n{lines}\r\n".encode())
    await loop.sock_recv(plain, 4096)
    with capture_logs() as logs:
        await loop.sock_sendall(plain, frame)
        await harness.wait_metric(1, proxy, "xrpl_proxy_session_closed_total", reason=reason)
    assert not [entry for entry in logs if entry["log_level"] == "error"]
    plain.close()
