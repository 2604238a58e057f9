"""The clients: sessions and HTTP connections that send what is due when it is due, whatever has been answered."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import httptools

from bench.capacity.frames import CLOSE, PING, next_frame, pong, text_frame
from bench.capacity.mix import KINDS, STREAMS, VERSIONS, Arrival, message, post_body

_OPENED_TOGETHER = 50
_PATIENCE = 20.0
_DRAIN = 3.0
_FINEST = 0.001
_SAMPLED = 10
"""Of so many subscribers one looks at each message and when it was sent."""
_SENT, _ERROR = b'"sent":', b'"status":"error"'
_ID_LENGTH = 11
_NEAR = 1000
"""An error is at most so many bytes from its `id`."""
_UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Broken(Exception):
    """A client cannot be served as it has to be."""


@dataclass(slots=True)
class Seen:
    """What all clients saw, in seconds: of each request the latency from when it was due, infinite until answered; how
    late each was sent; of messages of streams the time since the node sent them. `pushed`: to the sampled subscribers.
    """

    latencies: list[float]
    late: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    pushed: int = 0
    errors: int = 0
    closed: int = 0


class Session(asyncio.Protocol):
    """A WebSocket session of one version. `answered` is called with the number of each request.

    Only one that `samples` reads frames. The others look for ids alone: of a ledger's transactions to a thousand
    subscribers, reading each would take longer than a proxy takes to send them.
    """

    def __init__(self, version: int, seen: Seen, answered: Callable[[int], None], *, samples: bool) -> None:
        self.version = version
        self.transport: asyncio.Transport
        self._seen = seen
        self._answered = answered
        self._samples = samples
        self._rest = b""
        self._is_open = False
        self._waits: asyncio.Future[None] | None = None

    async def open(self, port: int) -> None:
        """Connects. Raises Broken, OSError and TimeoutError."""
        loop = asyncio.get_running_loop()
        self._waits = loop.create_future()
        self.transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", port)
        self.transport.write(_UPGRADE)
        await asyncio.wait_for(self._waits, _PATIENCE)

    async def subscribe(self) -> None:
        """Subscribes to all streams; returns with the response."""
        self._waits = asyncio.get_running_loop().create_future()
        version = b"" if self.version == 1 else b',"api_version":%d' % self.version
        streams = ",".join(f'"{stream}"' for stream in STREAMS).encode()
        request = b'{"id":"s","command":"subscribe","streams":[%b]%b}' % (streams, version)
        self.transport.write(text_frame(request, client=True))
        await asyncio.wait_for(self._waits, _PATIENCE)

    def data_received(self, data: bytes) -> None:
        """Reads the handshake's response, then frames or ids."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        if not self._is_open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._fail(head.partition(b"\r\n")[0].decode())
                return
            self._is_open = True
            self._go_on()
        if self._samples or self._waits is not None:
            self._read_frames(data)
        else:
            self._find_ids(data)

    def _find_ids(self, data: bytes) -> None:
        at = data.find(b"#")
        while at >= 0:
            end = at + _ID_LENGTH
            if len(data) <= end:
                self._rest = data[max(0, at - 1) :]
                return
            if data[at - 1 : at] == data[end : end + 1] == b'"':  # otherwise a byte of a frame's length
                self._answered(int(data[at + 1 : end]))
                self._seen.errors += data.find(_ERROR, max(0, at - _NEAR), end + _NEAR) >= 0
            at = data.find(b"#", at + 1)
        if data.endswith(b'"'):
            self._rest = b'"'  # the next piece may begin with the number sign

    def _read_frames(self, data: bytes) -> None:
        at, seen = 0, self._seen
        while (frame := next_frame(data, at)) is not None:
            opcode, start, at, _ = frame
            if opcode == CLOSE:
                self.transport.close()
            elif opcode == PING:
                self.transport.write(pong(client=True))
            elif data.find(b'"#', start, at) >= 0:
                self._find_ids(data[start:at])
            elif self._waits is not None and data.find(b'"id":"s"', start, at) >= 0:
                self._fail(data[start:at].decode()) if data.find(_ERROR, start, at) >= 0 else self._go_on()
            else:
                seen.pushed += self._samples
                sent_at = data.find(_SENT, start, at) + len(_SENT)
                sent = int(data[sent_at:at].partition(b"}")[0].partition(b",")[0])
                seen.delays.append(time.monotonic() - sent / 1e6)
        self._rest = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends what waits."""
        self._seen.closed += 1
        self._fail("the connection ended")

    def _go_on(self) -> None:
        if self._waits is not None and not self._waits.done():
            self._waits.set_result(None)
        self._waits = None

    def _fail(self, why: str) -> None:
        if self._waits is not None and not self._waits.done():
            self._waits.set_exception(Broken(why))
        self._waits = None


class HttpConnection(asyncio.Protocol):
    """A connection that is kept open, with one request at a time; `idle` is called after each response, `lost` where
    the other side ends it.
    """

    def __init__(
        self,
        seen: Seen,
        answered: Callable[[int], None],
        idle: Callable[["HttpConnection"], None],
        lost: Callable[["HttpConnection"], None],
    ) -> None:
        self.transport: asyncio.Transport
        self._seen = seen
        self._answered = answered
        self._idle = idle
        self._lost = lost
        self._number = -1
        self._failed = False
        self._parser = httptools.HttpResponseParser(self)

    async def open(self, port: int) -> None:
        """Connects. Raises OSError."""
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", port)

    def send(self, number: int, body: bytes) -> None:
        """Sends the request of this number."""
        self._number = number
        self._failed = False
        self.transport.write(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )

    def data_received(self, data: bytes) -> None:
        """Reads a part of a response."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Looks at a part of a body."""
        self._failed = self._failed or _ERROR in body

    def on_message_complete(self) -> None:
        """Counts the response."""
        self._answered(self._number)
        self._seen.errors += self._failed or self._parser.get_status_code() != 200
        self._number = -1
        self._idle(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts it if a request is lost with it."""
        self._seen.closed += self._number >= 0
        self._lost(self)


@dataclass(slots=True)
class Clients:
    """So many sessions, every second of them subscribed, half of each version, and HTTP connections for a tenth."""

    port: int
    count: int
    sessions: list[Session] = field(default_factory=list)
    seen: Seen = field(default_factory=lambda: Seen([]))
    _idle: list[HttpConnection] = field(default_factory=list)
    _all: list[HttpConnection] = field(default_factory=list)
    _waiting: deque[tuple[int, bytes]] = field(default_factory=deque)
    _due: Sequence[float] = ()
    _opening: set[asyncio.Task[None]] = field(default_factory=set)
    _is_closed: bool = False
    _began: float = 0.0
    _unanswered: int = 0
    _all_answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> None:
        """Connects and subscribes all. Raises Broken, OSError and TimeoutError."""
        for first in range(0, self.count, _OPENED_TOGETHER):
            numbers = range(first, min(first + _OPENED_TOGETHER, self.count))
            await asyncio.gather(*(self._open_session(number) for number in numbers))
        for _ in range(max(4, self.count // 10)):
            await self._open_connection()

    async def _open_connection(self) -> None:
        connection = HttpConnection(self.seen, self._on_answered, self._on_idle, self._on_lost)
        await connection.open(self.port)
        self._all.append(connection)
        self._on_idle(connection)

    async def _open_session(self, number: int) -> None:
        subscribes, version = number % 2, VERSIONS[number // 2 % 2]
        samples = number % (2 * _SAMPLED) == 1
        session = Session(version, self.seen, self._on_answered, samples=samples)
        await session.open(self.port)
        if subscribes:
            await session.subscribe()
        self.sessions.append(session)

    @property
    def pushed(self) -> float:
        """Messages to all subscribers, from those to the sampled ones."""
        subscribers = self.count // 2
        return self.seen.pushed * subscribers / len(range(1, self.count, 2 * _SAMPLED)) if subscribers else 0.0

    def close(self) -> None:
        """Ends all connections."""
        self._is_closed = True
        for task in self._opening:
            task.cancel()
        for transport in [*(each.transport for each in self.sessions), *(each.transport for each in self._all)]:
            transport.abort()

    async def send(self, requests: Sequence[Arrival]) -> None:
        """Sends each request when it is due, and waits a little for the last responses; `seen` is all about these."""
        seen = self.seen
        seen.latencies[:] = [float("inf")] * len(requests)
        seen.late.clear()
        seen.delays.clear()
        seen.pushed = seen.errors = seen.closed = 0
        self._due = [request.at for request in requests]
        self._began = began = time.monotonic()
        for number, request in enumerate(requests):
            while (early := began + request.at - time.monotonic()) > 0:  # noqa: ASYNC110 - for a time, not an event
                await asyncio.sleep(max(early, _FINEST))
            seen.late.append(-early)
            self._send(number, request)
            if number % 50 == 49:  # what has arrived is read even when much is due
                await asyncio.sleep(0)
        self._unanswered = seen.latencies.count(float("inf"))
        self._all_answered.clear()
        if self._unanswered:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_answered.wait(), _DRAIN)

    def _send(self, number: int, request: Arrival) -> None:
        kind = KINDS[request.kind]
        if kind.over_http:
            body = post_body(kind.method, VERSIONS[request.sender % 2], request.about)
            if self._idle:
                self._idle.pop().send(number, body)
            else:
                self._waiting.append((number, body))
            return
        session = self.sessions[request.sender % len(self.sessions)]
        if session.transport.is_closing():
            return  # it stays unanswered
        text = message(kind.method, session.version, request.about, number)
        session.transport.write(text_frame(text, client=True))

    def _on_answered(self, number: int) -> None:
        if self.seen.latencies[number] < float("inf"):
            return  # an error quotes the request
        self.seen.latencies[number] = time.monotonic() - self._began - self._due[number]
        self._unanswered -= 1
        if not self._unanswered:
            self._all_answered.set()

    def _on_lost(self, connection: HttpConnection) -> None:
        if self._is_closed:
            return
        self._all.remove(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        task = asyncio.ensure_future(self._open_connection())
        self._opening.add(task)
        task.add_done_callback(self._on_opened)

    def _on_opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        self.seen.closed += not task.cancelled() and task.exception() is not None

    def _on_idle(self, connection: HttpConnection) -> None:
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._idle.append(connection)
