"""A node over HTTP, asked through real sockets: nodes that behave, and nodes that do not."""

import asyncio
import gzip
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.demo.recorded import read_lines
from proxy.nodes import (
    KNOWN_METHODS,
    READING_METHODS,
    HttpNode,
    NodeFailure,
    NodeResponse,
)
from proxy.nodes.forwarded import forwarded_for, own_address
from tests.support.garbage import no_garbage_collector
from tests.support.raw_node import RawNode, Request, RequestHandler

BODY = b'{"method":"fee","params":[{"api_version":2}]}'
CLIENT = "192.0.2.7"
IDLE = 0.05
"""Seconds until an idle connection is given up."""
TOO_IDLE_TO_SUBMIT = 0.5
"""Seconds after which a connection is not used for a transaction any more."""
SLOWNESS = 0.01
"""Seconds that a slow node takes."""


@asynccontextmanager
async def asking(
    port: int,
    *,
    connect_timeout: float = 1,
    answer_timeout: float = 2,
    idle_timeout: float = 2.5,
    connections: int = 10,
    answer_bytes: int = 10_000,
    forwarded: bool | None = None,
) -> AsyncIterator[HttpNode]:
    node = HttpNode(
        "node-1",
        f"http://127.0.0.1:{port}",
        connect_timeout=connect_timeout,
        answer_timeout=answer_timeout,
        idle_timeout=idle_timeout,
        connections=connections,
        answer_bytes=answer_bytes,
        forwarded=forwarded,
    )
    try:
        yield node
    finally:
        await node.close()


async def ask(node: HttpNode, *, method: str = "fee", client: str | None = CLIENT, seconds: float = 5) -> NodeResponse:
    deadline = asyncio.get_running_loop().time() + seconds
    body = BODY.replace(b"fee", method.encode())
    return await node.ask(body, client=client, method=method, reads_only=method in READING_METHODS, deadline=deadline)


async def failing(node: HttpNode, *, method: str = "fee", seconds: float = 5) -> NodeFailure:
    with pytest.raises(NodeFailure) as caught:
        await ask(node, method=method, seconds=seconds)
    assert caught.value.node == "node-1"
    return caught.value


def http(body: bytes, status: str = "200 OK", *headers: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status}".encode(), b"Content-Type: application/json", *headers]
    lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


OK = http(b'{"result":{}}')


def always(answer: bytes, *, then_close: bool = False) -> RequestHandler:
    async def give(request: Request) -> None:
        request.send(answer)
        if then_close:
            request.writer.close()

    return give


async def never(request: Request) -> None:
    await request.reader.read()  # until the other side gives up


async def test_what_is_written_to_the_node() -> None:
    async with RawNode(always(OK)) as raw, asking(raw.port) as node:
        await ask(node)
    (request,) = raw.requests
    start, *headers = request.head.decode().strip().split("\r\n")
    assert start == "POST / HTTP/1.1"
    assert dict(header.split(": ") for header in headers) == {
        "Host": f"127.0.0.1:{raw.port}",
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "X-Forwarded-For": CLIENT,
        "Content-Length": str(len(BODY)),
    }
    assert request.body == BODY


async def test_the_proxys_own_requests_carry_an_address_that_no_client_can_have() -> None:
    async with RawNode(always(OK)) as raw, asking(raw.port) as node:
        await ask(node, client=None)
        await ask(node, client=None)
    addresses = {
        line.partition(": ")[2]
        for request in raw.requests
        for line in request.head.decode().split("\r\n")
        if line.startswith("X-Forwarded-For")
    }
    assert addresses == {own_address()}
    assert ipaddress.ip_address(own_address()) in ipaddress.ip_network("2001:db8::/32")  # RFC 3849


async def test_an_invalid_address_is_not_forwarded() -> None:
    async with RawNode(always(OK)) as raw, asking(raw.port) as node:
        with pytest.raises(ValueError, match="does not appear to be"):
            await ask(node, client="127.0.0.1\r\nX-User: root")
    assert raw.requests == []


async def test_no_cookie_is_stored() -> None:
    async with RawNode(always(http(b"{}", "200 OK", b"Set-Cookie: a=b"))) as raw, asking(raw.port) as node:
        await ask(node)
        await ask(node)
    assert b"cookie" not in raw.requests[1].head.lower()


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with RawNode(always(OK)) as raw, asking(raw.port) as node:
        assert (await ask(node)).body == b'{"result":{}}'


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, b"application/json; charset=UTF-8", b'{"result":{"status":"success"}}\n'),
        (400, b"text/plain", b"invalid_API_version\r\n"),
        (403, b"text/plain", b"Forbidden"),
        (503, b"text/plain", b"Server is overloaded"),
        (500, b"", b""),
    ],
)
async def test_an_answer_of_any_status_comes_as_it_is(status: int, content_type: bytes, body: bytes) -> None:
    answer = b"HTTP/1.1 %d X\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        content_type,
        len(body),
        body,
    )
    async with RawNode(always(answer)) as raw, asking(raw.port) as node:
        assert await ask(node) == NodeResponse(status, content_type.decode(), body)


async def test_a_chunked_answer_is_put_together() -> None:
    answer = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"re\r\n9\r\nsult":{}}\r\n0\r\n\r\n'
    async with RawNode(always(answer)) as raw, asking(raw.port) as node:
        assert (await ask(node)).body == b'{"result":{}}'


BODY_5 = b"\r\n\r\n[12]\n"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nX: 1\r\nX: 2\r\ncontent-type: a\r\nContent-Type: b",
        b"HTTP/1.1 503 Busy\r\nContent-Length: 5",
        b"HTTP/1.1 302 There\r\nLocation: /\r\nContent-Length: 5",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip",
        b"HTTP/1.1 204 No\r\nContent-Length: 5",
        b"HTTP/1.1 304 No\r\nContent-Length: 5",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0",
        b"HTTP/1.1 200 OK\r\nConnection: close",
        b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 5",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5",
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\n[12]\nHTTP/1.1 200 OK\r\nContent-Length: 5",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20000",
    ],
)
async def test_a_response_is_the_same_in_one_piece_or_in_many(head: bytes) -> None:
    whole = head + BODY_5

    async def answer(request: Request) -> None:
        size = 1 if request.connection == 1 else len(whole)
        for at in range(0, len(whole), size):
            request.send(whole[at : at + size])
            await asyncio.sleep(0)
        request.writer.close()

    outcomes: list[NodeResponse | str] = []
    async with RawNode(answer) as raw:
        for _ in range(3):  # the last time, its head has been read before
            async with asking(raw.port) as node:
                try:
                    outcomes.append(await ask(node, method="submit"))
                except NodeFailure as failure:
                    outcomes.append(failure.kind)
    assert outcomes == [outcomes[0]] * 3


async def test_connections_are_reused_one_after_the_other() -> None:
    async with RawNode(always(OK)) as raw, asking(raw.port) as node:
        for _ in range(5):
            await ask(node)
    assert raw.connections == 1


async def test_an_idle_connection_is_given_up_before_the_node_closes_it() -> None:
    async with RawNode(always(OK)) as raw, asking(raw.port, idle_timeout=IDLE) as node:
        await ask(node)
        await asyncio.sleep(IDLE + 0.01)
        await ask(node)
    assert raw.connections == 2


def closing_on_reuse(request: Request) -> Awaitable[None]:
    async def give() -> None:
        if request.number == 1:
            request.send(OK)
        else:
            request.writer.close()

    return give()


def resetting_on_reuse(request: Request) -> Awaitable[None]:
    async def give() -> None:
        if request.number == 1:
            request.send(OK)
        else:
            request.reset()

    return give()


@pytest.mark.parametrize("answer", [closing_on_reuse, resetting_on_reuse])
async def test_a_read_caught_by_an_idle_close_is_retried(answer: RequestHandler) -> None:
    async with RawNode(answer) as raw, asking(raw.port) as node:
        for _ in range(4):
            assert (await ask(node)).status == 200
        # The second was written to a pooled connection, got no response, and was retried on a new one.
        assert [(request.connection, request.number) for request in raw.requests][:3] == [(1, 1), (1, 2), (2, 1)]


async def test_a_read_is_answered_though_all_pooled_connections_are_stale() -> None:
    gate = asyncio.Event()

    async def answer(request: Request) -> None:
        if request.number == 1:
            if request.connection <= 5:  # five together, so that five connections are pooled
                if len(raw.requests) == 5:
                    gate.set()
                await gate.wait()
            request.send(OK)
        else:
            request.writer.close()

    async with RawNode(answer) as raw, asking(raw.port) as node:
        await asyncio.gather(*(ask(node) for _ in range(5)))
        assert raw.connections == 5
        assert (await ask(node)).status == 200
        assert len(raw.requests) == 7


@pytest.mark.parametrize("method", ["submit", "submit_multisigned", "sign", "no_such_method"])
@pytest.mark.parametrize("answer", [closing_on_reuse, resetting_on_reuse])
async def test_what_does_not_only_read_is_never_written_twice(method: str, answer: RequestHandler) -> None:
    async with RawNode(answer) as raw, asking(raw.port) as node:
        await ask(node, method=method)
        failure = await failing(node, method=method)
        assert failure.kind == "disconnected"
        assert failure.maybe_received
        written = [request for request in raw.requests if method.encode() in request.body]
        assert len(written) == 2  # one for each question


async def test_a_submit_does_not_meet_a_connection_that_has_been_idle() -> None:
    """So that the node's closing of it cannot leave the fate of a transaction unknown."""
    async with RawNode(closing_on_reuse) as raw, asking(raw.port) as node:
        await ask(node)
        assert (await ask(node, method="submit")).status == 200
        await asyncio.sleep(TOO_IDLE_TO_SUBMIT + 0.05)
        assert (await ask(node, method="submit")).status == 200
    assert [request.number for request in raw.requests] == [1, 1, 1]


async def test_a_read_whose_response_had_begun_is_not_retried() -> None:
    async def answer(request: Request) -> None:
        if request.number == 1:
            request.send(OK)
        else:
            request.send(OK[:-5])
            request.writer.close()

    async with RawNode(answer) as raw, asking(raw.port) as node:
        await ask(node)
        assert (await failing(node)).kind == "disconnected"
        assert len(raw.requests) == 2


async def test_a_read_is_retried_once_only() -> None:
    async def answer(request: Request) -> None:
        if len(raw.requests) == 1:
            request.send(OK)
        else:
            request.writer.close()

    async with RawNode(answer) as raw, asking(raw.port) as node:
        await ask(node)
        assert (await failing(node)).kind == "disconnected"
        assert len(raw.requests) == 3


async def test_a_new_connection_that_closes_is_a_failure_at_once() -> None:
    async def answer(request: Request) -> None:
        request.writer.close()

    async with RawNode(answer) as raw, asking(raw.port) as node:
        failure = await failing(node)
        assert (failure.kind, failure.maybe_received) == ("disconnected", True)
        assert len(raw.requests) == 1


async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with asking(unused.getsockname()[1]) as node:
            failure = await failing(node, method="submit")
    assert (failure.kind, failure.maybe_received) == ("refused", False)
    assert str(failure) == "node node-1: no connection could be made"


async def test_a_host_that_does_not_take_connections() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = []
        try:
            for _ in range(3):  # fill the backlog; what comes after gets no answer to its SYN
                sock = socket.socket()
                sock.setblocking(False)
                sock.connect_ex(("127.0.0.1", port))
                waiting.append(sock)
            async with asking(port, connect_timeout=0.1) as node:
                failure = await failing(node)
        finally:
            for sock in waiting:
                sock.close()
    assert (failure.kind, failure.maybe_received) == ("timeout", False)


async def elapsed(question: Awaitable[NodeFailure]) -> tuple[NodeFailure, float]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    return await question, loop.time() - began


async def drip(request: Request) -> None:
    request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not request.writer.is_closing():
        request.send(b"x")
        await request.writer.drain()
        await asyncio.sleep(SLOWNESS)


@pytest.mark.parametrize("answer", [never, drip])
async def test_the_whole_answer_has_a_time(answer: RequestHandler) -> None:
    async with RawNode(answer) as raw, asking(raw.port, answer_timeout=0.2, answer_bytes=1_000_000) as node:
        failure, seconds = await elapsed(failing(node))
        assert (failure.kind, failure.maybe_received) == ("timeout", True)
        assert 0.19 < seconds < 1.5
        await raw.wait_idle()


@pytest.mark.parametrize("answer", [never, drip])
async def test_the_requests_own_time_ends_it_earlier(answer: RequestHandler) -> None:
    async with RawNode(answer) as raw, asking(raw.port, answer_bytes=1_000_000) as node:
        failure, seconds = await elapsed(failing(node, seconds=0.1))
        assert failure.kind == "timeout"
        assert seconds < 1.5
        await raw.wait_idle()


async def test_waiting_for_a_free_connection_is_part_of_the_time() -> None:
    async with RawNode(never) as raw, asking(raw.port, connections=1) as node:
        first = asyncio.create_task(failing(node, seconds=1))
        await raw.received.wait()
        second = await failing(node, method="submit", seconds=0.1)
        assert (second.kind, second.maybe_received) == ("timeout", False)
        assert not first.done()
        assert (await first).maybe_received
        assert len(raw.requests) == 1


async def test_no_more_connections_than_configured() -> None:
    at_once = most = 0

    async def answer(request: Request) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(SLOWNESS)
        at_once -= 1
        request.send(OK)

    async with RawNode(answer) as raw, asking(raw.port, connections=3) as node:
        await asyncio.gather(*(ask(node, method=method) for method in ("fee", "submit") * 10))
    assert most == 3


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Le", "disconnected"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "disconnected"),
        (CHUNKED + b"2\r\n{}\r\n", "disconnected"),
        (CHUNKED + b"10\r\n{}", "disconnected"),
        (b'HTTP/1.0 200 OK\r\n\r\n{"result":{"a":[1,2', "disconnected"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "invalid_response"),
        (b"{}", "invalid_response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n{}", "invalid_response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", "invalid_response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "invalid_response"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n", "invalid_response"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "invalid_response"),
        (http(gzip.compress(b"{}"), "200 OK", b"Content-Encoding: gzip"), "invalid_response"),
    ],
)
async def test_half_an_answer_or_none_at_all_is_a_failure(answer: bytes, kind: str) -> None:
    async with RawNode(always(answer, then_close=True)) as raw, asking(raw.port) as node:
        assert (await failing(node)).kind == kind
        assert len(raw.requests) == 1


@pytest.mark.parametrize("chunk", [b"zz\r\n{}\r\n0\r\n\r\n", b"2\r\n{}}}\r\n0\r\n\r\n", b"-2\r\n{}\r\n"])
async def test_bad_chunks_are_a_failure_also_when_the_connection_stays_open(chunk: bytes) -> None:
    async with RawNode(always(CHUNKED + chunk)) as raw, asking(raw.port) as node:
        failure, seconds = await elapsed(failing(node))
        assert failure.kind in ("invalid_response", "disconnected")
        assert seconds < 1
        await raw.wait_idle()


async def test_a_reset_within_the_body() -> None:
    async def answer(request: Request) -> None:
        request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
        await request.writer.drain()
        await asyncio.sleep(0.02)
        request.reset()

    async with RawNode(answer) as raw, asking(raw.port, answer_bytes=1_000_000) as node:
        assert (await failing(node)).kind == "disconnected"


async def test_an_answer_ended_by_closing_is_taken_if_it_is_whole() -> None:
    answer = always(b'HTTP/1.0 200 OK\r\n\r\n{"result":{}}', then_close=True)
    async with RawNode(answer) as raw, asking(raw.port) as node:
        assert (await ask(node)).body == b'{"result":{}}'


async def endless(request: Request) -> None:
    request.send(CHUNKED)
    while not request.writer.is_closing():
        request.send(b"400\r\n" + b"x" * 0x400 + b"\r\n")
        await request.writer.drain()


@pytest.mark.parametrize("answer", [endless, always(b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n")])
async def test_too_large_an_answer_is_not_taken(answer: RequestHandler) -> None:
    async with RawNode(answer) as raw, asking(raw.port) as node:
        assert (await failing(node)).kind == "too_large"
        await raw.wait_idle()


def repeating(start: bytes, unit: bytes) -> RequestHandler:
    async def give(request: Request) -> None:
        request.send(start)
        while not request.writer.is_closing():
            request.send(unit)
            await request.writer.drain()

    return give


@pytest.mark.parametrize(
    "answer",
    [
        repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        repeating(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100),
        repeating(CHUNKED, b"1\r\n \r\n" * 100),
        repeating(CHUNKED, (b"40\r\n" + b" " * 64 + b"\r\n") * 100),
        repeating(CHUNKED + b"1;", b"x" * 10_000),
        repeating(CHUNKED, b"1;" + b"x" * 10_000 + b"\r\n \r\n"),
        repeating(CHUNKED + b"0\r\n", b"a: b\r\n" * 100),
    ],
    ids=["interim", "hints", "1-byte chunks", "64-byte chunks", "an extension", "extensions", "trailers"],
)
async def test_an_answer_that_costs_more_than_its_bytes_is_not_taken(answer: RequestHandler) -> None:
    """Long before it is too large: each of its parts takes the event loop as long as a thousand bytes."""
    async with RawNode(answer) as raw, asking(raw.port, answer_timeout=20, answer_bytes=60_000_000) as node:
        assert (await failing(node)).kind == "invalid_response"
        await raw.wait_idle()


async def test_an_answer_in_a_thousand_small_chunks_after_hints_is_taken() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nContent-Type: text/plain\r\nLink: </a>\r\n\r\n" * 10
    answer = always(hints + CHUNKED + b"1;a=b\r\n \r\n" * 1_000 + b"2\r\n{}\r\n0\r\nTrailer: a\r\n\r\n")
    async with RawNode(answer) as raw, asking(raw.port) as node:
        assert (await ask(node)).body == b" " * 1_000 + b"{}"


async def test_an_answer_of_just_the_size_is_taken() -> None:
    async with RawNode(always(http(b"x" * 10_000))) as raw, asking(raw.port) as node:
        assert len((await ask(node)).body) == 10_000


async def test_a_connection_with_half_an_answer_is_not_used_again() -> None:
    async def answer(request: Request) -> None:
        request.send(CHUNKED + b"5\r\n[1,2,\r\n" if len(raw.requests) == 1 else OK)

    async with RawNode(answer) as raw, asking(raw.port, answer_timeout=0.1) as node:
        assert (await failing(node)).kind == "timeout"
        assert (await ask(node)).body == b'{"result":{}}'
    assert [request.connection for request in raw.requests] == [1, 2]


async def test_what_comes_after_an_answer_is_not_the_next_answer() -> None:
    """A node, or something between, that sends two answers to one question must not shift all that follow."""

    async def answer(request: Request) -> None:
        request.send(OK + http(b'{"result":"of nobody"}') if len(raw.requests) == 1 else OK)

    async with RawNode(answer) as raw, asking(raw.port) as node:
        for _ in range(3):
            assert (await ask(node)).body == b'{"result":{}}'


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_a_node_that_answers_without_reading_the_request() -> None:
    async with RawNode(always(http(b"", "413 Too large"))) as raw, asking(raw.port) as node:
        deadline = asyncio.get_running_loop().time() + 2
        body = b" " * 20_000_000
        answer = await node.ask(body, client=CLIENT, method="fee", reads_only=True, deadline=deadline)
        assert answer.status == 413
        raw.respond = always(OK)
        assert (await ask(node)).status == 200
    assert [request.connection for request in raw.requests] == [1, 2]


async def test_a_client_that_leaves_frees_its_place() -> None:
    async with RawNode(never) as raw, asking(raw.port, connections=1) as node:
        question = asyncio.create_task(ask(node))
        await raw.received.wait()
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question
        await raw.wait_idle()
        raw.respond = always(OK)
        assert (await ask(node)).status == 200


async def test_a_task_that_waited_too_long_does_not_wait_for_the_garbage_collector() -> None:
    """A timeout holds its task, and the task its failure, which therefore must not hold the timeout."""
    async with RawNode(never) as raw, asking(raw.port, connections=1, answer_timeout=60) as node:
        first = asyncio.create_task(ask(node, seconds=60))
        await raw.received.wait()
        with no_garbage_collector(NodeFailure) as left:
            second = asyncio.create_task(ask(node, seconds=0.05))
            await asyncio.wait((second,))
            assert isinstance(second.exception(), NodeFailure)
            del second
            assert left() == 0
        first.cancel()


async def test_nothing_is_left_behind() -> None:
    async def answer(request: Request) -> None:
        match len(raw.requests) % 4:
            case 0:
                request.send(OK)
            case 1:
                request.reset()
            case 2:
                request.send(OK[:-3])
                request.writer.close()
            case _:
                await never(request)

    before = asyncio.all_tasks()
    async with RawNode(answer) as raw:
        async with asking(raw.port, answer_timeout=0.2) as node:
            await asyncio.gather(*(ask(node, method=m) for m in ("fee", "submit") * 20), return_exceptions=True)
        await raw.wait_idle()
        assert {task for task in asyncio.all_tasks() - before if "serve" not in repr(task)} == set()


async def test_a_closed_node_fails_at_once() -> None:
    async with RawNode(always(OK)) as raw:
        async with asking(raw.port) as node:
            await ask(node)
        failure = await failing(node)
        assert (failure.kind, failure.maybe_received) == ("refused", False)


async def test_closing_ends_requests_in_flight() -> None:
    async with RawNode(never) as raw, asking(raw.port) as node:
        question = asyncio.create_task(failing(node))
        await raw.received.wait()
        await node.close()
        assert (await question).kind == "disconnected"


async def test_closing_within_a_response_ends_the_request_too() -> None:
    async def answer(request: Request) -> None:
        request.send(OK if request.number == 1 else OK[:-5])

    async with RawNode(answer) as raw, asking(raw.port) as node:
        await ask(node)
        raw.received.clear()
        question = asyncio.create_task(failing(node))
        await raw.received.wait()
        await asyncio.sleep(0.05)  # for the half of the answer to come
        await node.close()
        failure = await question
        assert (failure.kind, failure.maybe_received) == ("disconnected", True)


async def test_observers_are_notified_of_every_request() -> None:
    async def answer(request: Request) -> None:
        request.send(OK if b"fee" in request.body else b"nonsense\r\n\r\n")

    heard: list[tuple[str, bool, float, NodeResponse | NodeFailure]] = []
    async with RawNode(answer) as raw, asking(raw.port) as node:
        node.add_observer(lambda *outcome: heard.append(outcome))
        await ask(node)
        await ask(node, client=None)
        failure = await failing(node, method="submit")
    assert [(method, for_client, outcome) for method, for_client, _, outcome in heard] == [
        ("fee", True, NodeResponse(200, "application/json", b'{"result":{}}')),
        ("fee", False, NodeResponse(200, "application/json", b'{"result":{}}')),
        ("submit", True, failure),
    ]
    assert all(0 < seconds < 1 for _, _, seconds, _ in heard)


async def test_a_failure_reveals_neither_request_nor_response() -> None:
    async with RawNode(always(b"HTTP/1.1 2xx sEcReT\r\n\r\n")) as raw, asking(raw.port) as node:
        failure = await failing(node)
    assert failure.__cause__ is None
    assert failure.__context__ is None
    assert "sEcReT" not in str(failure)


@given(st.ip_addresses())
def test_the_node_reads_back_the_clients_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    reported = ipaddress.ip_address(forwarded_for(str(address)))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    assert reported == (mapped or address)


@pytest.mark.parametrize(
    ("client", "reported"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_one_client_has_one_form(client: str, reported: str) -> None:
    assert forwarded_for(client) == reported


def test_every_recorded_method_is_known() -> None:
    recorded = {entry["method"] for entry in read_lines("exchanges.jsonl.xz")}
    assert recorded - KNOWN_METHODS == {"no_such_method", ""}


def test_what_changes_something_is_not_sent_twice() -> None:
    signing = {"sign", "sign_for", "channel_authorize", "wallet_propose"}
    assert not READING_METHODS & {"submit", "submit_multisigned", "subscribe", "unsubscribe", "stop", *signing}


@pytest.mark.parametrize(
    ("client", "software", "option", "headers"),
    [
        (CLIENT, "rippled", None, {"X-Forwarded-For": CLIENT}),
        (CLIENT, "clio", None, {"X-Forwarded-For": CLIENT, "Forwarded": f"for={CLIENT}"}),
        ("2001:db8::7", "clio", None, {"X-Forwarded-For": "2001:db8::7", "Forwarded": 'for="[2001:db8::7]"'}),
        (CLIENT, "clio", False, {"X-Forwarded-For": CLIENT}),
        (CLIENT, "rippled", True, {"X-Forwarded-For": CLIENT, "Forwarded": f"for={CLIENT}"}),
    ],
)
async def test_a_clio_learns_the_client_by_forwarded(
    client: str, software: str, option: bool | None, headers: dict[str, str]
) -> None:
    async with RawNode(always(OK)) as raw, asking(raw.port, forwarded=option) as node:
        node.learn_software(software)
        await ask(node, client=client)
    (request,) = raw.requests
    written = dict(line.split(": ", 1) for line in request.head.decode().strip().split("\r\n")[1:])
    assert {name: value for name, value in written.items() if "Forwarded" in name} == headers
