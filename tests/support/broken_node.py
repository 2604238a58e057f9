"""What may stand where a node was: it takes connections, and does as nodes should not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Conduct = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@asynccontextmanager
async def fallen(url: str, conduct: Conduct) -> AsyncIterator[None]:
    """While it lasts, whoever connects to `url` meets with `conduct`. Nothing else listens there."""
    busy: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        busy.add(task)
        try:
            # Streams log a cancelled one as a fault of theirs.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await conduct(reader, writer)
        finally:
            busy.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", int(url.rpartition(":")[2]))
    try:
        yield
    finally:
        server.close()
        for task in tuple(busy):
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        await server.wait_closed()


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
