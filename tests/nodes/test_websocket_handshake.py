"""The handshake of a WebSocket with a node: what is sent, and which responses become a WebSocket."""

import asyncio
import base64
import gc
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest

from proxy.http.websocket_frames import write_frame
from proxy.nodes.http import NodeFailure
from proxy.nodes.websocket import WebSocketConnector
from proxy.nodes.websocket_handshake import Handshake

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
Respond = Callable[[dict[str, str]], bytes]


def switching(headers: dict[str, str], *more: str, accept: str = "") -> bytes:
    key = headers["sec-websocket-key"].encode()
    accept = accept or base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: WebSocket", "Connection: Upgrade", *more]
    return "".join(f"{line}\r\n" for line in (*lines, f"Sec-WebSocket-Accept: {accept}", "")).encode()


@asynccontextmanager
async def node(respond: Respond, heads: list[str]) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        heads.append(head)
        headers = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:-1])
        headers["sec-websocket-key"] = head.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0]
        writer.write(respond(headers))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/a/b?key=c"


def connector() -> WebSocketConnector:
    return WebSocketConnector(connect_timeout=2, ping_interval=30, message_bytes=1_000)


async def test_the_request_and_a_message_that_comes_with_the_response() -> None:
    heads: list[str] = []
    messages: asyncio.Queue[bytes] = asyncio.Queue()
    async with node(lambda headers: switching(headers) + write_frame(b"{}"), heads) as url:
        connection = await connector().connect("a", url, "192.0.2.1", headers={"X-Key": "k"}, forwarded=True)
        ended = asyncio.Event()
        connection.start(messages.put_nowait, ended.set)
        async with asyncio.timeout(5):
            assert await messages.get() == b"{}"
            await connection.close()
            await ended.wait()
    (head,) = heads
    lines = head.splitlines()
    assert lines[0] == "GET /a/b?key=c HTTP/1.1"
    assert {"X-Key: k", "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "Sec-WebSocket-Version: 13"} < set(
        lines
    )
    assert connection.close_code == 1006


REFUSALS: dict[str, tuple[Respond, str]] = {
    "an ordinary response": (lambda _: b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "HTTP 503"),
    "a redirect": (lambda _: b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "HTTP 302"),
    "no upgrade": (lambda _: b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP 101"),
    "another key": (lambda headers: switching(headers, accept="AAAA"), "accepts no WebSocket"),
    "an extension": (lambda headers: switching(headers, "Sec-WebSocket-Extensions: x"), "not offered"),
    "no HTTP": (lambda _: b"SSH-2.0-x\r\n", "not HTTP"),
    "a long head": (lambda headers: b"HTTP/1.1 101 x\r\n" + b"X: y\r\n" * 20_000, "too large"),
}


@pytest.mark.parametrize(("respond", "detail"), REFUSALS.values(), ids=REFUSALS)
async def test_other_responses_are_refusals(respond: Respond, detail: str) -> None:
    async with node(respond, []) as url:
        with pytest.raises(NodeFailure) as failed:
            await connector().connect("a", url, None)
    assert (failed.value.kind, failed.value.maybe_received) == ("refused", False)
    assert detail in failed.value.detail


async def test_a_node_that_says_nothing() -> None:
    async with node(lambda _: b"", []) as url:
        impatient = WebSocketConnector(connect_timeout=0.05, ping_interval=30, message_bytes=1_000)
        with pytest.raises(NodeFailure) as failed:
            await impatient.connect("a", url, None)
    assert failed.value.kind == "timeout"


async def test_a_handshake_given_up_before_anyone_waits_for_it_leaves_no_failure_behind() -> None:
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    async with node(lambda _: b"HTTP/1.1 ", []) as url:
        parts = urlsplit(url)
        lost = asyncio.Event()
        with patch.object(Handshake, "connection_lost", _then(Handshake.connection_lost, lost.set)):
            _, handshake = await loop.create_connection(
                lambda: Handshake(parts, {}), parts.hostname or "", parts.port or 0
            )
            handshake.abort()
            async with asyncio.timeout(5):
                await lost.wait()
    del handshake
    gc.collect()
    assert not reported


def _then(method: Callable[[Handshake, BaseException | None], None], after: Callable[[], None]) -> Callable[..., None]:
    def both(handshake: Handshake, exc: BaseException | None) -> None:
        method(handshake, exc)
        after()

    return both
