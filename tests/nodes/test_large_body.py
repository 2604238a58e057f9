"""Large responses of nodes: whole, however they arrive, and never with bytes of another response."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme

from proxy.nodes import HttpNode, NodeFailure, NodeResponse
from proxy.nodes.large_body import LargeBody
from tests.support.raw_node import RawNode, Request

MOST = 20_000_000


@asynccontextmanager
async def asking(port: int, *, tls: ssl.SSLContext | None = None, seconds: float = 5) -> AsyncIterator[HttpNode]:
    node = HttpNode(
        "node-1",
        f"{'http' if tls is None else 'https'}://127.0.0.1:{port}",
        connect_timeout=5,
        answer_timeout=seconds,
        idle_timeout=2.5,
        connections=10,
        answer_bytes=MOST,
        tls=tls,
    )
    try:
        yield node
    finally:
        await node.close()


async def ask(node: HttpNode) -> NodeResponse:
    deadline = asyncio.get_running_loop().time() + 5
    return await node.ask(b"{}", client="192.0.2.7", method="ledger", reads_only=True, deadline=deadline)


def http(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join((b"HTTP/1.1 200 OK", *headers, b"Content-Length: %d" % len(body))) + b"\r\n\r\n" + body


def test_little_of_a_very_large_one_is_read_at_once() -> None:
    """The event loop reads 32 times before it does anything else."""
    body = LargeBody(b"", MOST, lambda _: None, lambda _: None)
    for _ in range(100):
        room = len(body.get_buffer(-1))
        assert 0 < room <= 200_000
        body.buffer_updated(room)


@pytest.mark.parametrize("size", [60_000, 70_000, 400_000, 3_000_000, 9_000_000])
@pytest.mark.parametrize("first", [1, 100, 30_000, 200_000])
async def test_it_arrives_whole_and_the_connection_stays(size: int, first: int) -> None:
    bodies = [random.Random(number).randbytes(size) for number in range(3)]

    async def answer(request: Request) -> None:
        response = http(bodies[request.number - 1])
        request.send(response[:first])
        await asyncio.sleep(0.01)
        request.send(response[first:])

    async with RawNode(answer) as raw, asking(raw.port) as node:
        for body in bodies:
            assert (await ask(node)).body == body
    assert [request.connection for request in raw.requests] == [1, 1, 1]


async def test_it_arrives_over_tls() -> None:
    ca, bodies = trustme.CA(), [bytes([number]) * 1_000_000 for number in range(3)]
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    ca.issue_cert("127.0.0.1").configure_cert(server)
    ca.configure_trust(client)
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for body in bodies:
            await reader.readuntil(b"{}")
            writer.write(http(body))
            await writer.drain()
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", ssl=server)
    async with asking(listening.sockets[0].getsockname()[1], tls=client) as node:
        for body in bodies:
            assert (await ask(node)).body == body
    assert connections == 1
    listening.close()


async def test_the_connection_ends_with_it_if_the_node_says_so() -> None:
    async def answer(request: Request) -> None:
        request.send(http(b"x" * 1_000_000, b"Connection: close"))

    async with RawNode(answer) as raw, asking(raw.port) as node:
        for _ in range(2):
            assert len((await ask(node)).body) == 1_000_000
    assert [request.connection for request in raw.requests] == [1, 2]


async def test_what_follows_it_is_not_the_next_response() -> None:
    async def answer(request: Request) -> None:
        request.send(http(b"x" * 1_000_000) + http(b"of nobody"))

    async with RawNode(answer) as raw, asking(raw.port) as node:
        for _ in range(3):
            assert len((await ask(node)).body) == 1_000_000
    assert [request.connection for request in raw.requests] == [1, 2, 3]


@pytest.mark.parametrize("kind", ["disconnected", "timeout"])
async def test_half_of_it_is_a_failure(kind: str) -> None:
    async def answer(request: Request) -> None:
        response = http(b"x" * 1_000_000)
        if len(raw.requests) > 1:
            request.send(response)
            return
        request.send(response[:500_000])
        await request.writer.drain()
        if kind == "disconnected":
            request.writer.close()

    async with RawNode(answer) as raw, asking(raw.port, seconds=0.5) as node:
        with pytest.raises(NodeFailure) as caught:
            await ask(node)
        assert caught.value.kind == kind
        assert len((await ask(node)).body) == 1_000_000
    assert [request.connection for request in raw.requests] == [1, 2]
