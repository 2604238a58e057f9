"""Large responses: how many bytes of them the proxy holds at a time, and that clients share these fairly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from proxy.nodes import HttpNode, NodeFailure, NodeResponse
from proxy.nodes.large_responses import LargeResponses, Room
from proxy.nodes.websocket import NodeConnection, WebSocketConnector
from tests.support.client import check_stays, until
from tests.support.raw_node import RawNode, Request
from tests.support.raw_websocket import frame

ATTACKER, OTHER = "192.0.2.1", "192.0.2.2"
SECONDS = 30
LARGEST, SIZE = 2_000_000, 1_500_000
DECLARED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE + b"x" * SIZE
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % SIZE + b"x" * SIZE + b"\r\n0\r\n\r\n"


class Asking:
    """Requests to a node whose responses are held until `free`."""

    def __init__(self, node: HttpNode) -> None:
        self._node = node
        self._tasks: list[asyncio.Task[None]] = []
        self.held: list[NodeResponse] = []
        self.failed: list[NodeFailure] = []

    def ask(self, client: str | None, number: int = 1) -> None:
        self._tasks += [asyncio.create_task(self._ask(client)) for _ in range(number)]

    async def _ask(self, client: str | None) -> None:
        deadline = asyncio.get_running_loop().time() + SECONDS
        try:
            response = await self._node.ask(b"{}", client=client, method="ledger", reads_only=True, deadline=deadline)
        except NodeFailure as failure:
            self.failed.append(failure)
        else:
            assert len(response.body) == SIZE
            self.held.append(response)

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def free(self) -> None:
        """Free what is held until no request is left."""
        while not all(task.done() for task in self._tasks):
            self.held.clear()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def asking(answer: bytes, *, answer_timeout: float = SECONDS) -> AsyncIterator[Asking]:
    async def give(request: Request) -> None:
        request.send(answer)

    async with RawNode(give) as raw:
        node = HttpNode(
            "node-1",
            f"http://127.0.0.1:{raw.port}",
            connect_timeout=SECONDS,
            answer_timeout=answer_timeout,
            idle_timeout=SECONDS,
            connections=40,
            answer_bytes=LARGEST,
        )
        requests = Asking(node)
        try:
            yield requests
        finally:
            await requests.cancel()
            await node.close()


@pytest.mark.parametrize(("answer", "at_a_time"), [(DECLARED, 4), (CHUNKED, 3)])
async def test_one_client_gets_three_quarters_of_the_room(answer: bytes, at_a_time: int) -> None:
    """Four responses of the largest size have room. One without a declared length could be as large as that."""
    async with asking(answer) as requests:
        requests.ask(ATTACKER, 20)
        await until(lambda: len(requests.held) == at_a_time)
        await check_stays(lambda: len(requests.held) == at_a_time, 0.2)
        requests.ask(OTHER)
        requests.ask(None)  # the proxy's own, such as a health check
        await until(lambda: len(requests.held) == at_a_time + 2)
        await requests.free()


async def test_who_stops_waiting_leaves_the_room_to_others() -> None:
    async with asking(DECLARED) as requests:
        requests.ask(ATTACKER, 20)
        await until(lambda: len(requests.held) == 4)
        await requests.cancel()
        requests.held.clear()
        requests.ask(OTHER, 4)
        await until(lambda: len(requests.held) == 4)


async def test_the_node_is_not_blamed_for_what_waited() -> None:
    async with asking(DECLARED, answer_timeout=3) as requests:
        requests.ask(ATTACKER, 6)
        await until(lambda: len(requests.failed) == 2)
        assert {(failure.kind, failure.client_fault) for failure in requests.failed} == {("timeout", True)}


class Receiving:
    """WebSocket connections to a node, each of which receives one large message for a client, held until `free`."""

    def __init__(self, connector: WebSocketConnector, url: str) -> None:
        self._connector = connector
        self._url = url
        self._large_responses = LargeResponses(4 * LARGEST)
        self._connections: list[NodeConnection] = []
        self.held: list[Room | None] = []

    async def receive(self, client: str) -> None:
        connection = await self._connector.connect("a", self._url, client, large_responses=self._large_responses)

        def received(message: bytes) -> None:
            assert len(message) == SIZE
            room, connection.room = connection.room, None
            self.held.append(room)

        connection.start(received, lambda: None)
        self._connections.append(connection)

    async def close(self) -> None:
        self.held.clear()
        await asyncio.gather(*(each.close() for each in self._connections))


@asynccontextmanager
async def receiving(*, in_fragments: bool) -> AsyncIterator[Receiving]:
    async def send(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        if in_fragments:
            assert request.transport is not None
            for part in range(15):
                request.transport.write(frame(b"x" * (SIZE // 15), int(part == 0), fin=part == 14, masked=False))
        else:
            await socket.send_str("x" * SIZE)
        await socket.receive()
        return socket

    async with RawTestServer(send) as server:
        connector = WebSocketConnector(connect_timeout=SECONDS, ping_interval=SECONDS, message_bytes=LARGEST)
        connections = Receiving(connector, str(server.make_url("/")).replace("http", "ws"))
        try:
            yield connections
        finally:
            await connections.close()


@pytest.mark.parametrize(("in_fragments", "at_a_time"), [(False, 4), (True, 3)])
async def test_one_client_gets_three_quarters_of_the_room_over_websocket(in_fragments: bool, at_a_time: int) -> None:
    async with receiving(in_fragments=in_fragments) as connections:
        for _ in range(10):
            await connections.receive(ATTACKER)
        await until(lambda: len(connections.held) == at_a_time)
        await check_stays(lambda: len(connections.held) == at_a_time, 0.2)
        await connections.receive(OTHER)
        await until(lambda: len(connections.held) == at_a_time + 1)
        received = 0
        while received < 11:
            received += len(connections.held)
            connections.held.clear()
            await asyncio.sleep(0.01)
