"""Which responses are compressed, and for whom."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest

from proxy.http.compression import COMPRESSED_FROM, Compressor, accepts_gzip
from proxy.http.response import Response
from proxy.server.proxy import Proxy
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy

LARGE = {"lines": [{"account": f"r{number}", "balance": str(number)} for number in range(5000)], "validated": True}
SMALL = {"lines": [], "validated": True}


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


async def test_what_would_have_to_wait_long_is_sent_as_it_is() -> None:
    compressor = Compressor()
    bodies = [bytes(12_000_000) for _ in range(3)]
    responses = [Response(200, body) for body in bodies]
    seconds = await asyncio.gather(*map(compressor.compress, responses))
    assert [len(response.body) < 1_000_000 for response in responses] == [True, False, False]
    assert [response.headers.get("Content-Encoding") for response in responses] == ["gzip", None, None]
    assert seconds[0] > 0
    assert seconds[1:] == [0, 0]
    assert gzip.decompress(responses[0].body) == bodies[0]
    compressor.close()
    late = Response(200, bodies[0])
    assert await compressor.compress(late) == 0
    assert late.body is bodies[0]
