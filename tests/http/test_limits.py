"""Misbehaving clients: each is dealt with in its time, and the others notice nothing."""

import asyncio
import gc
import gzip
import sys
import tracemalloc
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from proxy.http.connection import Connection
from proxy.http.request import Body, IncompleteBody, Request
from proxy.server.proxy import Proxy
from tests.support.client import until
from tests.support.garbage import no_garbage_collector
from tests.support.listeners import FEE, ask, counted, nobody_connected
from tests.support.raw_client import RawClient, post
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy

SHORT = {"request_head": 0.4, "request_body": 0.4, "client_write": 0.4}
PACE = 0.01
"""Seconds between two bytes, or two reads, of a slow client."""
STRICT: dict[str, Any] = {"exempt": []}


@pytest.mark.parametrize("beginning", [b"", b"POST / HTTP/1.1\r\nHost: a\r\n"], ids=["nothing", "half a head"])
async def test_a_client_that_does_not_finish_its_head_is_disconnected(
    node: ScriptedNode, proxy: StartProxy, beginning: bytes
) -> None:
    served = await proxy(nodes=[node.settings()], timeouts=SHORT)
    async with RawClient(served.http_url) as client:
        await client.send(beginning)
        began = asyncio.get_running_loop().time()
        assert await client.rest() == b""
        assert 0.3 < asyncio.get_running_loop().time() - began < 1.5
    assert (await counted(served, "xrpl_proxy_connections_ended_total"))['reason="slow_head"'] == 1
    await nobody_connected(served)


async def test_a_head_in_single_bytes_has_no_more_time_and_others_notice_nothing(
    node: ScriptedNode, proxy: StartProxy
) -> None:
    served = await proxy(nodes=[node.settings()], timeouts=SHORT)
    async with RawClient(served.http_url) as first, RawClient(served.http_url) as second:
        await second.send(post(FEE))  # the second request of a connection has no more time than the first
        assert b" 200 " in await second.head()
        ended = [asyncio.create_task(client.reader.read()) for client in (first, second)]
        for byte in b"GET / HTTP/1.1\r\nX-Padding: " + b"x" * 60:
            await asyncio.gather(first.send(bytes([byte])), second.send(bytes([byte])))
            assert (await ask(served.http_url))[0] == 200
            await asyncio.sleep(PACE)
        async with asyncio.timeout(2):
            await asyncio.gather(*ended, return_exceptions=True)


async def test_a_body_that_does_not_come_is_answered_with_408(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], timeouts=SHORT, limits={"min_bytes_per_second": 1000})
    async with RawClient(served.http_url) as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{")
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Request was not received in time" in answer
    assert (await counted(served, "xrpl_proxy_connections_ended_total"))['reason="slow_body"'] == 1


async def test_a_body_that_comes_fast_enough_may_take_longer(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], timeouts=SHORT, limits={"min_bytes_per_second": 10})
    whole = post(FEE, "Connection: close")
    head, _, body = whole.partition(b"\r\n\r\n")
    async with RawClient(served.http_url) as client:
        await client.send(head + b"\r\n\r\n")
        for byte in body:
            await client.send(bytes([byte]))
            await asyncio.sleep(3 * PACE)
        assert (await client.rest()).startswith(b"HTTP/1.1 200 ")


async def test_a_client_that_never_reads_is_disconnected(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], timeouts=SHORT, limits={"min_bytes_per_second": 10_000_000})
    async with RawClient(served.http_url, small=True) as client:
        await client.send(post({"method": "big"}))
        await nobody_else(served)
        assert (await counted(served, "xrpl_proxy_connections_ended_total"))['reason="slow_reader"'] == 1
        assert (await ask(served.http_url))[0] == 200


async def test_what_waits_for_clients_that_do_not_read_is_bounded_and_others_are_served(
    node: ScriptedNode, proxy: StartProxy
) -> None:
    """As 200 connections that ask for 4 MB each and read nothing: here 8 of 20 MB, with a bound of 50 MB."""
    limit = 50_000_000
    served = await proxy(nodes=[node.settings()], limits={"unsent_bytes": limit, **STRICT})
    async with AsyncExitStack() as stack:
        for number in range(8):
            client = await stack.enter_async_context(RawClient(served.http_url, small=True))
            await client.send(post({"method": "big"}))
            await node.until(lambda number=number: node.times("big") > number)  # type: ignore[misc]
            (waiting,) = (await counted(served, "xrpl_proxy_unsent_bytes")).values()
            assert waiting <= limit

        async def five_are_closed() -> bool:
            return (await counted(served, "xrpl_proxy_connections_ended_total")) == {'reason="unsent_bytes"': 6}

        await until(five_are_closed)
        assert (await ask(served.http_url))[0] == 200
        async with RawClient(served.http_url) as reading:
            await reading.send(post({"method": "big"}, "Connection: close"))
            assert len(await reading.rest(10)) > 20_000_000
    await nobody_connected(served)
    assert list((await counted(served, "xrpl_proxy_unsent_bytes")).values()) == [0]


@pytest.mark.skipif(sys.platform != "linux", reason="of other systems it is not known what they hold")
async def test_little_waits_in_the_system_where_it_is_not_counted(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    async with RawClient(served.http_url, small=True) as client:
        await client.send(post({"method": "big"}))  # 20 MB

        async def nearly_all_is_counted() -> bool:
            return sum((await counted(served, "xrpl_proxy_unsent_bytes")).values()) > 19_500_000

        await until(nearly_all_is_counted)


@pytest.mark.parametrize("beginning", [b"", b"POST / HTTP/1.1\r\n", post(FEE)[:-32]], ids=["nothing", "line", "head"])
async def test_idle_connections_and_incomplete_heads_do_not_delay_the_end(
    node: ScriptedNode, proxy: StartProxy, beginning: bytes
) -> None:
    served = await proxy(nodes=[node.settings()], timeouts={"shutdown": 30, "request_head": 30})
    async with RawClient(served.http_url) as client, RawClient(served.http_url) as another:
        await client.send(post(FEE))
        await client.head()
        await client.send(beginning)
        await another.send(beginning)
        await asyncio.sleep(0.1)  # that it has arrived cannot be seen from outside
        async with asyncio.timeout(5):
            await served.stop()


async def test_a_request_in_single_bytes_is_read_in_few_pieces(
    node: ScriptedNode, proxy: StartProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = 0
    receive = Connection.data_received

    def count(self: Connection, data: bytes) -> None:
        nonlocal pieces
        pieces += 1
        receive(self, data)

    monkeypatch.setattr(Connection, "data_received", count)
    served = await proxy(nodes=[node.settings()])
    padding = "X-Padding: " + "x" * 5_000
    async with RawClient(served.http_url) as client:
        for byte in post(FEE, padding):
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert b" 200 " in await client.head()
    assert pieces < 200


async def nobody_else(served: Proxy) -> None:
    """Until the one client that has been connected is not any more."""

    async def ended() -> bool:
        return bool(await counted(served, "xrpl_proxy_connections_ended_total"))

    await until(ended)
    await nobody_connected(served)


async def test_a_client_that_reads_slowly_but_steadily_gets_all(node: ScriptedNode, proxy: StartProxy) -> None:
    node.answers["big"] = {"blob": "x" * 3_000_000}
    served = await proxy(nodes=[node.settings()], timeouts=SHORT, limits={"min_bytes_per_second": 200_000})
    async with RawClient(served.http_url, small=True) as client:
        await client.send(post({"method": "big"}, "Connection: close"))
        size, began = 0, asyncio.get_running_loop().time()
        async with asyncio.timeout(10):
            while chunk := await client.reader.read(32_768):
                size += len(chunk)
                await asyncio.sleep(PACE)
        assert size > 3_000_000
        assert asyncio.get_running_loop().time() - began > 0.4


async def test_connections_of_one_address_are_bounded_and_free_again(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], limits={"connections_per_address": 3, **STRICT})
    async with RawClient(served.http_url) as first, RawClient(served.http_url) as second:
        async with RawClient(served.http_url) as third:
            for client in (first, second, third):
                await client.send(post(FEE))
                assert b" 200 " in await client.head()
            for _ in range(200):
                async with RawClient(served.http_url) as refused:
                    assert await refused.rest() == b""

        async def one_has_left() -> bool:
            return list((await counted(served, "xrpl_proxy_connections")).values()) == [2]

        await until(one_has_left)
        assert (await ask(served.http_url))[0] == 200
    assert await counted(served, "xrpl_proxy_connections_refused_total") == {'reason="connections_per_address"': 200}
    await nobody_connected(served)


async def test_connections_in_all_are_bounded_for_everybody(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], limits={"connections": 2})
    async with RawClient(served.http_url) as first, RawClient(served.http_url) as second:
        for client in (first, second):
            await client.send(post(FEE))
            assert b" 200 " in await client.head()
        async with RawClient(served.http_url) as refused:
            assert await refused.rest() == b""


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 2000,
        b"hello\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + b"X: " + b"y" * 100_000,
        b"POST / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(1000)) + b"\r\n",
    ],
)
async def test_invalid_http_gets_400_or_is_disconnected(node: ScriptedNode, proxy: StartProxy, sent: bytes) -> None:
    served = await proxy(nodes=[node.settings()], timeouts=SHORT)
    async with RawClient(served.http_url) as client:
        await client.send(sent)
        answer = await client.rest()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 "), answer[:80]
        assert b"ython" not in answer
        assert b"yyyy" not in answer
    assert (await ask(served.http_url))[0] == 200


async def test_a_body_said_to_be_too_large_is_refused_before_it_comes(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], limits={"request_bytes": 1000})
    async with RawClient(served.http_url) as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
        answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"larger than 1000 bytes" in answer


@pytest.mark.parametrize(
    "line", [b"POST / HTTP/1.1\r\nContent-Encoding: gzip", b"HEAD / HTTP/1.1"], ids=["POST", "HEAD"]
)
async def test_what_follows_a_refused_body_is_not_taken_for_it(
    node: ScriptedNode, proxy: StartProxy, line: bytes
) -> None:
    """A client that is answered before it may continue can leave the body out, and send its next request."""
    served = await proxy(nodes=[node.settings()], timeouts=SHORT)
    async with RawClient(served.http_url) as client:
        await client.send(line + b"\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n")
        assert b"Connection: close\r\n" in await client.head()
        await client.send(post(FEE) * 2)
        assert b"HTTP/1.1 " not in await client.rest()
    assert node.times("fee") == 0


async def test_part_of_a_head_after_a_request_has_no_more_time(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], timeouts={"request_head": 0.5, "idle_client": 60})
    async with RawClient(served.http_url) as client:
        await client.send(post(FEE) + b"POST / HTTP/1.1\r\nHos")
        await client.head()
        await client.rest(5)
    assert (await counted(served, "xrpl_proxy_connections_ended_total"))['reason="slow_head"'] == 1


async def test_a_body_may_come_in_a_thousand_of_the_smallest_chunks(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    async with RawClient(served.http_url) as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 1_000)
        await client.send(b'10\r\n{"method":"fee"}\r\n0\r\n\r\n')
        assert (await client.head()).startswith(b"HTTP/1.1 200 ")


async def test_a_body_in_very_many_small_chunks_is_refused(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    size = 200_000
    chunks = b"1\r\n \r\n" * size
    async with RawClient(served.http_url) as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        gc.collect()
        tracemalloc.start()
        try:
            await client.send(chunks)
            assert (await client.head()).startswith(b"HTTP/1.1 400 ")
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert most < 20 * size  # with an object for each chunk it would be more than 40 times


@pytest.mark.parametrize("how", ["is late", "goes", "sends no HTTP", "sends small chunks", "is given up"])
async def test_nothing_of_an_incomplete_body_waits_for_the_garbage_collector(
    node: ScriptedNode, proxy: StartProxy, how: str
) -> None:
    """Python looks for cycles so seldom in the proxy that tens of thousands of objects would be there meanwhile."""
    timeouts = SHORT if how == "is late" else {}
    served = await proxy(nodes=[node.settings()], timeouts=timeouts, limits={**STRICT, "in_flight": 2})
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
    with no_garbage_collector(Request, Body, IncompleteBody) as left, no_garbage_collector(Body) as bodies:
        async with AsyncExitStack() as stack:
            sources = ["127.0.1.1", "127.0.1.1", "127.0.1.2"]
            clients = [await stack.enter_async_context(RawClient(served.http_url, source=each)) for each in sources]
            await clients[0].send(head)
            await until(lambda: bodies() == 1)
            if how == "goes":
                clients[0].end()
            elif how == "sends no HTTP":
                await clients[0].send(b"no chunk")
            elif how == "sends small chunks":
                await clients[0].send(b"1\r\n \r\n" * 10_000)
            elif how == "is given up":
                await clients[1].send(head)
                await until(lambda: bodies() == 2)
                await clients[2].send(head)
            await clients[0].rest()
        await until(lambda: left() == 0)


async def test_pipelined_requests_are_answered_and_few_are_parsed_early(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], timeouts={"request": 0.5})
    many = 3_000
    async with RawClient(served.http_url) as client:
        await client.send(post({"method": "stuck"}) + b"GET / HTTP/1.1\r\n\r\n" * many + b"GET / HTTP/1.0\r\n\r\n")
        await node.until(lambda: node.times("stuck") == 1)
        gc.collect()
        assert sum(type(each) is Request for each in gc.get_objects()) < many / 4
        answers = await client.rest(10)
    assert answers.count(b"This server is ready.") == many + 1


async def test_an_origin_that_only_looks_like_a_known_one_is_another(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], cors={"origins": ["https://bank.example"]})
    async with RawClient(served.http_url) as client:
        await client.send(
            post(FEE).replace(b"Host: proxy", "Host: proxy\r\nOrigin: https://ban\u212a.example".encode())
        )
        head = await client.head()
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"Allow-Origin" not in head
    await nobody_connected(served)


async def test_a_body_without_end_is_refused_at_the_limit(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], limits={"request_bytes": 100_000})
    async with RawClient(served.http_url) as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(40):
            await client.send(b"1000\r\n" + b" " * 0x1000 + b"\r\n")
        assert b" 400 " in await client.head()


async def test_a_compressed_bomb_is_refused_without_unpacking(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    bomb = gzip.compress(b" " * 50_000_000)
    async with (
        aiohttp.ClientSession() as client,
        client.post(served.http_url, data=bomb, headers={"Content-Encoding": "gzip"}) as answer,
    ):
        assert answer.status == 400
        assert "send it without Content-Encoding" in await answer.text()


async def test_expect_100_continue_is_answered(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    head, _, body = post(FEE, "Expect: 100-continue", "Connection: close").partition(b"\r\n\r\n")
    async with RawClient(served.http_url) as client:
        await client.send(head + b"\r\n\r\n")
        assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(body)
        assert (await client.rest()).startswith(b"HTTP/1.1 200 ")


async def test_pipelined_requests_are_all_answered(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    async with RawClient(served.http_url) as client:
        await client.send(post(FEE) * 49 + post(FEE, "Connection: close"))
        assert (await client.rest()).count(b"HTTP/1.1 200 ") == 50


async def test_clients_that_vanish_leave_nothing(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], timeouts={"request": 0.5}, health={"breaker_failures": 1000})
    for request in (b"", b"POST", post(FEE), post({"method": "stuck"}), post({"method": "big"})):
        for _ in range(5):
            async with RawClient(served.http_url) as client:
                await client.send(request)
    await nobody_connected(served)
    assert (await ask(served.http_url))[0] == 200
