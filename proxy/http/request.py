"""One HTTP request of a client: its head, and its body as far as it has come."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from proxy.eventloop.chunk_buffer import ChunkBuffer

if TYPE_CHECKING:
    from proxy.http.connection import Connection

READ_AHEAD = 65_536
"""Bytes of a body that are taken before anybody reads it."""


class IncompleteBody(Exception):  # noqa: N818 - what has happened
    """The rest of the body will not come: the client has gone, or what it sends is no HTTP."""


class Body:
    """The body of a request, while it comes and after."""

    __slots__ = ("_connection", "_failure", "_most", "_parts", "_waiter", "complete", "discarded")

    def __init__(self, connection: "Connection") -> None:
        self.complete = False
        """Whether it has come to its end."""
        self.discarded = False
        """Nobody is going to read it: what still comes is forgotten."""
        self._connection = connection
        self._parts = ChunkBuffer()
        self._most = READ_AHEAD
        self._waiter: asyncio.Future[None] | None = None
        self._failure: Exception | None = None

    async def read(self, limit: int) -> bytes:
        """All of it; of one longer than `most` bytes, some more than `most`: enough to refuse it by its size.

        Raises BodyBroken; TimeoutError where the client takes too long over it.
        """
        self._most = limit
        while not self.complete and self._parts.size <= limit and self._failure is None:
            self._waiter = asyncio.get_running_loop().create_future()
            self._connection.go_on_reading()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.read_now()

    def read_now(self) -> bytes:
        """What has come of it. Raises as `read`."""
        if self._failure is not None:
            raise self._failure
        return self._parts.drain()

    def feed(self, part: bytes) -> bool:
        """Takes what came; says whether more may come at once."""
        if self.discarded:
            return True
        self._parts.add(part)
        if self._parts.size <= self._most:
            return True
        self._wake()
        return False

    def finish(self) -> None:
        """It has come to its end."""
        self.complete = True
        self._wake()

    def fail(self, failure: Exception) -> None:
        """The rest will not come: whoever reads it is told so."""
        self._failure = failure
        self._wake()

    def drop(self) -> None:
        """Forgets it."""
        self.discarded = True
        self._parts.drain()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class BufferedBody(Body):
    """The body of a request that was there wholly when its head was."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.complete = True
        self.discarded = False

    async def read(self, limit: int) -> bytes:
        """All of it, however long."""
        return self._content

    def read_now(self) -> bytes:
        """All of it."""
        return self._content


class Head:
    """What stands before the body of a request.

    `method`: as it was sent, `POST`. `headers`: with names in lower case, and the values of one that was sent
    repeatedly joined by commas (RFC 9110, 5.3). `keep_alive`: whether the client wants the connection to stay open.
    `content_length`: bytes of the body; 0 where it does not say. `wants_websocket`: whether it asks for the connection
    to become a WebSocket; with a body it would be no such request.
    """

    __slots__ = ("content_length", "headers", "is_1_1", "keep_alive", "method", "target", "wants_websocket")

    def __init__(
        self, method: str, target: bytes, headers: Mapping[str, str], *, is_1_1: bool, keep_alive: bool
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.is_1_1 = is_1_1
        # One with chunks may have come through what knows none, and took its body for something else (RFC 9112, 6.1).
        self.keep_alive = keep_alive and (is_1_1 or "transfer-encoding" not in headers)
        self.content_length = int(headers.get("content-length", 0))
        self.wants_websocket = (
            method == "GET"
            and headers.get("upgrade", "").lower() == "websocket"
            and not self.content_length
            and "transfer-encoding" not in headers
        )

    def serialize(self, *, but: str = "") -> bytes:
        """It as it came, for another reader of HTTP; without the header `but`."""
        lines = [f"{name}: {value}" for name, value in self.headers.items() if name != but]
        text = "".join(f"{line}\r\n" for line in lines).encode(errors="surrogateescape")
        return b"%b %b HTTP/1.%d\r\n%b\r\n" % (self.method.encode(), self.target, self.is_1_1, text)


class Request:
    """A request whose head has come. `remote`: the address of the peer."""

    __slots__ = ("body", "connection", "head", "headers", "method", "remote")

    def __init__(self, head: Head, body: Body, remote: str, connection: "Connection") -> None:
        self.head = head
        self.method = head.method
        self.headers = head.headers
        self.body = body
        self.remote = remote
        self.connection = connection

    def send_continue(self) -> None:
        """Has a client that asks whether to send the body send it (`Expect: 100-continue`; RFC 9110, 10.1.1)."""
        if not self.head.is_1_1 or self.headers.get("expect", "").lower() != "100-continue":
            return
        self.connection.flush()
        if self.connection.transport is not None:
            self.connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
