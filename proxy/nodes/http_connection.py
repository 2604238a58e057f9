"""One kept HTTP/1.1 connection to a node: nothing more than asking one question at a time takes.

A POST with a known length goes out in one write; the answer is taken apart by llhttp (through httptools). It is a
third of the work of a general HTTP client, which is most of what a proxy in Python costs.
"""

import asyncio
from typing import cast

import httptools

from proxy.eventloop.chunk_buffer import ChunkBuffer
from proxy.eventloop.write_batcher import WriteBatcher
from proxy.nodes.response import NodeResponse, parse_cached

_MOST_HEAD_BYTES = 65_536
"""Of an answer: status line and headers."""
_WANTED = frozenset({b"content-length", b"transfer-encoding", b"content-type", b"content-encoding"})


class AnswerTooLarge(Exception):  # noqa: N818 - what has happened
    """The answer is larger than is taken."""


class AnswerMalformed(Exception):  # noqa: N818
    """What came is not HTTP as a node speaks it."""


class HttpConnection(asyncio.Protocol):
    """A connection to a node, for one question at a time.

    `most_bytes`: the largest body taken. `outlet`: that of its node. The parser calls the `on_…` methods.
    """

    def __init__(self, most_bytes: int, outlet: WriteBatcher) -> None:
        self._most_bytes = most_bytes
        self._outlet = outlet
        self._unwritten = b""  # of a question
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiting: asyncio.Future[NodeResponse] | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._body = ChunkBuffer()
        self._head_size = 0
        self._headers_size = 0
        self._content_type = ""
        self._content_encoding = ""
        self._framed = False
        self._in_body = False
        self._complete_answer: tuple[NodeResponse, bool] | None = None  # until all that came is read
        self.answer_started = False
        """Whether any byte of the answer to the current question has come."""
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        """Whether another question can be asked on it."""
        transport = self._transport
        return transport is not None and not transport.is_closing()

    def ask(self, request: bytes) -> asyncio.Future[NodeResponse]:
        """Writes a request; what is returned has its whole answer, when that is there.

        Or it has ConnectionError where the connection is lost, TimeoutError once it is told to `expire`, AnswerTooLarge
        or AnswerMalformed. Whoever does not wait for it to the end must `abort` the connection, for an answer may still
        come. Raises ConnectionError.
        """
        if self._transport is None or self._waiting is not None:
            raise ConnectionResetError
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        waiting = self._waiting = self._loop.create_future()
        self.answer_started = False
        self._outlet.in_flight += 1
        if self._outlet.is_busy:
            self._unwritten = request
            self._outlet.add(self)
        else:
            self._transport.write(request)
        return waiting

    def flush(self) -> None:
        """Writes what was to be written at the end of the event loop's round."""
        unwritten, self._unwritten = self._unwritten, b""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(unwritten)

    def expire(self) -> None:
        """The answer has not come in time."""
        self._fail(TimeoutError())

    def abort(self) -> None:
        """Closes the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    async def closed(self) -> None:
        """Waits until the connection is gone."""
        await asyncio.shield(self._closed)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Takes what came; what nobody asked for, or not yet, ends the connection."""
        if self._waiting is None or self._waiting.done() or self._parser is None or self._unwritten:
            self.abort()
            return
        if not self.answer_started:
            self.answer_started = True
            answer = parse_cached(data, self._most_bytes)
            if answer is not None:
                self._deliver(*answer)
                return
        if not self._in_body:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
            # One header that does not end is not told of by the parser.
            if not self._in_body and self._head_size > 2 * _MOST_HEAD_BYTES:
                raise AnswerMalformed
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, AnswerMalformed, AnswerTooLarge) as error:
            if self._complete_answer is not None:  # what came after it is nothing that was asked for
                self._deliver(self._complete_answer[0], keeps=False)
                return
            too_large = isinstance(error, AnswerTooLarge) or isinstance(error.__context__, AnswerTooLarge)
            self._fail(AnswerTooLarge() if too_large else AnswerMalformed())
        else:
            self._give_whole()

    def connection_lost(self, error: Exception | None) -> None:
        """Ends the question that is under way: an answer without a length ends so, any other is lost."""
        self._transport = None
        if not self._closed.done():
            self._closed.set_result(None)
        if self._in_body and not self._framed and error is None:
            self._finish(keeps=False)
        self._parser = None  # which holds this, and would until Python looks for cycles
        self._give_whole()
        self._fail(ConnectionResetError())

    # httptools

    def on_message_begin(self) -> None:
        """An answer begins."""
        if self._complete_answer is not None:
            raise AnswerMalformed  # a second answer to one question

    def on_header(self, name: bytes, value: bytes) -> None:
        """Notes the headers that matter."""
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
        elif lowered == b"transfer-encoding":
            self._framed = True
        elif lowered == b"content-type":
            self._content_type = value.decode("latin-1")
        elif lowered == b"content-encoding":
            self._content_encoding = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The body begins, unless this was only an interim answer."""
        self._in_body = self._status() >= 200

    def on_body(self, part: bytes) -> None:
        """Collects the body."""
        self._body.add(part)
        if self._body.size > self._most_bytes:
            raise AnswerTooLarge

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if not self._in_body:  # 100 Continue, and its like
            self._begin_message()
            return
        self._finish(keeps=self._parser is not None and self._parser.should_keep_alive())

    def _begin_message(self) -> None:
        self._head_size = self._headers_size = 0
        self._content_type = self._content_encoding = ""
        self._framed = self._in_body = False

    def _status(self) -> int:
        return self._parser.get_status_code() if self._parser is not None else 0

    def _finish(self, *, keeps: bool) -> None:
        body = self._body.drain()
        answer = NodeResponse(self._status(), self._content_type, body, self._content_encoding, self._framed)
        self._complete_answer = answer, keeps
        self._begin_message()

    def _give_whole(self) -> None:
        """Gives the answer, if it is there wholly."""
        if self._complete_answer is not None:
            self._deliver(*self._complete_answer)

    def _deliver(self, answer: NodeResponse, keeps: bool) -> None:
        """The question is answered, and the connection `keeps` open."""
        waiting, self._waiting, self._complete_answer = self._waiting, None, None
        if not keeps and self._transport is not None:
            self._transport.close()
        if waiting is not None:
            self._outlet.in_flight -= 1
            if waiting.done():
                return
            waiting.set_result(answer)

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting, self._complete_answer = self._waiting, None, None
        self.abort()
        if waiting is not None:
            self._outlet.in_flight -= 1
            if not waiting.done():
                waiting.set_exception(error)
