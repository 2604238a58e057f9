"""Which responses are compressed, and for whom."""

import asyncio
import gzip
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest

from proxy.http.compression import COMPRESSED_FROM, Compressor, accepts_gzip
from proxy.http.response import Response
from proxy.server.proxy import Proxy
from tests.support.client import metric, until
from tests.support.raw_client import RawClient
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy

LARGE = {"lines": [{"account": f"r{number}", "balance": str(number)} for number in range(5000)], "validated": True}
SMALL = {"lines": [], "validated": True}


def ignore(seconds: float) -> None:
    pass


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("br, gzip, deflate", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip; q=0.001", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("", False),
        ("identity", False),
        ("br", False),
        ("notgzip", False),
        ("gzipped", False),
    ],
)
def test_the_client_decides(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


@asynccontextmanager
async def posting(served: Proxy) -> AsyncIterator[Any]:
    async with aiohttp.ClientSession(auto_decompress=False) as client:

        async def post(method: Any, accept: str = "gzip", **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
            body = {"method": method, "params": [{}]} if isinstance(method, str) else method
            given = {"Accept-Encoding": accept, **headers}
            async with client.post(served.http_url, json=body, headers=given) as response:
                assert response.status == 200
                return response, await response.read()

        yield post


async def test_large_responses_are_compressed_for_who_accepts_it(proxy: StartProxy) -> None:
    async with ScriptedNode(account_lines=LARGE, account_offers=SMALL) as node:
        served = await proxy(nodes=[node.settings()], cors={"origins": ["https://a.example"]})
        async with posting(served) as post:
            plain, text = await post("account_lines", "identity")
            assert "Content-Encoding" not in plain.headers
            packed, compressed = await post("account_lines", Origin="https://a.example")
            small, _ = await post("account_offers")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding, Origin"
    assert len(text) > COMPRESSED_FROM > 2 * len(compressed)
    assert gzip.decompress(compressed) == text
    assert orjson.loads(text)["result"]["lines"] == LARGE["lines"]
    assert "Content-Encoding" not in small.headers


@pytest.mark.parametrize(
    "method", ["wallet_propose", "sign", "submit", "simulate", "peers", "random", "no_such_method"]
)
async def test_what_may_hold_a_secret_is_not_compressed(proxy: StartProxy, method: str) -> None:
    guard = {"allow_admin_methods": ["wallet_propose", "peers"]}
    async with ScriptedNode(account_lines=LARGE) as node:
        node.answers[method] = LARGE
        served = await proxy(nodes=[node.settings()], guard=guard)
        async with posting(served) as post:
            alone, text = await post(method)
            assert len(text) > COMPRESSED_FROM
            assert "Content-Encoding" not in alone.headers
            batch = {"method": "batch", "params": [{"method": "account_lines"}, {"method": method}]}
            assert "Content-Encoding" not in (await post(batch))[0].headers
            batch["params"] = [{"method": "account_lines"}, {"method": "account_lines"}]
            assert "Content-Encoding" in (await post(batch))[0].headers


async def test_a_listener_may_compress_nothing(proxy: StartProxy) -> None:
    async with ScriptedNode(account_lines=LARGE) as node:
        served = await proxy(nodes=[node.settings()], listen={"host": "127.0.0.1", "port": 0, "compression": False})
        async with posting(served) as post:
            assert "Content-Encoding" not in (await post("account_lines"))[0].headers


def gzip_request(version: str) -> bytes:
    body = b'{"method":"account_lines","params":[{}]}'
    head = f"POST / HTTP/{version}\r\nHost: a\r\nAccept-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def unchunked(client: RawClient) -> bytes:
    parts = []
    while size := int(await client.reader.readuntil(b"\r\n"), 16):
        parts.append(await client.reader.readexactly(size))
        assert await client.reader.readexactly(2) == b"\r\n"
    assert await client.reader.readexactly(2) == b"\r\n"
    return b"".join(parts)


async def test_the_connection_continues_after_a_compressed_response(proxy: StartProxy) -> None:
    async with ScriptedNode(account_lines=LARGE) as node:
        served = await proxy(nodes=[node.settings()])
        async with RawClient(served.http_url) as client:
            await client.send(gzip_request("1.1") * 2)
            texts = []
            for _ in range(2):
                head = await client.head()
                assert b"\r\nTransfer-Encoding: chunked\r\n" in head
                assert b"Content-Length" not in head
                texts.append(gzip.decompress(await unchunked(client)))
        assert texts[0] == texts[1]
        assert orjson.loads(texts[0])["result"]["lines"] == LARGE["lines"]


async def test_a_client_of_http_1_0_gets_no_chunks_and_the_connection_ends(proxy: StartProxy) -> None:
    async with ScriptedNode(account_lines=LARGE) as node:
        served = await proxy(nodes=[node.settings()])
        async with RawClient(served.http_url) as client:
            await client.send(gzip_request("1.0").replace(b"Host: a", b"Connection: keep-alive"))
            head = await client.head()
            assert head.startswith(b"HTTP/1.0 200 ")
            for name in (b"Transfer-Encoding", b"Content-Length", b"Connection: keep-alive"):
                assert name not in head
            text = gzip.decompress(await client.rest())
        assert orjson.loads(text)["result"]["lines"] == LARGE["lines"]


async def test_head_has_no_body(proxy: StartProxy) -> None:
    async with ScriptedNode() as node:
        served = await proxy(nodes=[node.settings()])
        async with RawClient(served.http_url) as client:
            await client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n")
            head, _, body = (await client.rest()).partition(b"\r\n\r\n")
    assert b"Content-Encoding" not in head
    assert body == b""
    response = Response(200, bytes(COMPRESSED_FROM))
    Compressor().apply(response, ignore)
    (encoded,) = response.encode(is_1_1=True, keep_alive=True, with_body=False)
    assert b"Content-Length" not in encoded
    assert encoded.endswith(b"\r\n\r\n")


async def test_what_a_slow_client_does_not_read_is_counted(proxy: StartProxy) -> None:
    """The body that is left counts, and only a piece of it is compressed ahead."""
    size = 8_000_000
    body = random.Random(1).randbytes(size // 2).hex()
    async with ScriptedNode(account_lines={"lines": body, "validated": True}) as node:
        served = await proxy(nodes=[node.settings()])

        async def waits() -> bool:
            return (await metric(served, "xrpl_proxy_unsent_bytes"))[""] > size / 2

        async with RawClient(served.http_url, small=True) as client:
            await client.send(gzip_request("1.1"))
            await until(waits)
            await client.head()
            text = gzip.decompress(await unchunked(client))
        assert orjson.loads(text)["result"]["lines"] == body

        async def is_free() -> bool:
            return (await metric(served, "xrpl_proxy_unsent_bytes"))[""] == 0

        await until(is_free)


async def test_when_too_much_waits_responses_are_sent_as_they_are() -> None:
    compressor = Compressor()
    piece = memoryview(bytes(1_000_000))
    spent: list[float] = []

    def encoding() -> Response:
        response = Response(200, bytes(COMPRESSED_FROM))
        compressor.apply(response, spent.append)
        return response

    assert encoding().headers == {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    encoders = [encoder for _ in range(20) if (encoder := encoding().encoder) is not None]
    assert len(encoders) == 20
    waiting = [asyncio.create_task(encoder.encode(piece, is_last=True)) for encoder in encoders]
    await asyncio.sleep(0)
    refused = encoding()
    assert (refused.encoder, refused.headers) == (None, {})
    assert [gzip.decompress(each) for each in await asyncio.gather(*waiting)] == [piece] * 20
    assert len([seconds for seconds in spent if seconds > 0]) == 20
    assert encoding().encoder is not None
    compressor.close()
    assert encoding().encoder is None
