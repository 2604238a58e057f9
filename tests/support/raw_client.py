"""A client that writes what a test wants, byte by byte, and reads what comes of it."""

import asyncio
import socket
from types import TracebackType
from urllib.parse import urlsplit

import orjson


class RawClient:
    """One connection to a proxy's `url`, from the address `source` if there is one.

    `small` keeps the receive buffer small: what the client does not read stays with the server.
    """

    def __init__(self, url: str, *, small: bool = False, source: str = "") -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._small = small
        self._source = source

    async def __aenter__(self) -> "RawClient":
        connecting = socket.socket(socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET)
        connecting.setblocking(False)
        if self._small:
            connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if self._source:
            connecting.bind((self._source, 0))
        await asyncio.get_running_loop().sock_connect(connecting, self._address)
        # So that nothing is read ahead of the test.
        self.reader, self._writer = await asyncio.open_connection(sock=connecting, limit=65536)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.transport.abort()

    async def send(self, data: bytes) -> None:
        """Write, unless the other side is gone."""
        if not self._writer.transport.is_closing():
            self._writer.write(data)

    def end(self) -> None:
        """Say that nothing more is sent, unless the other side is gone."""
        if not self._writer.transport.is_closing():
            self._writer.write_eof()

    async def rest(self, seconds: float = 5) -> bytes:
        """All that comes until the other side closes; TimeoutError if it does not."""
        async with asyncio.timeout(seconds):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def head(self, seconds: float = 5) -> bytes:
        """The head of one answer."""
        async with asyncio.timeout(seconds):
            return await self.reader.readuntil(b"\r\n\r\n")


def post(request: object, *headers: str) -> bytes:
    """A POST of JSON, ready to be sent."""
    body = orjson.dumps(request)
    lines = ["POST / HTTP/1.1", "Host: proxy", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
