"""Nodes whose every byte a test writes: those that break HTTP, and what may stand where a node was."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Self

ConnectionHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class RawServer:
    """Handles each connection by `handle`, from `async with` on, at `port` or a free one."""

    def __init__(self, handle: ConnectionHandler, port: int = 0) -> None:
        self.port = port
        self.connections = 0
        """The number of connections so far."""
        self._handle = handle
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def wait_idle(self) -> None:
        """Wait until no connection is open any more."""
        async with asyncio.timeout(2):
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._handle(reader, writer)
        except asyncio.CancelledError:  # which streams would log as an error of the handler
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()


@dataclass
class Request:
    """One request as the node received it, with the writer for the response."""

    connection: int
    number: int
    """Of the request on its connection, from 1."""
    head: bytes
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def reset(self) -> None:
        """Close the connection with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


RequestHandler = Callable[[Request], Awaitable[None]]


class RawNode(RawServer):
    """Reads requests, and has `respond` write the response to each, valid or not."""

    def __init__(self, respond: RequestHandler) -> None:
        super().__init__(self._read_requests)
        self.requests: list[Request] = []
        self.received = asyncio.Event()
        """Set when a request has been received."""
        self.respond = respond

    async def _read_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection, number = self.connections, 0
        while not writer.is_closing():
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            number += 1
            request = Request(connection, number, head, b"", reader, writer)
            if length <= 100_000:
                request.body = await reader.readexactly(length)
            self.requests.append(request)
            self.received.set()
            await self.respond(request)
            await writer.drain()


@asynccontextmanager
async def replaced(url: str, handle: ConnectionHandler) -> AsyncIterator[None]:
    """While it lasts, `handle` serves the connections to `url`, at which nothing else listens."""
    async with RawServer(handle, int(url.rpartition(":")[2])):
        yield


async def hangs(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Never answers."""
    await reader.read()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Breaks the connection in the middle of the answer's head."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 O")
    await writer.drain()
    writer.transport.abort()


async def answers_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends the connection in the middle of the answer."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_HEAD + b'Content-Length: 99\r\n\r\n{"result":{"status":"succ')
    await writer.drain()


async def speaks_another_protocol(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with what is not HTTP."""
    writer.write(b"220 mail.example ESMTP\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"500 5.5.1 command unrecognized\r\n" * 3)
    await writer.drain()


async def answers_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with what is HTTP, and JSON, and no answer."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_HEAD + b'Content-Length: 16\r\n\r\n{"result":[1,2]}')
    await writer.drain()


async def answers_byte_by_byte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers, but so slowly that it takes minutes."""
    await reader.readuntil(b"\r\n\r\n")
    for byte in _HEAD + b"Content-Length: 5000\r\n\r\n" + b" " * 5000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def answers_without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with more than anybody could take."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_HEAD + b'Transfer-Encoding: chunked\r\n\r\n12\r\n{"result":{"big":"\r\n')
    while True:
        writer.write(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        await writer.drain()
