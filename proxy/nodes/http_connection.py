"""One HTTP/1.1 connection to a node, with the minimum that one request at a time needs.

A POST with a known length is sent in one write; llhttp (through httptools) parses the response. This takes a third of
the time of a general HTTP client, which is most of what a proxy in Python costs.
"""

import asyncio
from typing import cast

import httptools

from proxy.eventloop.chunk_buffer import ChunkBuffer
from proxy.eventloop.read_rotation import LARGE_BYTES, ReadRotation
from proxy.eventloop.write_batcher import BATCH_ABOVE, WriteBatcher
from proxy.http.body_parts import has_too_small_parts
from proxy.nodes.large_body import LargeBody, pays
from proxy.nodes.large_responses import LARGE_BYTES as COUNTED_BYTES
from proxy.nodes.large_responses import LargeResponses, Room
from proxy.nodes.response import NodeResponse, parse_cached

_MOST_HEAD_BYTES = 65_536
"""Largest head of a response, in bytes: status line and headers."""
_WANTED = frozenset({b"content-length", b"transfer-encoding", b"content-type", b"content-encoding"})


class AnswerTooLarge(Exception):
    """The response is larger than is accepted."""


class AnswerMalformed(Exception):
    """The response is not HTTP as a node speaks it."""


class HttpConnection(asyncio.Protocol):
    """A connection to a node, for one request at a time.

    `most_bytes`: the largest body accepted. `write_batcher`, `read_rotation`, `large_responses`: those of its node. The
    parser calls the `on_…` methods.
    """

    def __init__(
        self,
        most_bytes: int,
        write_batcher: WriteBatcher,
        read_rotation: ReadRotation,
        large_responses: LargeResponses,
    ) -> None:
        self._most_bytes = most_bytes
        self._large_responses = large_responses
        self._room: Room | None = None  # of the current response, if it is large
        self.client = ""
        """The client of the current request, for `large_responses`; empty for the proxy itself."""
        self.has_waited = False
        """Whether the current response has waited for room."""
        self._write_batcher = write_batcher
        self._read_rotation = read_rotation
        self._unwritten = b""  # of the current request
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiting: asyncio.Future[NodeResponse] | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._body = ChunkBuffer()
        self._large: LargeBody | None = None  # of the current response, if it is large
        self._head_size = 0  # of the head and interim responses before it, then of the body's framing
        self._headers_size = 0
        self._parts = 0
        self._content_type = ""
        self._content_encoding = ""
        self._framed = False
        self._length = 0
        self._in_body = False
        self._complete_answer: tuple[NodeResponse, bool] | None = None  # until everything received is parsed
        self.answer_started = False
        """Whether any byte of the response to the current request has arrived."""
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        """Whether another request can be sent on it."""
        transport = self._transport
        return transport is not None and not transport.is_closing()

    def ask(self, request: bytes) -> asyncio.Future[NodeResponse]:
        """Write a request; the returned future gets the complete response.

        It gets ConnectionError if the connection is lost, TimeoutError on `expire`, AnswerTooLarge or AnswerMalformed.
        A caller that stops waiting must `abort` it, because the response may still arrive. Raises ConnectionError.
        """
        if self._transport is None or self._waiting is not None:
            raise ConnectionResetError
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        waiting = self._waiting = self._loop.create_future()
        self.answer_started = self.has_waited = False
        batcher = self._write_batcher
        batcher.in_flight += 1
        if batcher.in_flight > BATCH_ABOVE:
            self._unwritten = request
            batcher.add(self)
        else:
            self._transport.write(request)
        return waiting

    def flush(self) -> None:
        """Write what was deferred to the end of the event loop's iteration."""
        unwritten, self._unwritten = self._unwritten, b""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(unwritten)

    def expire(self) -> None:
        """The deadline of the request has passed."""
        self._fail(TimeoutError())

    def abort(self) -> None:
        """Close the connection immediately."""
        if self._transport is not None:
            self._transport.abort()

    async def closed(self) -> None:
        """Wait until the connection is closed."""
        await asyncio.shield(self._closed)

    # ReadRotation

    def pause_reading(self) -> None:
        """Read no more until `resume_reading`."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on, unless the connection is closed or its response waits for room."""
        if self._room is not None and not self._room.is_free:
            return
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse data; data without a request in flight closes the connection."""
        if self._waiting is None or self._waiting.done() or self._parser is None or self._unwritten:
            self.abort()
            return
        if not self.answer_started:
            self.answer_started = True
            answer = parse_cached(data, self._most_bytes)
            if answer is not None:
                self._deliver(*answer)
                return
        self._head_size += len(data)
        try:
            self._parser.feed_data(data)
            # The parser does not report a header before its end, nor what a chunk contains besides its data.
            if self._head_size > 2 * _MOST_HEAD_BYTES:
                raise AnswerMalformed
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, AnswerMalformed, AnswerTooLarge) as error:
            if self._complete_answer is not None:  # data after it was not requested
                self._deliver(self._complete_answer[0], keeps=False)
                return
            too_large = isinstance(error, AnswerTooLarge) or isinstance(error.__context__, AnswerTooLarge)
            self._fail(AnswerTooLarge() if too_large else AnswerMalformed())
        else:
            if self._complete_answer is not None:
                self._deliver(*self._complete_answer)
            elif self._body.size >= LARGE_BYTES and self.usable:
                if self._room is None and self.client and max(self._length, self._body.size) >= COUNTED_BYTES:
                    self._begin_large()
                if pays(self._body.size, self._length):
                    self._receive_large()
                self._read_rotation.piece_received(self)

    def connection_lost(self, error: Exception | None) -> None:
        """End the request in flight: a response without a length is complete now, any other is lost."""
        self._transport = None
        if not self._closed.done():
            self._closed.set_result(None)
        if self._in_body and not self._framed and error is None:
            self._finish(keeps=False)
        self._parser = self._large = None  # reference cycles, which would last until the garbage collector runs
        if self._complete_answer is not None:
            self._deliver(*self._complete_answer)
        self._fail(ConnectionResetError())

    # httptools

    def on_message_begin(self) -> None:
        """A response begins."""
        if self._complete_answer is not None:
            raise AnswerMalformed  # a second response to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        """Evaluate the headers that matter."""
        self._headers_size += len(name) + len(value)
        if self._headers_size > _MOST_HEAD_BYTES:
            raise AnswerMalformed
        lowered = name.lower()
        if lowered not in _WANTED:
            return
        if lowered == b"content-length":
            self._framed = True
            if int(value) > self._most_bytes:
                raise AnswerTooLarge
            self._length = int(value)
        elif lowered == b"transfer-encoding":
            self._framed = True
        elif lowered == b"content-type":
            self._content_type = value.decode("latin-1")
        elif lowered == b"content-encoding":
            self._content_encoding = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The body begins, unless this was an interim response."""
        self._in_body = self._status() >= 200

    def on_body(self, part: bytes) -> None:
        """Collect the body."""
        self._body.add(part)
        if self._body.size > self._most_bytes:
            raise AnswerTooLarge
        self._head_size -= min(self._head_size, 2 * len(part))
        self._parts += 1
        if has_too_small_parts(self._parts, self._body.size):
            raise AnswerMalformed

    def on_message_complete(self) -> None:
        """The response is complete."""
        if not self._in_body:  # an interim response, such as 100 Continue; all count as one head, which bounds them
            self._forget_head()
            return
        self._finish(keeps=self._parser is not None and self._parser.should_keep_alive())

    def _begin_large(self) -> None:
        """Read no more of a large response until there is room for it."""
        self._room = self._large_responses.begin(self.client, self._length or self._most_bytes, self)
        if not self._room.is_free:
            self.has_waited = True
            self.pause_reading()

    def _receive_large(self) -> None:
        """Have the rest of the body received without the parser."""
        self._large = LargeBody(self._body.drain(), self._length, self._large_arrived, self.connection_lost)
        if self._transport is not None:
            self._transport.set_protocol(self._large)

    def _large_arrived(self, missing: int) -> None:
        if missing > 0:
            self._read_rotation.piece_received(self)
            return
        keeps = not missing and self._parser is not None and self._parser.should_keep_alive()
        answer = NodeResponse(self._status(), self._content_type, b"", self._content_encoding)
        self._parser = None  # it still expects the rest
        self._begin_message()
        if self._transport is not None:
            self._transport.set_protocol(self)
        self._loop.call_soon(self._deliver_large, answer, keeps)

    def _deliver_large(self, answer: NodeResponse, keeps: bool) -> None:
        large, self._large = self._large, None
        if large is not None:
            answer.body = large.take()
            self._deliver(answer, keeps)

    def _begin_message(self) -> None:
        self._head_size = self._headers_size = self._parts = 0
        self._forget_head()

    def _forget_head(self) -> None:
        self._content_type = self._content_encoding = ""
        self._framed = self._in_body = False
        self._length = 0

    def _status(self) -> int:
        return self._parser.get_status_code() if self._parser is not None else 0

    def _finish(self, *, keeps: bool) -> None:
        body = self._body.drain()
        answer = NodeResponse(self._status(), self._content_type, body, self._content_encoding, self._framed)
        self._complete_answer = answer, keeps
        self._begin_message()

    def _deliver(self, answer: NodeResponse, keeps: bool) -> None:
        """Deliver the response; the connection stays open if `keeps`."""
        waiting, self._waiting, self._complete_answer = self._waiting, None, None
        if self._room is not None:
            self._room.resize(len(answer.body))
            answer.room, self._room = self._room, None
        if not keeps and self._transport is not None:
            self._transport.close()
        if waiting is not None:
            self._write_batcher.in_flight -= 1
            if waiting.done():
                return
            waiting.set_result(answer)

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting, self._complete_answer = self._waiting, None, None
        self._room = None
        self.abort()
        if waiting is not None:
            self._write_batcher.in_flight -= 1
            if not waiting.done():
                waiting.set_exception(error)
