"""Whatever bytes clients send, in whatever pieces: each gets a response or is disconnected, and nothing remains."""

import asyncio
import random
from contextlib import suppress
from typing import Any

import pytest

from tests.support.listeners import ask, nobody_connected
from tests.support.raw_client import RawClient
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy

BODY = b'{"method":"fee"}'
REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 16\r\n\r\n" + BODY
HANDSHAKE = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
PIECES = [
    *(b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.0\r\n", b"GET / HTTP/1.1\r\n", b"HEAD / HTTP/1.1\r\n"),
    *(b"OPTIONS / HTTP/1.1\r\n", b"CONNECT a:1 HTTP/1.1\r\n", b"PUT /x HTTP/1.1\r\n"),
    *(b"Host: a\r\n", b"Content-Length: 16\r\n", b"Content-Length: 0\r\n", b"Content-Length: 70000\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"Expect: 100-continue\r\n"),
    *(b"Connection: close\r\n", b"Connection: Upgrade\r\n", b"Upgrade: websocket\r\n", b"Upgrade: h2c\r\n"),
    *(KEY, b"\r\n", b"\r\n", b"\r\n", BODY, BODY, b"10\r\n" + BODY + b"\r\n0\r\n\r\n", b"x" * 70_000),
    *(REQUEST, REQUEST, HANDSHAKE + KEY + b"\r\n", b"\x81\x84\0\0\0\0ping", b"\x88\x80\0\0\0\0", b"\0", b"\xff" * 5),
]
SHORT = {"request_head": 0.3, "request_body": 0.3, "client_write": 0.3, "idle_client": 0.3}


@pytest.mark.parametrize("seed", range(3))
async def test_anything(node: ScriptedNode, proxy: StartProxy, seed: int) -> None:
    chance = random.Random(seed)
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    served = await proxy(nodes=[node.settings(websocket=node.websocket_url)], timeouts=SHORT)

    async def stranger() -> None:
        sent = whole = b"".join(chance.choices(PIECES, k=chance.randint(1, 14)))
        async with RawClient(served.http_url) as client:
            while sent:
                size = chance.choice((1, 7, 50, 1000, 100_000))
                with suppress(RuntimeError):  # it has been let go
                    await client.send(sent[:size])
                sent = sent[size:]
                await asyncio.sleep(0)
            how = chance.random()
            if how < 0.3:
                with suppress(RuntimeError, OSError):
                    client.end()
            elif how < 0.5:
                return
            try:
                await client.rest(3)
            except TimeoutError:
                assert b"websocket" in whole  # a session goes on

    for _ in range(5):
        await asyncio.gather(*(stranger() for _ in range(40)))
    await nobody_connected(served)
    assert not faults
    assert (await ask(served.http_url))[0] == 200
