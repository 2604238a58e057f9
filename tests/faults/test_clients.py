"""Clients that mean harm, or are broken: what they get, and that the others notice nothing of them."""

import asyncio
import gzip
import logging
import re
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from proxy.demo import DemoNode
from proxy.server.proxy import Proxy
from tests.support.bystander import SHORT, endure
from tests.support.client import metric, until
from tests.support.raw_client import RawClient, post
from tests.support.raw_requests import Raw, raw_differences, raw_entries
from tests.support.scripted_node import ScriptedNode, hang
from tests.support.start import StartNode, StartProxy

IMPATIENT = {**SHORT, "request_head": 0.3, "request_body": 0.3, "client_write": 0.3}
MARGIN = 5.0
"""Seconds more than the proxy's own limits, for a machine that has more to do."""

FEE = {"method": "fee", "params": [{"api_version": 2}]}
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


def frame(text: bytes, *, compressed: bool = False) -> bytes:
    """A client's WebSocket message, masked with zeros."""
    size = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0x80 | 127]) + len(text).to_bytes(8, "big")
    return bytes([0xC1 if compressed else 0x81]) + size + bytes(4) + text


PACE = 0.02
"""Seconds between two bytes of a slow client."""


@asynccontextmanager
async def session(served: Proxy, *headers: bytes) -> AsyncIterator[RawClient]:
    """A client that has a session and is to write what comes then."""
    async with RawClient(served.http_url) as client:
        await client.send(UPGRADE + b"".join(header + b"\r\n" for header in headers) + b"\r\n")
        assert b" 101 " in await client.head()
        yield client


async def drip(client: RawClient, data: Iterable[int], until: asyncio.Task[bytes]) -> None:
    """Write a byte at a time until something has come of it."""
    for byte in data:
        if until.done():
            return
        await client.send(bytes([byte]))
        await asyncio.sleep(PACE)


@pytest.fixture
async def served(node: ScriptedNode, proxy: StartProxy) -> Proxy:
    node.answers |= {"stuck": hang, "big": {"blob": "x" * 20_000_000}}
    return await proxy(
        nodes=[node.settings(websocket=node.websocket_url)],
        timeouts={**IMPATIENT, "request": 1},
        limits={"min_bytes_per_second": 10_000},
    )


async def test_a_head_byte_by_byte(served: Proxy) -> None:
    async def slow() -> None:
        async with RawClient(served.http_url) as client:
            answer = asyncio.create_task(client.rest(IMPATIENT["request_head"] + MARGIN))
            await drip(client, b"POST / HTTP/1.1\r\nX-Padding: " + b"x" * 1000, answer)
            assert await answer == b""

    await endure(served, lambda: five(slow))


async def test_a_body_byte_by_byte(served: Proxy) -> None:
    async def slow() -> None:
        async with RawClient(served.http_url) as client:
            answer = asyncio.create_task(client.head(IMPATIENT["request_body"] + MARGIN))
            await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
            await drip(client, b" " * 1000, answer)
            assert (await answer).startswith(b"HTTP/1.1 408 ")

    await endure(served, lambda: five(slow))


async def test_a_message_byte_by_byte(served: Proxy) -> None:
    """It is a session like any other, and its request like any other once it is whole."""

    async def slow() -> None:
        async with session(served) as client:
            answer = asyncio.create_task(client.reader.readuntil(b'"success"'))
            await drip(client, frame(b'{"command":"fee"}'), answer)
            await asyncio.wait_for(answer, MARGIN)

    await endure(served, lambda: five(slow))


async def test_a_client_that_never_reads(served: Proxy) -> None:
    async def greedy() -> None:
        async with RawClient(served.http_url, small=True) as client:
            await client.send(post({"method": "big", "params": [{"api_version": 2}]}))
            ended = await slow_readers_ended(served)

            async def has_ended() -> bool:
                return await slow_readers_ended(served) > ended

            async with asyncio.timeout(2 + IMPATIENT["client_write"] + MARGIN):
                await until(has_ended)

    await endure(served, greedy)


async def slow_readers_ended(served: Proxy) -> float:
    return (await metric(served, "xrpl_proxy_connections_ended_total")).get('{reason="slow_reader"}', 0)


async def test_clients_that_vanish(served: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    """At every stage: connected, within a head, within a body, waiting for an answer, taking it, within a session."""

    async def vanish() -> None:
        big, stuck = ({"method": method, "params": [{"api_version": 2}]} for method in ("big", "stuck"))
        for sent in (b"", b"POST / HT", post(FEE)[:-3], post(FEE), post(stuck), post(big), UPGRADE, UPGRADE + b"\r\n"):
            async with RawClient(served.http_url) as client:
                await client.send(sent)
        for sent in (b"\x81", frame(b'{"command":"fee"}')[:-2], frame(b'{"command":"fee"}') * 20):
            async with session(served) as client:
                await client.send(sent)

    await endure(served, vanish)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]  # strangers fill no log


async def test_a_client_that_answers_no_ping(node: ScriptedNode, proxy: StartProxy) -> None:
    ping_interval = 0.3
    served = await proxy(
        nodes=[node.settings(websocket=node.websocket_url)], timeouts=SHORT, websocket={"ping_interval": ping_interval}
    )

    async def silent() -> None:
        async with session(served) as client:
            await client.rest(ping_interval * 1.5 + MARGIN)

    await endure(served, lambda: five(silent))


async def five(client: Any) -> None:
    await asyncio.gather(*(client() for _ in range(5)))


async def test_1000_requests_in_a_batch(node: ScriptedNode, served: Proxy) -> None:
    batch = {"method": "batch", "params": [{"method": "fee"}] * 1000}

    async def greedy() -> None:
        asked = node.times("fee")
        async with (
            asyncio.timeout(MARGIN),
            aiohttp.ClientSession() as client,
            client.post(served.http_url, json=batch) as answer,
        ):
            assert answer.status == 400
            assert await answer.text() == "Malformed batch request: 1000 items, of which 100 are allowed\r\n"
        assert node.times("fee") - asked < 100  # those of the others

    await endure(served, greedy)


async def test_as_large_batches_as_are_allowed(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings(websocket=node.websocket_url)], timeouts=SHORT)
    batch = {"method": "batch", "params": [{"method": "fee", "api_version": 2}] * 100}

    async def greedy() -> None:
        async with aiohttp.ClientSession() as client, client.post(served.http_url, json=batch) as answer:
            answers = await answer.json(content_type=None)
        assert [each["result"]["status"] for each in answers] == ["success"] * 100

    await endure(served, lambda: five(greedy))


async def test_1000_requests_at_once_on_one_connection(served: Proxy) -> None:
    async def greedy() -> None:
        async with RawClient(served.http_url) as client:
            await client.send(post(FEE) * 999 + post(FEE, "Connection: close"))
            assert (await client.rest(20)).count(b"HTTP/1.1 200 ") == 1000

    await endure(served, greedy)


async def test_1000_requests_at_once_on_one_session(served: Proxy) -> None:
    async def greedy() -> None:
        asked = b"".join(frame(b'{"command":"fee","api_version":2,"id":%d}' % number) for number in range(1000))
        async with session(served) as client:
            await client.send(asked)
            answers = b""
            async with asyncio.timeout(10):
                while answers.count(b'"response"') < 1000:
                    answers += await client.reader.read(65536)
        assert answers.count(b'"success"') == 1000
        assert list(map(int, re.findall(rb'"id":(\d+)', answers))) == list(range(1000))

    await endure(served, greedy)


async def test_a_flood_of_messages_that_are_no_requests(served: Proxy) -> None:
    """They are answered from memory, and still not so many at a time that others have to wait."""

    async def flood() -> None:
        async with session(served) as client:
            await client.send(frame(b"{}") * 10_000)
            size = 0
            async with asyncio.timeout(40):
                while size < 10_000 * 30:
                    size += len(await client.reader.read(65536))

    await endure(served, flood)


async def test_a_bomb(served: Proxy) -> None:
    """100 MB of blanks in 100 kB: refused by POST without unpacking, on a session as soon as it is too large."""
    packed = gzip.compress(b" " * 100_000_000)
    deflate = zlib.compressobj(wbits=-15)
    message = deflate.compress(b" " * 100_000_000) + deflate.flush(zlib.Z_SYNC_FLUSH)
    extension = b"Sec-WebSocket-Extensions: permessage-deflate"

    async def throw() -> None:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        async with (
            asyncio.timeout(2),
            aiohttp.ClientSession() as client,
            client.post(served.http_url, data=packed, headers={"Content-Encoding": "gzip"}) as answer,
        ):
            assert answer.status == 400
        async with session(served, extension) as raw:
            await raw.send(frame(message[:-4], compressed=True))
            assert b"\x03\xf1" in await raw.rest(2)  # 1009, too big
        assert tracemalloc.get_traced_memory()[1] - before < 10_000_000

    await endure(served, throw)


@pytest.fixture
async def recorded(demo_node: StartNode, proxy: StartProxy) -> tuple[DemoNode, Proxy]:
    node = await demo_node(2)
    return node, await proxy(node, timeouts=SHORT)


async def test_every_malformed_request(recorded: tuple[DemoNode, Proxy]) -> None:
    """Each gets what a rippled gave it, by POST and on a session, from many clients at once."""
    node, served = recorded
    differing: list[str] = []

    async def post_them(entries: list[Raw]) -> None:
        async with aiohttp.ClientSession() as client:
            for raw in entries:
                async with client.post(served.http_url, data=raw.body) as answer:
                    if found := raw_differences(raw, answer.status, await answer.text()):
                        differing.append(f"{raw.id}: {found}")

    async def send_them(entries: list[Raw]) -> None:
        for raw in entries:
            async with aiohttp.ClientSession() as client, client.ws_connect(served.http_url, max_msg_size=0) as socket:
                await socket.send_frame(raw.body, aiohttp.WSMsgType.BINARY if raw.binary else aiohttp.WSMsgType.TEXT)
                if found := raw_differences(raw, None, await socket.receive_str(timeout=10)):
                    differing.append(f"{raw.id}: {found}")

    by_post, by_session = raw_entries("http"), raw_entries("ws")
    assert len(by_post) > 70
    assert len(by_session) > 10

    async def send_all() -> None:
        await asyncio.gather(
            *(post_them(by_post[start::4]) for start in range(4)),
            *(send_them(by_session[start::2]) for start in range(2)),
        )
        node.seen.clear()

    await endure(served, send_all)
    assert not differing, "\n".join(differing)
    assert node.misses == []
