"""HTTP/1.1 by bytes: what a server makes of what a client sends, without sockets."""

import re

import pytest

from proxy.http.protocol import (
    BodyReceived,
    Event,
    InputEnded,
    RequestEnded,
    RequestInvalid,
    RequestReceived,
    ServerProtocol,
)
from proxy.http.response import TEXT, Response
from tests.support.garbage import no_garbage_collector

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
HANDSHAKE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def events(http: ServerProtocol, event: Event | None = None) -> list[Event]:
    """All that `http` reports now, after `event`."""
    reported: list[Event] = []
    event = event or http.next_event()
    while event is not None:
        reported.append(event)
        event = http.next_event()
    return reported


def arrived(http: ServerProtocol, data: bytes) -> list[Event]:
    """The first events of `data`, also if it is a complete request."""
    complete = http.receive_complete(data)
    if complete is not None:
        return [RequestReceived(complete[0]), BodyReceived(complete[1]), RequestEnded()]
    event = http.receive(data)
    return [] if event is None else [event]


def received(data: bytes, *, step: int = 0, eof: bool = False) -> tuple[ServerProtocol, list[Event]]:
    """What a new connection reports of `data`, received in steps of that many bytes."""
    http, reported = ServerProtocol(), []
    step = step or len(data) or 1
    for at in range(0, len(data), step):
        reported += [*arrived(http, data[at : at + step]), *events(http)]
    if eof:
        reported += events(http, http.receive_eof())
    return http, reported


def bodies(reported: list[Event]) -> list[bytes]:
    """The bodies of the requests that are complete."""
    complete, current = [], b""
    for event in reported:
        match event:
            case RequestReceived():
                current = b""
            case BodyReceived():
                current += event.data
            case RequestEnded():
                complete.append(current)
    return complete


def served(data: bytes, *, step: int = 0, eof: bool = False) -> tuple[list[str], bytes]:
    """The requests that a connection serves of `data`, as `POST body`, and all that it sends in return."""
    http, requests, sent = ServerProtocol(), list[str](), b""
    current, body, ended = "", b"", False

    def take(*reported: Event) -> None:
        nonlocal current, body, ended, sent
        pending = [*reported]
        while (event := pending.pop(0) if pending else http.next_event()) is not None:
            match event:
                case RequestReceived():
                    current, body, ended = event.head.method, b"", False
                case BodyReceived():
                    body += event.data
                case RequestEnded():
                    ended = True
                case RequestInvalid(problem) if not http.is_responding:
                    sent += b"".join(http.refuse(problem))
            if ended and http.is_responding:
                requests.append(f"{current} {body.decode()}")
                sent += b"".join(http.respond(Response(200, b"ok", TEXT)))
                http.response_sent()

    step = step or len(data) or 1
    for at in range(0, len(data), step):
        take(*arrived(http, data[at : at + step]))
    if eof:
        take(*events(http, http.receive_eof()))
    return requests, re.sub(rb"Date: .*\r\n", b"", sent)


@pytest.mark.parametrize("step", [0, 1, 7])
def test_a_request_is_the_same_in_any_pieces(step: int) -> None:
    data = GET + POST + CHUNKED + b"1\r\n{\r\n1;name=value\r\n}\r\n0\r\nTrailer: x\r\n\r\n" + b"\r\n" + POST
    assert served(data, step=step)[0] == ["GET ", "POST {}", "POST {}", "POST {}"]


def test_a_complete_request_is_taken_in_one_step() -> None:
    for _ in range(2):  # the second time, its head is in the cache
        http = ServerProtocol()
        head, body = http.receive_complete(POST) or (None, b"")
        assert (head and head.method, body) == ("POST", b"{}")
        assert http.is_responding
        assert not http.in_message
        assert http.receive_complete(POST) is None  # before the response


@pytest.mark.parametrize("data", [POST[:-1], POST + b"x", POST * 2, CHUNKED, HANDSHAKE])
def test_anything_else_is_not(data: bytes) -> None:
    http = ServerProtocol()
    assert http.receive_complete(data) is None
    assert not http.is_responding


def test_the_next_request_waits_for_the_response() -> None:
    http, reported = received(POST * 3)
    for _ in range(2):
        assert bodies(reported) == [b"{}"]
        http.respond(Response(200))
        assert events(http) == []  # until it is sent
        http.response_sent()
        reported = events(http)
    assert bodies(reported) == [b"{}"]


def test_few_of_many_requests_sent_ahead_are_parsed() -> None:
    http, reported = received(b"GET / HTTP/1.1\r\n\r\n" * 10_000)
    assert len(reported) == 2
    assert http.pending_bytes > 170_000


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        b"Content-Length: 2\r\nContent-Length: 3\r\n",
        b"Content-Length: 2\r\nContent-Length: 2\r\n",
        b"Content-Length: 2, 2\r\n",
        b"Content-Length: +2\r\n",
        b"Content-Length: -2\r\n",
        b"Content-Length: 0x2\r\n",
        b"Content-Length: 2_0\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Content-Length:\r\n",
        b"Content-Length : 2\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"X: folded\r\n Content-Length: 2\r\n",
        b"X: folded\r\n\tvalue\r\n",
        b"X: a\rContent-Length: 2\r\n",
        b"X: a\x00b\r\n",
        b"X: a\nContent-Length: 2\r\n",
        b"X y: z\r\n",
        b": no name\r\n",
    ],
)
@pytest.mark.parametrize("step", [0, 1])
def test_a_head_that_others_may_frame_differently_is_refused(head: bytes, step: int) -> None:
    requests, sent = served(b"POST / HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n{}" + GET, step=step)
    assert requests == []
    assert sent.startswith(b"HTTP/1.1 400 Bad Request\r\nServer: xrpl-version-proxy\r\n")
    assert sent.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close\r\n" in sent


@pytest.mark.parametrize(
    "chunk",
    [
        *(b"0x2\r\n{}\r\n", b"+2\r\n{}\r\n", b"-2\r\n{}\r\n", b" 2\r\n{}\r\n", b"2 \r\n{}\r\n", b"2_\r\n{}\r\n"),
        *(b"2\n{}\n0\n\n", b"2\r\n{}}\r\n", b"3\r\n{}\r\n0\r\n\r\n", b"\r\n{}\r\n", b"fffffffffffffffff\r\n{}\r\n"),
        *(b"2;a\n{}\r\n", b"2\rX{}\r\n", b"2\r\n{}\n0\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("step", [0, 1])
def test_a_chunk_that_others_may_frame_differently_ends_the_connection(chunk: bytes, step: int) -> None:
    http, reported = received(CHUNKED + chunk + b"0\r\n\r\n" + GET, step=step)
    assert isinstance(reported[0], RequestReceived)
    assert isinstance(reported[-1], RequestInvalid)
    assert http.should_close
    assert bodies(reported) == []
    assert b"Connection: close\r\n" in b"".join(http.respond(Response(400)))
    http.response_sent()
    assert events(http) == []


@pytest.mark.parametrize(
    "line",
    [
        *(b"GET / HTTP/2.0", b"GET / HTTP/1.2", b"GET / HTTP/0.9", b"GET /", b"get / HTTP/1.1", b"GET / HTTP/1.1 "),
        *(b"GET /\x80 HTTP/1.1", b" GET / HTTP/1.1", b"CONNECT a:1 HTTP/1.1\r\nHost: a", b"PRI * HTTP/2.0"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_invalid_http_1_is_refused(line: bytes) -> None:
    requests, sent = served(line + b"\r\n\r\n" + GET)
    assert requests == []
    assert sent.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"x" * 40_000,
        b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000,
        b"GET / HTTP/1.1\r\n" + b"X" * 40_000,
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(101)) + b"\r\n",
        b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 101 + b"\r\n",
        b"\r\n" * 20_000,
        CHUNKED + b"1;" + b"x" * 40_000,
        CHUNKED + b"0\r\nTrailer: " + b"x" * 40_000,
    ],
    ids=["target", "value", "name", "headers", "repeated headers", "blank lines", "chunk extension", "trailer"],
)
@pytest.mark.parametrize("step", [0, 999])
def test_what_has_no_end_is_refused_at_the_limit(data: bytes, step: int) -> None:
    http, reported = received(data, step=step)
    assert isinstance(reported[-1], RequestInvalid)
    assert http.receive(b"x" * 100_000) is None
    assert http.pending_bytes == 0


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"GET / HTTP/1.1\r\nCookie: " + b"y" * 40_000, b"the head is too large"),
        (b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 101 + b"\r\n", b"there are too many headers"),
        (b"GET / HTTP/1.2\r\n\r\n", b"ersion"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"method"),
    ],
)
def test_the_response_to_what_is_refused_says_why_and_quotes_nothing(data: bytes, problem: bytes) -> None:
    head, _, body = served(data)[1].partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert body.startswith(b"Bad Request: not accepted as HTTP/1.1: ")
    assert problem in body
    assert len(body) < 200


def test_the_largest_head_is_accepted() -> None:
    head = b"GET / HTTP/1.1\r\n" + b"X-%02d: %b\r\n" * 99 % tuple(x for n in range(99) for x in (n, b"y" * 300))
    assert served(head + b"\r\n")[0] == ["GET "]


def test_chunks_may_be_small_or_many_but_not_both() -> None:
    few = received(CHUNKED + b"1\r\n \r\n" * 1_000 + b"0\r\n\r\n")[1]
    assert bodies(few) == [b" " * 1_000]
    many = received(CHUNKED + (b"200\r\n" + b" " * 512 + b"\r\n") * 10_000 + b"0\r\n\r\n")[1]
    assert bodies(many) == [b" " * 5_120_000]


@pytest.mark.parametrize(
    "sent",
    [b"1\r\n \r\n" * 100_000, (b"20\r\n" + b" " * 32 + b"\r\n") * 30_000, b"0\r\n" + b"a:b\r\n" * 5_000],
    ids=["1 byte", "32 bytes", "fields of the trailer section"],
)
def test_what_each_chunk_costs_is_spent_on_few_of_them(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    counts, count_part = [0], ServerProtocol._count_part

    def counted(http: ServerProtocol, size: int) -> None:
        counts[0] += 1
        count_part(http, size)

    monkeypatch.setattr(ServerProtocol, "_count_part", counted)
    reported = received(CHUNKED + sent)[1]
    assert reported[-1] == RequestInvalid("the body comes in chunks that are too small")
    assert counts[0] < 1_500
    assert len(reported) < 100


def test_chunks_with_more_overhead_than_is_plausible_are_refused() -> None:
    sent = CHUNKED + (b"1;" + b"x" * 30_000 + b"\r\n \r\n") * 10
    assert received(sent)[1][-1] == RequestInvalid("the head is too large")
    assert bodies(received(CHUNKED + b"1;name=value\r\n \r\n" * 1_000 + b"0\r\n\r\n")[1]) == [b" " * 1_000]


@pytest.mark.parametrize("data", [b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", b"\0", CHUNKED + b"x"])
def test_invalid_http_is_freed_without_the_garbage_collector(data: bytes) -> None:
    """Its exception holds what was received, 256 kB for each connection, if anything holds the exception."""
    with no_garbage_collector(ServerProtocol) as left:
        http, reported = received(data + b"x" * 100_000)
        assert isinstance(reported[-1], RequestInvalid)
        http.close()
        del http, reported
        assert left() == 0


@pytest.mark.parametrize(
    ("lines", "keep_alive", "header"),
    [
        (b"HTTP/1.1\r\n", True, b""),
        (b"HTTP/1.1\r\nConnection: close\r\n", False, b"Connection: close\r\n"),
        (b"HTTP/1.0\r\n", False, b""),
        (b"HTTP/1.0\r\nConnection: keep-alive\r\n", True, b"Connection: keep-alive\r\n"),
        (b"HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n", False, b""),
        (b"HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n", False, b"Connection: close\r\n"),
    ],
)
def test_whether_the_connection_stays_open(lines: bytes, keep_alive: bool, header: bytes) -> None:
    http, _ = received(b"POST / " + lines + b"\r\n")
    head = b"".join(http.respond(Response(200, b"ok")))
    assert head.startswith(lines[:8] + b" 200 OK\r\n")
    assert re.findall(rb"Connection: .*\r\n", head) == ([header] if header else [])
    assert http.should_close is not keep_alive
    http.response_sent()
    assert any(isinstance(event, RequestReceived) for event in events(http, http.receive(GET))) is keep_alive


def test_a_handler_may_end_the_connection() -> None:
    http, _ = received(GET * 2)
    response = Response(200)
    response.keep_alive = False
    assert b"Connection: close\r\n" in b"".join(http.respond(response))
    http.response_sent()
    assert events(http) == []


def test_head_and_204_have_no_body() -> None:
    for request, response, length in (
        (b"HEAD / HTTP/1.1\r\n\r\n", Response(200, b"four", TEXT), b"Content-Length: 4\r\n"),
        (GET, Response(204, b"four"), b""),
    ):
        http, _ = received(request)
        sent = b"".join(http.respond(response))
        assert sent.endswith(b"\r\n\r\n")
        assert re.findall(rb"Content-Length: .*\r\n", sent) == ([length] if length else [])


def test_the_rest_of_a_body_that_has_its_response_is_not_the_next_request() -> None:
    http, _ = received(b"POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\n")
    http.respond(Response(400))
    http.response_sent()
    assert http.is_receiving_body
    reported = events(http, http.receive(GET[:30].ljust(30) + POST))
    assert [type(event) for event in reported] == [
        BodyReceived,
        RequestEnded,
        RequestReceived,
        BodyReceived,
        RequestEnded,
    ]
    assert bodies(reported)[1] == b"{}"


@pytest.mark.parametrize("step", [0, 1])
def test_an_upgrade_to_another_protocol_is_ignored(step: int) -> None:
    upgrade = b"POST / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}"
    assert served(upgrade + POST, step=step)[0] == ["POST {}", "POST {}"]


def test_what_follows_a_websocket_handshake_is_not_http() -> None:
    http, reported = received(POST + HANDSHAKE + b"\x81\x80\0\0\0\0")
    assert bodies(reported) == [b"{}"]
    http.respond(Response(200))
    http.response_sent()
    event = http.next_event()
    assert isinstance(event, RequestReceived)
    assert event.head.wants_websocket
    http.receive(b"more")
    assert http.take_input() == b"\x81\x80\0\0\0\0more"


@pytest.mark.parametrize("sent", [b"", GET, GET * 2])
def test_the_end_of_the_input_comes_after_all_requests(sent: bytes) -> None:
    http, reported = received(sent, eof=True)
    for _ in range(sent.count(GET)):
        assert not any(isinstance(event, InputEnded) for event in reported)
        http.respond(Response(200))
        http.response_sent()
        reported = events(http)
    assert isinstance(reported[-1], InputEnded)
    assert http.should_close


@pytest.mark.parametrize("sent", [b"POST / HT", POST[:-1], CHUNKED + b"1\r\n"])
def test_the_end_of_the_input_ends_an_incomplete_request(sent: bytes) -> None:
    http, reported = received(sent, eof=True)
    assert isinstance(reported[-1], InputEnded)
    assert bodies(reported) == []
    assert not http.is_receiving_body
    assert http.should_close
