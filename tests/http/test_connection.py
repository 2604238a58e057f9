"""What a client may do with an HTTP/1 connection, besides sending one complete request after the other."""

import asyncio
import re
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest

from tests.support.listeners import FEE, nobody_connected
from tests.support.raw_client import RawClient, post
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: proxy\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def frame(message: object) -> bytes:
    """A client's text message, masked with nothing."""
    text = orjson.dumps(message)
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


async def test_a_request_may_come_in_any_pieces(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    whole = post(FEE)
    async with RawClient(served.http_url) as client:
        for cut in (1, 20, whole.index(b"\r\n\r\n") + 2, whole.index(b"{"), len(whole) - 1):
            await client.send(whole[:cut])
            await asyncio.sleep(0.01)  # so that they arrive apart
            await client.send(whole[cut:])
            assert b" 200 " in await client.head()
            await client.reader.readuntil(b"}}")


@pytest.mark.parametrize(
    "whole",
    [
        post(FEE),
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HEAD / HTTP/1.0\r\n\r\n",
        b"POST / HTTP/1.0\r\nContent-Length: 16\r\nConnection: keep-alive\r\n\r\n" + b'{"method":"fee"}',
        b"POST / HTTP/1.1\r\nContent-Length: 16\r\nConnection: close\r\n\r\n" + b'{"method":"fee"}',
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + b'{"method":"fee"}' + b"\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 16\r\nContent-Encoding: gzip\r\n\r\n" + b'{"method":"fee"}',
        b"POST / HTTP/1.1\r\nContent-Length: 16\r\nContent-Length: 17\r\n\r\n" + b'{"method":"fee"}',
        b"POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"POST / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"Content-Length: 16\r\n\r\n" + b'{"method":"fee"}',
        b"OPTIONS / HTTP/1.1\r\nOrigin: a\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"POST / HTTP/1.1\nContent-Length: 20\n\n" + b'{"method":"fee"}' + b"\r\n\r\n",
        b"POST / HTTP/1.1\nContent-Length: 2\n\n{}GET / HTTP/1.1\r\n\r\n{}",
        b"\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    ],
)
async def test_a_request_is_the_same_in_one_piece_or_in_many(
    node: ScriptedNode, proxy: StartProxy, whole: bytes
) -> None:
    served = await proxy(nodes=[node.settings()])
    answers = set()
    for size in (1, len(whole), len(whole)):  # the last time, its head has been read before
        async with RawClient(served.http_url) as client:
            for at in range(0, len(whole), size):
                await client.send(whole[at : at + size])
                await asyncio.sleep(0)
            client.end()
            answers.add(re.sub(rb"(Date|X-Request-Id): .*\r\n", b"", await client.rest()))
    answers.discard(b"")  # what is refused while its rest comes may be lost on the way
    assert len(answers) == 1


async def test_a_body_in_chunks_is_the_same_body(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    async with RawClient(served.http_url) as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        for part in (b'{"met', b'hod":"fee"}'):
            await client.send(b"%x\r\n%b\r\n" % (len(part), part))
        await client.send(b"0\r\nTrailer: nobody-reads-it\r\n\r\n")
        assert b'"status":"success"' in await client.rest()
    assert node.times("fee") == 1


async def test_responses_come_in_the_order_of_their_requests(node: ScriptedNode, proxy: StartProxy) -> None:
    lateness = 0.05

    async def late(*_: Any) -> dict[str, Any]:
        await asyncio.sleep(lateness)
        return {"which": "late"}

    node.answers |= {"ledger": late, "fee": {"which": "early"}}
    served = await proxy(nodes=[node.settings()])
    async with RawClient(served.http_url) as client:
        await client.send(post({"method": "ledger"}) + post(FEE) + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        answers = await client.rest()
    assert answers.index(b"late") < answers.index(b"early") < answers.index(b"This server is ready.")
    assert answers.count(b"HTTP/1.1 200 ") == 3


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01 garbage\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"GET /" + b"x" * 60_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["garbage", "an unknown coding", "a bad chunk", "a long target"],
)
async def test_invalid_http_after_a_request_does_not_affect_its_response(
    node: ScriptedNode, proxy: StartProxy, nonsense: bytes
) -> None:
    served = await proxy(nodes=[node.settings()])
    async with RawClient(served.http_url) as client:
        await client.send(post(FEE) * 2 + nonsense)
        answers = await client.rest()
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert answers.count(b"HTTP/1.1 200 ") == 2
    assert answers.count(b"HTTP/1.1 400 ") == 1
    assert answers.rindex(b"HTTP/1.1 200 ") < answers.index(b"HTTP/1.1 400 ")


async def test_an_empty_line_between_requests_is_nothing_to_wait_for(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], timeouts={"shutdown": 30})
    async with RawClient(served.http_url) as client:
        for sent in (post(FEE), b"\r\n", post(FEE)):
            await client.send(sent)
            if sent != b"\r\n":
                await client.head()
                await client.reader.readuntil(b"}}")
        async with asyncio.timeout(5):
            await served.stop()


@pytest.mark.parametrize(
    ("lines", "stays_open"),
    [
        (b"POST / HTTP/1.1\r\nConnection: close\r\n", False),
        (b"POST / HTTP/1.0\r\n", False),
        (b"POST / HTTP/1.0\r\nConnection: keep-alive\r\n", True),
    ],
)
async def test_the_connection_stays_open_if_the_client_wants_it(
    node: ScriptedNode, proxy: StartProxy, lines: bytes, stays_open: bool
) -> None:
    served = await proxy(nodes=[node.settings()])
    request = lines + b"Content-Length: 16\r\n\r\n" + b'{"method":"fee"}'
    async with RawClient(served.http_url) as client:
        await client.send(request)
        head = await client.head()
        assert head.startswith(lines[7:15] + b" 200 ")
        assert (b"Connection: keep-alive" in head) == stays_open
        if stays_open:
            await client.reader.readuntil(b"}}")
            await client.send(request)
            assert b" 200 " in await client.head()
        else:
            await client.rest()


async def test_head_is_answered_without_a_body(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    async with RawClient(served.http_url) as client:
        await client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await client.rest()
    assert b"Content-Length: 22\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


async def test_a_half_closed_client_still_gets_its_response(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    async with RawClient(served.http_url) as client:
        await client.send(post(FEE))
        client.end()
        assert (await client.rest()).startswith(b"HTTP/1.1 200 ")
    await nobody_connected(served)


@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 1),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3, 3),
        (post(FEE), 1),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + b"GET no HTTP\r\n\r\n", 2),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + HANDSHAKE + b"\x88\x80\0\0\0\0", 2),
    ],
)
async def test_responses_among_many_requests_in_flight_are_all_written(
    node: ScriptedNode, proxy: StartProxy, sent: bytes, answers: int
) -> None:
    over = asyncio.Event()

    async def held(*_: Any) -> dict[str, Any]:
        await over.wait()
        return {"which": "held"}

    node.answers["ledger"] = held
    served = await proxy(nodes=[node.settings()])
    async with AsyncExitStack() as stack:
        waiting = [await stack.enter_async_context(RawClient(served.http_url)) for _ in range(8)]
        for each in waiting:
            await each.send(post({"method": "ledger"}))
        await node.until(lambda: node.times("ledger") == len(waiting))
        async with RawClient(served.http_url) as client:
            await client.send(sent)
            if HANDSHAKE not in sent:  # a client of a WebSocket that says it sends no more is gone
                client.end()
            assert len(re.findall(rb"HTTP/1.1 \d", await client.rest())) == answers
        over.set()
        for each in waiting:
            assert b" 200 " in await each.head()


async def test_a_wish_for_another_protocol_is_ignored(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    async with RawClient(served.http_url) as client:
        await client.send(post(FEE, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c") + post(FEE))
        for _ in range(2):
            assert (await client.head()).startswith(b"HTTP/1.1 200 ")
            await client.reader.readuntil(b"}}")


async def test_a_connection_without_requests_is_closed_after_its_time(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], timeouts={"idle_client": 0.5, "request_head": 0.5})
    async with RawClient(served.http_url) as client:
        await client.send(post(FEE))
        assert b"Connection: close" not in await client.head()
        await client.rest(2)
    await nobody_connected(served)


async def test_a_websocket_may_follow_requests_with_messages_sent_ahead(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings(websocket=node.websocket_url)])
    async with RawClient(served.http_url) as client:
        await client.send(post(FEE) + HANDSHAKE + frame({"id": 7, "command": "fee"}))
        assert (await client.head()).startswith(b"HTTP/1.1 200 ")
        await client.reader.readuntil(b"}}")
        assert b" 101 " in await client.head()
        assert b'"id":7' in await client.reader.readuntil(b'"response"}')


@pytest.mark.parametrize(
    "handshake",
    [b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", HANDSHAKE.replace(b"Host: proxy\r\n", b"")],
)
async def test_an_invalid_handshake_is_refused_and_the_connection_ends(
    node: ScriptedNode, proxy: StartProxy, handshake: bytes
) -> None:
    served = await proxy(nodes=[node.settings(websocket=node.websocket_url)])
    async with RawClient(served.http_url) as client:
        await client.send(handshake)
        answer = await client.rest()
    assert b" 400 Bad Request" in answer
    assert b"Not a WebSocket handshake" in answer
    assert b"ython" not in answer
