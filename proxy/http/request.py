"""One HTTP request of a client: its head, and as much of its body as has arrived."""

import asyncio
from collections.abc import Callable, Mapping

from proxy.eventloop.chunk_buffer import ChunkBuffer

READ_AHEAD = 65_536
"""Bytes of a body to buffer before anything reads it."""


class IncompleteBody(Exception):
    """The rest of the body will not arrive: the client is gone, or sent invalid HTTP."""


class Body:
    """The body of a request, while it arrives and after. `resume_reading`: lets the connection read more of it."""

    __slots__ = ("_failure", "_limit", "_parts", "_resume_reading", "_waiter", "complete", "discarded")

    def __init__(self, resume_reading: Callable[[], None]) -> None:
        self.complete = False
        """Whether all of it has arrived."""
        self.discarded = False
        """Nothing will read it: what still arrives is dropped."""
        self._resume_reading = resume_reading
        self._parts = ChunkBuffer()
        self._limit = READ_AHEAD
        self._waiter: asyncio.Future[None] | None = None
        self._failure: type[Exception] | None = None

    async def read(self, limit: int) -> bytes:
        """Return all of it; of a body longer than `limit` bytes, a little more than `limit`.

        Raises IncompleteBody; TimeoutError if the client takes too long to send it.
        """
        self._limit = limit
        while not self.complete and self._parts.size <= limit and self._failure is None:
            self._waiter = asyncio.get_running_loop().create_future()
            self._resume_reading()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.read_now()

    def read_now(self) -> bytes:
        """Return what has arrived. Raises as `read` does."""
        if self._failure is not None:
            raise self._failure  # the class: an instance's traceback would hold this body, which would hold it
        return self._parts.drain()

    def feed(self, part: bytes) -> bool:
        """Add what has arrived; return whether more may be read from the client now."""
        if self.discarded:
            return True
        self._parts.add(part)
        if self._parts.size <= self._limit:
            return True
        self._wake()
        return False

    def finish(self) -> None:
        """Note that all of it has arrived."""
        self.complete = True
        self._wake()

    def fail(self, failure: type[Exception]) -> None:
        """Make its reader raise a `failure`: the rest will not arrive."""
        self._failure = failure
        self._wake()

    def drop(self) -> None:
        """Free what has arrived, and drop what still arrives."""
        self.discarded = True
        self._parts.drain()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Head:
    """The request line and the headers.

    `method`: as it was sent, `POST`. `headers`: with names in lower case, and the values of one that was sent
    repeatedly joined by commas (RFC 9110, 5.3). `keep_alive`: whether the client wants the connection to stay open.
    `content_length`: bytes of the body; 0 if the head does not say. `wants_websocket`: whether it is a WebSocket
    handshake (RFC 6455, 4.1); a request with a body is not.
    """

    __slots__ = (
        "content_length",
        "headers",
        "is_1_1",
        "is_shared",
        "keep_alive",
        "method",
        "target",
        "wants_websocket",
    )

    def __init__(
        self, method: str, target: bytes, headers: Mapping[str, str], *, is_1_1: bool, keep_alive: bool
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.is_1_1 = is_1_1
        # A chunked body of HTTP/1.0 may have come through a proxy that frames it differently (RFC 9112, 6.1).
        self.keep_alive = keep_alive and (is_1_1 or "transfer-encoding" not in headers)
        self.content_length = int(headers.get("content-length", 0))
        self.is_shared = False
        """Whether later requests with an equal head have this very object: the head parser remembers it."""
        self.wants_websocket = (
            method == "GET"
            and headers.get("upgrade", "").lower() == "websocket"
            and not self.content_length
            and "transfer-encoding" not in headers
        )

    def serialize(self, *, without: str = "") -> bytes:
        """Return it as bytes, for another HTTP parser; without the header `without`."""
        lines = [f"{name}: {value}" for name, value in self.headers.items() if name != without]
        text = "".join(f"{line}\r\n" for line in lines).encode(errors="surrogateescape")
        return b"%b %b HTTP/1.%d\r\n%b\r\n" % (self.method.encode(), self.target, self.is_1_1, text)


class Request:
    """A request whose head has arrived.

    `body`: its body if that arrived together with the head, else where it is received. `remote`: the address of the
    peer. `write_continue`: writes an interim response 100 to the client.
    """

    __slots__ = ("_write_continue", "body", "head", "headers", "id", "method", "remote")

    def __init__(self, head: Head, body: bytes | Body, remote: str, write_continue: Callable[[], None]) -> None:
        self.head = head
        self.method = head.method
        self.headers = head.headers
        self.body = body
        self.remote = remote
        self.id = ""
        """The request id in log lines and in the response's X-Request-Id header, once it has one: printable ASCII."""
        self._write_continue = write_continue

    def send_continue(self) -> None:
        """Ask for the body if the client waits for that (`Expect: 100-continue`; RFC 9110, 10.1.1)."""
        if self.head.is_1_1 and self.headers.get("expect", "").lower() == "100-continue":
            self._write_continue()
