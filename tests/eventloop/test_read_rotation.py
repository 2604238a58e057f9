"""Large messages that arrive at the same time are read in rotation."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest

from proxy.eventloop.read_rotation import ReadRotation
from proxy.eventloop.write_batcher import WriteBatcher
from proxy.nodes.http_connection import HttpConnection
from proxy.nodes.large_responses import LargeResponses

BODY = b"x" * 4_000_000
CONNECTIONS = 8


class Iterations:
    """Counts the iterations of the event loop."""

    def __init__(self) -> None:
        self.count = 0
        self._next = asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self.count += 1
        self._next = asyncio.get_running_loop().call_soon(self._begin)

    def stop(self) -> None:
        self._next.cancel()


class Recorded(HttpConnection):
    """Records in which iterations it received the pieces of a response. `lost_after`: pieces until it is aborted."""

    def __init__(self, rotation: ReadRotation, iterations: Iterations, lost_after: int = sys.maxsize) -> None:
        super().__init__(10_000_000, WriteBatcher(), rotation, LargeResponses(10_000_000))
        self.pieces: list[int] = []
        self._iterations = iterations
        self._lost_after = lost_after

    def data_received(self, data: bytes) -> None:
        self.pieces.append(self._iterations.count)
        super().data_received(data)
        if len(self.pieces) == self._lost_after:
            self.abort()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that answers every request on a connection with a large body."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while await reader.read(1000):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
                await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def connected(port: int, lost_after: Sequence[int]) -> AsyncIterator[list[Recorded]]:
    """A connection for each of `lost_after`, all in one rotation."""
    rotation, iterations = ReadRotation(), Iterations()
    connections = []
    for pieces in lost_after:
        connection = Recorded(rotation, iterations, pieces)
        await asyncio.get_running_loop().create_connection(partial(_same, connection), "127.0.0.1", port)
        connections.append(connection)
    yield connections
    iterations.stop()
    for connection in connections:
        connection.abort()
    await asyncio.gather(*(connection.closed() for connection in connections))


def _same(connection: Recorded) -> Recorded:
    return connection


async def test_connections_read_one_at_a_time(port: int) -> None:
    async with connected(port, [sys.maxsize] * 8) as connections:
        for _ in range(2):  # a connection is reusable after a large response
            for connection in connections:
                connection.pieces.clear()
            answers = await asyncio.gather(*(connection.ask(b"POST") for connection in connections))
            assert [answer.body for answer in answers] == [BODY] * 8
            # The first pieces may come at the same time: not before is it known that the responses are large.
            later = Counter(iteration for connection in connections for iteration in connection.pieces[2:])
            assert max(later.values()) == 1


async def test_connections_take_turns(port: int) -> None:
    async with connected(port, [sys.maxsize] * 2) as connections:
        await asyncio.gather(*(connection.ask(b"POST") for connection in connections))
        first, second = (connection.pieces for connection in connections)
        assert first[0] < second[-1]
        assert second[0] < first[-1]


async def test_a_connection_that_is_lost_while_it_is_paused_delays_nobody(port: int) -> None:
    async with connected(port, [2, sys.maxsize, sys.maxsize]) as connections:
        waiting = [connection.ask(b"POST") for connection in connections]
        lost, *others = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(lost, ConnectionResetError)
        assert [getattr(other, "body", None) for other in others] == [BODY, BODY]
