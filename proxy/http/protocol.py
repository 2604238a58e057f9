"""HTTP/1.1 (RFC 9112) as a server speaks it with one client, without I/O: bytes in, events and bytes out.

llhttp parses the bytes. `proxy.http.connection` reads and writes them and handles timeouts.
"""

from dataclasses import dataclass

import httptools

from proxy.http.body_parts import has_too_small_parts
from proxy.http.head_parser import MAX_HEAD_BYTES, HeadParser, MalformedRequest, parse_cached_head
from proxy.http.request import Head
from proxy.http.response import TEXT, Response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""The interim response that asks for the body (RFC 9110, 15.2.1)."""

_PIECE_BYTES = 4_096
"""Bytes parsed in one step. llhttp cannot be stopped between requests; this many bytes contain a few hundred at
most."""
_FREE_OVERHEAD = 16
"""Bytes that a chunk may have next to its data, and twice as many as those; MAX_HEAD_BYTES more in all of a body."""


@dataclass(slots=True)
class RequestReceived:
    """The head of a request; its body follows."""

    head: Head


@dataclass(slots=True)
class BodyReceived:
    """A part of the current request's body."""

    data: bytes


class RequestEnded:
    """The current request is complete, whether or not it has been responded to."""


@dataclass(slots=True)
class RequestInvalid:
    """What follows is not HTTP. The rest of the current request, if it is incomplete, will not come."""

    problem: str


class InputEnded:
    """The client sends no more. The rest of the current request, if it is incomplete, will not come."""


Event = RequestReceived | BodyReceived | RequestEnded | RequestInvalid | InputEnded

_ENDED, _INPUT_ENDED = RequestEnded(), InputEnded()


class ServerProtocol:
    """The state of one connection: what has been received of the current request, and what may follow it.

    `receive` and `receive_eof` return the first event, `next_event` further ones until it returns None; there are none
    of what `receive_complete` takes. One request is current at a time: the next one's events come after
    `response_sent`. llhttp calls the methods `on_…`.
    """

    __slots__ = (
        "_body_left",
        "_body_parts",
        "_body_size",
        "_current",
        "_eof",
        "_events",
        "_head_parser",
        "_input",
        "_invalid",
        "_parser",
        "_parser_in_body",
        "_reparse",
        "_silent_bytes",
        "_upgrading",
        "in_message",
        "is_receiving_body",
        "should_close",
    )

    def __init__(self) -> None:
        self._input = bytearray()  # received but not parsed
        self._events: list[Event] = []  # parsed but not returned
        self._parser: httptools.HttpRequestParser | None = None  # created when a request needs it
        self._head_parser = HeadParser()
        self._parser_in_body = False
        self._silent_bytes = 0  # parsed beyond what is plausible: of a head, of chunks without their data, blank lines
        self._body_parts = 0
        self._body_size = 0
        self._body_left = 0  # to come, by the Content-Length
        self._reparse = b""  # a head that is parsed again, without its Upgrade header
        self._invalid = False  # parsing has stopped
        self._upgrading = False  # what follows is not HTTP and is not parsed
        self._eof = False
        self._current: Head | None = None  # without a response yet
        self.is_receiving_body = False
        """Whether the body of the current request, or of the last one, is incomplete."""
        self.in_message = False
        """Whether a request has begun to arrive, and its end has not been parsed."""
        self.should_close = False
        """Whether the connection is to be closed once the current request has its response: no other is served."""

    # Input

    def receive_complete(self, data: bytes) -> tuple[Head, bytes] | None:
        """The head and the body, if `data` is exactly the next request; None for anything else: it is to `receive`."""
        if self._current or self.in_message or self._input or self._events or self.is_receiving_body:
            return None
        if self._invalid or self.should_close:
            return None
        known = parse_cached_head(data)
        if known is None or len(data) - known[1] != known[0].content_length:
            return None
        self._current = known[0]
        return known[0], data[known[1] :]

    def receive(self, data: bytes) -> Event | None:
        """Process bytes from the client."""
        if self._invalid or (self.should_close and self._current is None and not self.is_receiving_body):
            return None
        self._input += data
        return self.next_event()

    def receive_eof(self) -> Event | None:
        """Process the end of the client's data."""
        self._eof = True
        return self.next_event()

    def next_event(self) -> Event | None:
        """Return the next event; None until more is received or the current request has its response."""
        while not self._events:
            if self._upgrading or not self._input:
                if not self._eof or (self._current is not None and not self.is_receiving_body):
                    return None
                self._eof = self.is_receiving_body = False
                self.should_close = True
                return _INPUT_ENDED
            size = max(_PIECE_BYTES, self._body_left)
            piece = bytes(self._input[:size])
            del self._input[:size]
            self._parse(piece)
        event = self._events[0]
        if type(event) is RequestReceived:
            if self._current is not None:
                return None
            if self.should_close:
                self._discard_input()
                return None
            self._current = event.head
            self.is_receiving_body = True
        elif type(event) is RequestEnded:
            self.is_receiving_body = False
        elif type(event) is RequestInvalid:
            if self._current is not None and not self.is_receiving_body:
                return None
            self.should_close = True
        del self._events[0]
        return event

    @property
    def pending_bytes(self) -> int:
        """Bytes received but not parsed, which wait until the current request has its response."""
        return len(self._input)

    @property
    def is_responding(self) -> bool:
        """Whether there is a current request."""
        return self._current is not None

    def take_input(self) -> bytes:
        """Return and remove what was received after a request to upgrade the connection: it is not HTTP."""
        data = bytes(self._input)
        self._input.clear()
        return data

    def close(self) -> None:
        """Drop what was received, and the reference cycle with the parser, so that no garbage collection is needed."""
        self._parser = None
        self._invalid = self.should_close = True
        self._discard_input()

    def _discard_input(self) -> None:
        self._input.clear()
        self._events.clear()

    # Output

    def respond(self, response: Response, request_id: str = "") -> tuple[bytes, ...]:
        """Return the bytes of the response to the current request."""
        head = self._current
        if head is None:
            raise RuntimeError("there is no request to respond to")
        if not (response.keep_alive and head.keep_alive and (response.encoder is None or head.is_1_1)):
            self.should_close = True
        elif self.is_receiving_body and "expect" in head.headers:
            self.should_close = True  # without a 100 Continue, a client may omit the body
        return response.encode(
            is_1_1=head.is_1_1,
            keep_alive=not self.should_close,
            with_body=head.method != "HEAD",
            request_id=request_id,
        )

    def response_sent(self) -> bool:
        """Let the next request follow, unless `should_close`; return whether anything has been received after it."""
        self._current = None
        return self._eof or bool(self._events or self._input)

    def refuse(self, problem: str) -> tuple[bytes, ...]:
        """Return the bytes of the response to input with that `problem`; the connection is to be closed."""
        self.should_close = True
        body = f"Bad Request: not accepted as HTTP/1.1: {problem}\r\n".encode("ascii", "replace")
        return Response(400, body, TEXT).encode(is_1_1=True, keep_alive=False, with_body=True)

    # Parsing

    def _parse(self, data: bytes) -> None:
        self._silent_bytes += len(data)
        try:
            while data:
                if self._parser is None:
                    self._parser = httptools.HttpRequestParser(self)
                try:
                    self._parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    data = data[upgrade.args[0] :]
                    if self._upgrading:
                        self._input[:0] = data
                        return
                    self._parser = None
                    data, self._reparse = self._reparse + data, b""
            if self._silent_bytes > MAX_HEAD_BYTES:
                raise MalformedRequest("the head is too large")
        except (httptools.HttpParserError, MalformedRequest) as error:
            # httptools wraps what a callback raises. No name for it: its traceback holds this frame.
            problem = str(error if error.__context__ is None else error.__context__)
            self._parser = None
            self._invalid = True
            self.in_message = False
            self._input.clear()
            self._events.append(RequestInvalid(problem))

    def on_message_begin(self) -> None:
        """A request begins."""
        self.in_message = True
        self._parser_in_body = False

    def on_url(self, part: bytes) -> None:
        """A part of the request's target."""
        self._head_parser.on_url(part)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field; in the trailer section of a chunked body it is ignored."""
        if self._parser_in_body:
            self._count_part(0)
        else:
            self._head_parser.on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete."""
        if self._parser is None or self._upgrading:
            raise MalformedRequest("more HTTP follows a WebSocket handshake")
        head = self._head_parser.build(self._parser)
        self._parser_in_body = True
        self._silent_bytes = self._body_parts = self._body_size = 0
        if head.wants_websocket:
            self._upgrading = True
        elif self._parser.should_upgrade():
            # A server may ignore the Upgrade header (RFC 9110, 7.8), but llhttp expects another protocol after it.
            if head.method == "CONNECT":
                raise MalformedRequest("the method is CONNECT")
            self._reparse = head.serialize(without="upgrade")
            return
        self._body_left = head.content_length
        self._events.append(RequestReceived(head))

    def on_body(self, part: bytes) -> None:
        """A part of the body: of a chunk, or as much as has arrived."""
        self._silent_bytes = max(0, self._silent_bytes - 3 * len(part) - _FREE_OVERHEAD)
        self._body_left = max(0, self._body_left - len(part))
        self._count_part(len(part))
        last = self._events[-1] if self._events else None
        if type(last) is BodyReceived and len(last.data) < _PIECE_BYTES:
            last.data += part
        else:
            self._events.append(BodyReceived(part))

    def _count_part(self, size: int) -> None:
        """Count a chunk, or a field of the trailer section, which has no size."""
        self._body_parts += 1
        self._body_size += size
        if has_too_small_parts(self._body_parts, self._body_size):
            raise MalformedRequest("the body comes in chunks that are too small")

    def on_message_complete(self) -> None:
        """The request is complete."""
        self.in_message = False
        if not self._reparse:
            self._silent_bytes = 0
            self._events.append(_ENDED)
