"""One client's HTTP/1.1 connection: requests taken apart by llhttp, answered in their order, each within its time.

aiohttp's server takes three times as long over a small request, which is most of what a proxy in Python costs. What
becomes a WebSocket is given over to aiohttp (`proxy.http.upgrade`).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import cast

import httptools
import structlog

from proxy.eventloop.write_batcher import WriteBatcher
from proxy.http.head_parser import MOST_HEAD_BYTES, HeadParser, MalformedRequest, parse_cached_head
from proxy.http.limits import ClientLimits, ConnectionTimers, TimeoutReason
from proxy.http.request import READ_AHEAD, Body, BufferedBody, IncompleteBody, Request
from proxy.http.response import TEXT, Response

Handler = Callable[[Request], Awaitable[Response]]

_REQUESTS_AHEAD = 16
"""Requests that a client may send without waiting for their answers; more wait as they came."""
_READ_AT_ONCE = 4_096
"""Bytes that the parser is given, which cannot be stopped at a request: so many of the smallest are some hundred."""
NO_HTTP = b"Bad Request: this is not HTTP/1.1 as it is understood here\r\n"
"""What a client is told that sends something else."""
_FAILED = b"Internal Server Error: this is a fault of the proxy's own\r\n"

log = structlog.get_logger(__name__)


class Connection(asyncio.Protocol):
    """Answers the requests of a client by `handler`, and knows what the client is taking its time over.

    `upgrade`: is given the connection, the request and what came after it, when a client wants a WebSocket. `ended`:
    is told when the client is gone. `remote`: its address. `outlet`: that of its listener. The parser calls the `on_…`
    methods.
    """

    __slots__ = (
        "_current",
        "_drained",
        "_ended",
        "_half_closed",
        "_handler",
        "_head",
        "_in_message",
        "_last",
        "_loop",
        "_malformed",
        "_outlet",
        "_parser",
        "_patience",
        "_pipeline",
        "_receiving",
        "_remote",
        "_reparse",
        "_start_pending",
        "_task",
        "_unparsed",
        "_unread",
        "_unwritten",
        "_upgrade",
        "_upgrade_data",
        "_websocket",
        "transport",
    )

    def __init__(
        self,
        remote: str,
        handler: Handler,
        upgrade: Callable[["Connection", Request, bytes], None],
        ended: Callable[["Connection"], None],
        outlet: WriteBatcher,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._remote = remote
        self._handler = handler
        self._upgrade = upgrade
        self._ended = ended
        self._outlet = outlet
        self._unwritten = b""  # of an answer
        self._parser: httptools.HttpRequestParser | None = None
        self.transport: asyncio.Transport | None = None
        """The transport, also while it is closing."""
        self._head = HeadParser()
        self._in_message = False  # the parser has told the beginning of a request, and not its end
        self._unparsed = 0  # bytes that the parser has and has told nothing of
        self._receiving: Body | None = None
        self._current: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._start_pending = False  # the request to be answered is to be begun with once all that has come is read
        self._pipeline: deque[Request] | None = None
        self._unread = b""  # what came behind as many requests as may wait
        self._last = False  # no request is taken any more
        self._half_closed = False
        self._malformed = False
        self._reparse = b""  # the head of a request that is to be read once more
        self._websocket = False  # the latest request is to make a WebSocket of it, and this is what came after that
        self._upgrade_data = b""
        self._drained: asyncio.Future[None] | None = None
        self._patience = ConnectionTimers(self._loop.time())

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is there, and is to send the head of a request."""
        self.transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client is gone. What it asked is done all the same: a node may have it by now."""
        self._last = True
        # What holds this, and would until Python looks for cycles.
        self._parser = self._current = self._pipeline = self.transport = None
        self._unread = b""
        if self._receiving is not None:
            self._receiving.fail(IncompleteBody())
            self._receiving = None
        self.resume_writing()
        self._ended(self)

    def data_received(self, data: bytes) -> None:
        """The client sent something: a request, a part of one, or several."""
        if self._websocket:
            self._keep_for_websocket(data)
            return
        if self._last:
            return
        if self._current is None and not self._in_message and self._parser is not None:
            request = self._request_at_once(data)
            if request is not None:
                self._patience.request_complete()
                self._current = request
                self._begin()
                return
        self._patience.received(len(data), self._loop.time())
        self._read(data)

    def eof_received(self) -> bool:
        """The client sends no more, but may still want its answer: then True, which leaves the connection open."""
        self.flush()
        self._half_closed = True
        if self._receiving is not None:
            self._receiving.fail(IncompleteBody())
            self._receiving = None
        over_tls = self.transport is None or self.transport.get_extra_info("sslcontext") is not None
        return self._current is not None and not over_tls

    def pause_writing(self) -> None:
        """The client does not take its answer as fast as it could be sent."""
        self._drained = self._loop.create_future()
        self._patience.write_paused(self._unsent(), self._loop.time())

    def resume_writing(self) -> None:
        """It has taken it."""
        self._patience.write_resumed()
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    # httptools

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_message = True

    def on_url(self, part: bytes) -> None:
        """A part of what the request is for."""
        self._head.on_url(part)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or behind the chunks of a body one that nobody reads."""
        if self._receiving is None:
            self._head.on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: the request begins."""
        parser = cast(httptools.HttpRequestParser, self._parser)
        if self._websocket:
            raise MalformedRequest
        request = Request(self._head.build(parser), Body(self), self._remote, self)
        self._unparsed = 0
        self._patience.head_complete(self._loop.time())
        self._websocket = request.head.wants_websocket
        if parser.should_upgrade() and not self._websocket:
            self._refuse_upgrade(request)
            return
        self._receiving = request.body
        if self._current is not None:
            self._wait_for_turn(request)
            return
        self._current = request
        if self._websocket:
            # Not within the parser's call, for it does not know yet what comes after the request.
            self._loop.call_soon(self._upgrade_protocol)
        else:
            self._start_pending = True

    def on_body(self, part: bytes) -> None:
        """A part of the body."""
        self._unparsed = 0
        if self._receiving is not None and not self._receiving.feed(part) and self.transport is not None:
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_message = False
        if self._reparse:
            return
        self._unparsed = 0
        self._patience.body_complete()
        if self._receiving is not None:
            self._receiving.finish()
            self._receiving = None
        if self._current is None:  # its answer was there before its end
            self._be_idle()

    # One request after the other

    def _request_at_once(self, data: bytes) -> Request | None:
        """The request, if `data` is one, wholly, and nothing else, with a head as it was read before."""
        known = parse_cached_head(data)
        if known is None:
            return None
        head, end = known
        if len(data) - end != head.content_length:
            return None
        return Request(head, BufferedBody(data[end:]), self._remote, self)

    def _read(self, data: bytes) -> None:
        data, taken = self._unread + data, 0
        while taken < len(data) and not (self._is_ahead or self._websocket):
            self._feed(data[taken : taken + _READ_AT_ONCE])
            taken += _READ_AT_ONCE
        self._unread = data[taken:]
        if self._websocket:
            self._keep_for_websocket(self._unread)
            self._unread = b""
        elif self._is_ahead and self.transport is not None:
            self.transport.pause_reading()
        if self._start_pending:
            self._begin()

    @property
    def _is_ahead(self) -> bool:
        return self._pipeline is not None and len(self._pipeline) >= _REQUESTS_AHEAD

    def _feed(self, data: bytes) -> None:
        self._unparsed += len(data)
        try:
            while data and self._parser is not None:
                try:
                    self._parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    data = data[upgrade.args[0] :]
                    if self._websocket:
                        self._keep_for_websocket(data)
                        break
                    self._parser = httptools.HttpRequestParser(self)
                    data, self._reparse = self._reparse + data, b""
            if self._unparsed > MOST_HEAD_BYTES:
                raise MalformedRequest
        except (httptools.HttpParserError, MalformedRequest):
            self._refuse_rest()

    def _refuse_upgrade(self, request: Request) -> None:
        """Has a request read again without its wish for a protocol that nobody here speaks, which may be ignored: the
        parser thinks that with such a wish HTTP ends.
        """
        if request.method == "CONNECT":
            raise MalformedRequest
        self._reparse = request.head.serialize(but="upgrade")

    def _begin(self) -> None:
        self._start_pending = False
        if self._current is not None:
            self._task = self._loop.create_task(self._answer(self._current))

    def _wait_for_turn(self, request: Request) -> None:
        if self._pipeline is None:
            self._pipeline = deque()
        self._pipeline.append(request)

    async def _answer(self, request: Request) -> None:
        self._outlet.in_flight += 1
        try:
            response = await self._handler(request)
            keep_alive, pieces = self._encode(response, request)
        except Exception:
            log.exception("request_failed", peer=request.remote)
            keep_alive, pieces = self._encode(Response(500, _FAILED, TEXT), request)
        finally:
            self._outlet.in_flight -= 1
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        self.flush()
        if len(pieces) > 1:
            transport.writelines(pieces)
        elif self._outlet.is_busy:
            self._unwritten = pieces[0]
            self._outlet.add(self)
        else:
            transport.write(pieces[0])
        if self._drained is not None:
            await self._drained
        if not transport.is_closing():
            self._response_sent(request, keep_alive=keep_alive)

    def _encode(self, response: Response, request: Request) -> tuple[bool, tuple[bytes, ...]]:
        """Whether the connection keeps open, and what is to be sent."""
        head = request.head
        keep_alive = response.keep_alive and head.keep_alive and not self._last
        if not request.body.complete and "expect" in head.headers:
            keep_alive = False  # a client that was not told to continue may send its body or not
        return keep_alive, response.encode(
            is_1_1=head.is_1_1, keep_alive=keep_alive, with_body=request.method != "HEAD"
        )

    def _response_sent(self, request: Request, *, keep_alive: bool) -> None:
        self._current = self._task = None
        if not keep_alive:
            self._last = True
        if not request.body.complete and not self._half_closed:
            request.body.drop()
            self._patience.start_linger(self._loop.time())
            self.go_on_reading()
        elif self._last:
            self._close()
        elif self._pipeline:
            self._current = self._pipeline.popleft()
            # In the next round, or as many as wait would be one within the other.
            self._loop.call_soon(self._upgrade_protocol if self._current.head.wants_websocket else self._begin)
            if self._unread:
                self._read(b"")
            if not self._is_ahead:
                self.go_on_reading()
        elif self._malformed:
            self._send_bad_request()
        elif self._half_closed:
            self._close()
        else:
            self._be_idle()

    def _be_idle(self) -> None:
        """The client may send its next request."""
        now = self._loop.time()
        self._patience.mark_idle(now)
        if self._in_message:  # a part of the next head came before the answer to the last
            self._patience.received(0, now)
        if self._last:
            self._close()
        else:
            self.go_on_reading()

    def go_on_reading(self) -> None:
        """Takes what the client sends, for somebody is there to read it."""
        if self.transport is not None and not self.transport.is_closing() and not self.transport.is_reading():
            self.transport.resume_reading()

    def _refuse_rest(self) -> None:
        """What the client sends now is no HTTP: once all before it is answered, it is told so."""
        log.debug("malformed_request", peer=self._remote)
        self._parser = None
        self._malformed = True
        arriving, self._receiving = self._receiving, None
        if arriving is not None and self._pipeline and self._pipeline[-1].body is arriving:
            self._pipeline.pop()
        elif arriving is not None:
            self._last = True
            arriving.fail(IncompleteBody())
        elif self._current is None:
            self._send_bad_request()

    def _send_bad_request(self) -> None:
        self.flush()
        if self.transport is not None and not self.transport.is_closing():
            refusal = Response(400, NO_HTTP, TEXT)
            self.transport.writelines(refusal.encode(is_1_1=True, keep_alive=False, with_body=True))
        self._close()

    def flush(self) -> None:
        """Writes what was to be written at the end of the event loop's round."""
        unwritten, self._unwritten = self._unwritten, b""
        if unwritten and self.transport is not None and not self.transport.is_closing():
            self.transport.write(unwritten)

    def _close(self) -> None:
        self._last = True
        self.flush()
        if self.transport is not None:
            self.transport.close()

    def _keep_for_websocket(self, data: bytes) -> None:
        self._upgrade_data += data
        if len(self._upgrade_data) > READ_AHEAD and self.transport is not None:
            self.transport.pause_reading()

    def _upgrade_protocol(self) -> None:
        """Gives the connection to what speaks WebSocket, which from now on is its protocol."""
        self.flush()
        request = self._current
        self._parser = self._current = None
        rest, self._upgrade_data = self._upgrade_data, b""
        if request is not None and self.transport is not None and not self.transport.is_closing():
            self.go_on_reading()  # before it is given what came, which may be more than it takes for now
            self._upgrade(self, request, rest)

    # Those who watch over it

    @property
    def idle(self) -> bool:
        """Whether there is no request, nor a part of one, nor a WebSocket."""
        busy = self._current or self._websocket or self._in_message or self._patience.is_lingering
        return not busy

    def close_idle(self) -> None:
        """Ends it, where `idle`."""
        self._close()

    def check_timeouts(self, now: float, terms: ClientLimits) -> TimeoutReason | None:
        """Ends what the client has taken too long over, at the loop's time `now`, and says what it was.

        A body is ended with an answer that says so, all else with the connection. A connection that has had no request
        for long is closed without a word.
        """
        if self.transport is None:
            return None
        overdue = self._patience.overdue(now, terms, self.transport, is_body_awaited=self._receiving is not None)
        if overdue == "slow_body" and self._receiving is not None:
            self._receiving.fail(TimeoutError())  # its reader answers with status 408
            self._receiving = self._parser = None
            self._last = True
        elif overdue is not None:
            self.transport.abort()
        elif self._patience.idle_expired(now, terms):
            self._close()
        return overdue

    async def cancel(self) -> None:
        """Ends what is under way, and the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.flush()
        if self.transport is not None:
            self.transport.abort()

    def _unsent(self) -> int:
        return 0 if self.transport is None else self.transport.get_write_buffer_size()
