"""One client's HTTP/1.1 connection: its I/O and time limits. `proxy.http.protocol` parses the bytes.

aiohttp's server takes three times as long for a small request. WebSockets are handed over (`proxy.http.upgrade`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import structlog

from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.eventloop.write_batcher import WriteBatcher
from proxy.http.limits import ClientLimits, ConnectionTimers, TimeoutReason
from proxy.http.protocol import (
    CONTINUE,
    BodyReceived,
    Event,
    InputEnded,
    RequestEnded,
    RequestInvalid,
    RequestReceived,
    ServerProtocol,
)
from proxy.http.reader import ReadControl
from proxy.http.request import READ_AHEAD, Body, IncompleteBody, Request
from proxy.http.response import TEXT, Response
from proxy.http.writer import ResponseWriter

Handler = Callable[[Request], Awaitable[Response]]

NEW_CLIENT_SECONDS = 0.25
"""For a client to send the head of a request, when its connection is to be closed as soon as it is idle."""

log = structlog.get_logger(__name__)


class Connection(asyncio.Protocol):
    """Responds to the requests of one client, one after the other, with what `handler` returns.

    `upgrade`: takes over the connection for a WebSocket handshake, with the request and the bytes received after it.
    `ended`: is called when the client is gone. `remote`: the client's address. `writes`: the batcher of its listener.
    `unsent_bytes`, `shed`: see ResponseWriter.
    """

    __slots__ = (
        "_body",
        "_ended",
        "_handler",
        "_http",
        "_loop",
        "_reader",
        "_remote",
        "_request",
        "_task",
        "_timers",
        "_upgrade",
        "_upgraded",
        "_writer",
        "_writes",
        "took_nothing",
        "transport",
    )

    def __init__(
        self,
        remote: str,
        handler: Handler,
        upgrade: Callable[["Connection", Request, bytes], None],
        ended: Callable[["Connection"], None],
        writes: WriteBatcher,
        unsent_bytes: UnsentBytes,
        shed: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._remote = remote
        self._handler = handler
        self._upgrade = upgrade
        self._ended = ended
        self._writes = writes
        self._http = ServerProtocol()
        self._reader = ReadControl(self._loop)
        self._writer = ResponseWriter(writes, unsent_bytes, shed)
        self._timers = ConnectionTimers(self._loop.time())
        self.transport: asyncio.Transport | None = None
        """None before the client is connected and after it is gone."""
        self.took_nothing = False
        """The system ended the connection, because the client took nothing of its response (TCP_USER_TIMEOUT)."""
        self._request: Request | None = None
        """The current request, until its response is written."""
        self._task: asyncio.Task[None] | None = None
        """Serves the current request."""
        self._body: Body | None = None
        """The request whose rest the client is still sending, possibly after its response."""
        self._upgraded = False
        """Another protocol has the transport."""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is connected."""
        self.transport = cast(asyncio.Transport, transport)
        self._reader.connection_made(transport)
        self._writer.connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client is gone. Its request is served to the end: a node may have received it."""
        self._http.close()
        self._request = self.transport = None
        self._fail_body(IncompleteBody)
        self.took_nothing = isinstance(exc, TimeoutError) and self._timers.is_stalled
        self._timers.write_resumed()
        self._writer.connection_lost()
        self._reader.connection_lost()
        self._ended(self)

    def data_received(self, data: bytes) -> None:
        """The client has sent part of a request, a request, or several."""
        complete = self._http.receive_complete(data)
        if complete is not None:
            self._timers.request_complete()
            self._start(Request(*complete, self._remote, self._write_continue))
            return
        self._timers.received(len(data), self._loop.time())
        self._handle_events(self._http.receive(data))
        if self._http.in_message:
            self._reader.received_part(len(data))

    def eof_received(self) -> bool:
        """The client sends no more. Return whether it may still receive a response; else the transport closes."""
        self._writer.flush()
        self._handle_events(self._http.receive_eof())
        over_tls = self.transport is None or self.transport.get_extra_info("sslcontext") is not None
        return self._request is not None and not over_tls

    def pause_writing(self) -> None:
        """The client reads its response more slowly than it is written."""
        self._writer.pause()
        self._timers.write_paused(self._writer.unsent_bytes(), self._loop.time())

    def resume_writing(self) -> None:
        """The client has read enough for more to be written."""
        self._timers.write_resumed()
        self._writer.resume()

    # Requests

    def _handle_events(self, event: Event | None) -> None:
        while event is not None:
            match event:
                case RequestReceived():
                    self._request_received(event)
                case BodyReceived():
                    if self._body is not None and not self._body.feed(event.data):
                        self._reader.pause()
                case RequestEnded():
                    self._request_ended()
                case RequestInvalid():
                    self._request_invalid(event)
                case InputEnded():
                    self._fail_body(IncompleteBody)
            if self._upgraded:
                return
            event = self._http.next_event()
        if self._http.pending_bytes > READ_AHEAD:
            self._reader.pause()

    def _request_received(self, event: RequestReceived) -> None:
        self._body = Body(self._reader.resume)
        self._timers.head_complete(self._loop.time())
        request = Request(event.head, self._body, self._remote, self._write_continue)
        if event.head.wants_websocket:
            self._hand_over(request)
        else:
            self._start(request)

    def _start(self, request: Request) -> None:
        self._request = request
        self._task = self._loop.create_task(self._serve(request))

    def _request_ended(self) -> None:
        self._timers.body_complete()
        if self._body is not None:
            self._body.finish()
            self._body = None
        if self._request is None:  # it has its response already
            self._wait_for_request()

    def _request_invalid(self, event: RequestInvalid) -> None:
        log.debug("malformed_request", peer=self._remote, problem=event.problem)
        if self._body is not None:
            self._fail_body(IncompleteBody)  # which its handler responds to
        elif self._request is None and not self._timers.is_lingering:
            self._writer.write(self._http.refuse(event.problem))
            self._close()

    def _fail_body(self, failure: type[Exception]) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.fail(failure)

    async def _serve(self, request: Request) -> None:
        self._writes.in_flight += 1
        try:
            response = await self._handler(request)
            pieces = self._http.respond(response, request.id)
        except Exception:
            log.exception("request_failed", peer=request.remote, request_id=request.id)
            response = Response(500, b"Internal Server Error: this is a fault of the proxy\r\n", TEXT)
            pieces = self._http.respond(response, request.id)
        finally:
            self._writes.in_flight -= 1
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if not self._writer.write(pieces, response.encoder, chunked=request.head.is_1_1):
            del response, pieces  # the writer frees a large body as the client takes it
            await self._writer.drain()
        if not transport.is_closing():
            self._response_sent(request)

    def _response_sent(self, request: Request) -> None:
        self._request = self._task = None
        has_more = self._http.response_sent()
        if self._http.is_receiving_body:
            if isinstance(request.body, Body):
                request.body.drop()
            self._timers.start_linger(self._loop.time())
            self._reader.resume()
            return
        event = self._http.next_event() if has_more else None
        if event is None:
            self._wait_for_request()
            return
        self._handle_events(event)
        if self._upgraded:
            return
        if not self._http.is_responding:
            self._wait_for_request()
        elif self._http.pending_bytes <= READ_AHEAD:
            self._reader.resume()

    def _wait_for_request(self) -> None:
        """The client has all its responses."""
        if self._http.should_close:
            self._close()
            return
        now = self._loop.time()
        self._timers.mark_idle(now)
        if self._http.in_message:  # a part of the next head arrived before the last response
            self._timers.received(0, now)
        self._reader.resume()

    def _hand_over(self, request: Request) -> None:
        """Have another protocol take over the transport."""
        self._writer.flush()
        self._upgraded = True
        self._request = self._body = None
        rest = self._http.take_input()
        self._http.close()
        if self.transport is not None and not self.transport.is_closing():
            self._reader.end_throttle()  # before the other protocol gets `rest`, which may be more than it can buffer
            self._upgrade(self, request, rest)

    def _write_continue(self) -> None:
        self._writer.flush()
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(CONTINUE)

    # Ending

    def close_idle(self, *, even_in_head: bool) -> None:
        """Close it unless there is a request or a WebSocket; also while a head arrives, if `even_in_head`."""
        if self._request is not None or self._upgraded or self._timers.is_lingering:
            return
        if self._timers.awaits_head_since(self._loop.time() - NEW_CLIENT_SECONDS):
            return  # its request may have been sent already
        if even_in_head or not self._http.in_message:
            self._close()

    def _close(self) -> None:
        self._http.should_close = True
        self._writer.flush()
        if self.transport is not None:
            self.transport.close()

    def check_timeouts(self, now: float, limits: ClientLimits) -> TimeoutReason | None:
        """Enforce the time limits at the loop's time `now`; return which one was exceeded, if any.

        A request whose body is late gets a response with status 408; anything else ends with the connection. A
        connection that was idle for too long is closed, and that is not reported.
        """
        if self.transport is None:
            return None
        self._writer.check()
        self._reader.check()
        overdue = self._timers.overdue(
            now,
            limits,
            is_closing=self.transport.is_closing(),
            unsent=self._writer.unsent_bytes(),
            is_body_awaited=self._body is not None,
            is_paused=self._reader.is_paused,
        )
        if overdue == "slow_body":
            self._fail_body(TimeoutError)
            self._http.should_close = True
        elif overdue is not None:
            self.transport.abort()
        elif self._timers.idle_expired(now, limits):
            self._close()
        return overdue

    async def cancel(self) -> None:
        """End the request in progress, and the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._writer.flush()
        if self.transport is not None:
            self.transport.abort()
