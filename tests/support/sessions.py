"""Settings, metric names and faults that the tests of WebSocket sessions share."""

import asyncio
import socket
from pathlib import Path
from typing import Any

from tests.support.client import until
from tests.support.scripted_node import ScriptedSession

CLOSED = "xrpl_proxy_session_closed_total"
GAPS = "xrpl_proxy_stream_gaps_total"
BRISK = {"ping_interval": 0.1}
RECONNECT = {"websocket": {"reconnect": True}, "timeouts": {"reconnect": 10.0, "health_interval": 0.05}}


async def respond_to_all(session: ScriptedSession, asked: dict[str, Any]) -> None:
    await session.respond(asked, {"asked": asked["command"]})


async def drop_connection(session: ScriptedSession) -> None:
    session.abort()


def count_open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def wait_open_files(wanted: int) -> None:
    """Waits until so many files are open: the nodes', proxies' and clients' sockets among them."""
    try:
        await until(lambda: count_open_files() == wanted)
    except TimeoutError:
        raise AssertionError(f"{count_open_files()} files are open, not {wanted}") from None


async def connect_without_reading(url: str) -> socket.socket:
    """A client that has upgraded, subscribed, and reads nothing from now on: its window is as small as can be."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(plain, (host, int(port)))
    head = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    await loop.sock_sendall(plain, (head + key).encode())
    await loop.sock_recv(plain, 4096)
    body = b'{"command":"subscribe","streams":["ledger"]}'
    await loop.sock_sendall(plain, bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body)
    return plain
