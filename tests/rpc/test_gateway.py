"""What the pipeline refuses, charges and serves: slow bodies, calls by any HTTP method, status checks, lookups."""

import re
import time
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from structlog.testing import LogCapture

from adapters import JsonObject
from proxy.server.proxy import Proxy
from tests.support.client import metric, until
from tests.support.listeners import FEE, ask
from tests.support.raw_client import RawClient, post
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy

TRUSTED = {"trusted_proxies": ["127.0.0.0/8"]}


async def in_flight(served: Proxy, count: int) -> bool:
    return (await metric(served, "xrpl_proxy_in_flight_requests"))[""] == count


def slow_head(address: str) -> bytes:
    return b"POST / HTTP/1.1\r\nX-Forwarded-For: %b\r\nContent-Length: 999999\r\n\r\n{" % address.encode()


async def slow_until_refused(served: Proxy, stack: AsyncExitStack, allowed: int) -> None:
    """Clients of one address that send slowly, one more than `allowed`, of which the last is refused."""
    clients = [await stack.enter_async_context(RawClient(served.http_url)) for _ in range(allowed + 1)]
    for client in clients[:allowed]:
        await client.send(slow_head("192.0.2.1"))
    await until(lambda: in_flight(served, allowed))
    await clients[allowed].send(slow_head("192.0.2.1"))
    assert (await clients[allowed].head()).startswith(b"HTTP/1.1 503 ")


async def test_slow_bodies_of_some_addresses_do_not_keep_others_out(proxy: StartProxy) -> None:
    limits = {"in_flight": 20, "in_flight_per_address": 5, "exempt": []}
    async with ScriptedNode() as node, AsyncExitStack() as stack:
        served = await proxy(nodes=[node.settings()], limits=limits, guard=TRUSTED)
        for number in range(4 * 5):
            client = await stack.enter_async_context(RawClient(served.http_url))
            await client.send(slow_head(f"192.0.2.{number % 4}"))
        await until(lambda: in_flight(served, 20))
        victim = {"X-Forwarded-For": "198.51.100.1"}
        assert [(await ask(served.http_url, **victim))[0] for _ in range(10)] == [200] * 10
        async with RawClient(served.http_url) as slow:  # and slowly, as the attackers do
            await slow.send(b"POST / HTTP/1.1\r\nX-Forwarded-For: 198.51.100.1\r\nContent-Length: 16\r\n\r\n{")
            await until(lambda: evicted(served))
            await slow.send(b'"method":"fee"}')
            assert (await slow.head()).startswith(b"HTTP/1.1 200 ")
        async with RawClient(served.http_url) as more:
            await more.send(slow_head("192.0.2.1"))
            assert (await more.head()).startswith(b"HTTP/1.1 503 ")


async def evicted(served: Proxy) -> bool:
    return (await metric(served, "xrpl_proxy_refused_total")).get('{reason="in_flight"}') == 1


async def test_the_bodies_of_one_address_are_bounded(proxy: StartProxy) -> None:
    limits = {"in_flight_per_address": 2, "exempt": []}
    async with ScriptedNode() as node, AsyncExitStack() as stack:
        served = await proxy(nodes=[node.settings()], limits=limits, guard=TRUSTED)
        await slow_until_refused(served, stack, 2)
        refused = await metric(served, "xrpl_proxy_refused_total")
        assert refused == {'{reason="in_flight_per_address"}': 1}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_a_call_may_come_by_any_http_method(proxy: StartProxy, method: str) -> None:
    async with ScriptedNode() as node, aiohttp.ClientSession() as client:
        served = await proxy(nodes=[node.settings()])
        async with client.request(method, served.http_url, data=b'{"method":"fee","params":[{"id":7}]}') as answer:
            assert answer.status == 200
            assert orjson.loads(await answer.read())["id"] == 7
        async with client.request(method, served.http_url, data=b"{") as answer:
            assert (answer.status, (await answer.text())[:23]) == (400, "Unable to parse request")
        async with client.request(method, served.http_url) as answer:
            assert answer.status == (200 if method == "GET" else 405)


@pytest.mark.parametrize(
    "upgrade", [{}, {"Connection": "Upgrade", "Upgrade": "websocket"}], ids=["a GET", "a handshake"]
)
async def test_who_is_beyond_the_rate_waits_for_the_refusal(
    proxy: StartProxy, monkeypatch: pytest.MonkeyPatch, upgrade: dict[str, str]
) -> None:
    """And with it for the next request on this connection, or a new one: each refusal costs something."""
    monkeypatch.setattr("proxy.rpc.gateway._REFUSED_SECONDS", 0.3)
    limits = {"requests_per_second": 1, "burst_seconds": 1, "exempt": []}
    async with ScriptedNode() as node, aiohttp.ClientSession() as client:
        served = await proxy(nodes=[node.settings()], limits=limits)
        async with client.get(served.http_url) as answer:
            assert answer.status == 200
        began = time.monotonic()
        async with client.get(served.http_url, headers=upgrade) as answer:
            assert answer.status == 503
        assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PUT"])
async def test_requests_without_a_call_are_limited_and_counted(proxy: StartProxy, method: str) -> None:
    limits = {"requests_per_second": 1, "burst_seconds": 5, "exempt": []}
    async with ScriptedNode() as node, aiohttp.ClientSession() as client:
        served = await proxy(nodes=[node.settings()], limits=limits)
        statuses = []
        for _ in range(12):
            async with client.request(method, served.http_url) as answer:
                statuses.append(answer.status)
        refused = statuses.count(503)
        assert 5 <= refused <= 7
        assert await metric(served, "xrpl_proxy_refused_total") == {'{reason="rate"}': refused}
        label = "other" if method == "PUT" else method
        assert await metric(served, "xrpl_proxy_status_requests_total") == {f'{{method="{label}"}}': 12 - refused}


@pytest.mark.parametrize(
    "body",
    [
        {"method": "stop"},
        {"method": "fee", "params": [{"admin_user": "a"}]},
        {"method": "subscribe", "params": [{"url": "http://192.0.2.1/"}]},
        {"method": "batch", "params": 1},
        {"method": "fee", "params": [{"api_version": 99}]},
    ],
)
async def test_what_is_refused_is_charged(proxy: StartProxy, body: JsonObject) -> None:
    limits = {"requests_per_second": 1, "burst_seconds": 4, "exempt": []}
    async with ScriptedNode() as node:
        served = await proxy(nodes=[node.settings()], limits=limits)
        answers = [await ask(served.http_url, body) for _ in range(12)]
    overloaded = answers.count((503, "Server is overloaded\r\n"))
    assert 6 <= overloaded <= 8


async def lookups(proxy: StartProxy, body: Any, **limits: Any) -> tuple[int, Any, int]:
    """The status and answer to a POST, and the node requests for ledgers that it caused."""

    async def one_ledger(_: Any, params: JsonObject) -> JsonObject:
        index = int(params.get("ledger_index", 1))
        header = {"ledger_data": "00" * 118, "closed": True}
        return {"ledger": header, "ledger_hash": f"{index:064X}", "ledger_index": index, "validated": True}

    async with ScriptedNode(versions=range(1, 2), ledger=one_ledger) as node:
        first = 1

        async def page(_: Any, params: JsonObject) -> JsonObject:
            nonlocal first
            found = account_tx_page(first, 50)
            first += 50
            return found

        node.answers["account_tx"] = page
        served = await proxy(nodes=[node.settings()], limits={"exempt": [], **limits})
        status, answer = await ask(served.http_url, body)
        return status, answer, node.times("ledger")


def account_tx_page(first: int, count: int) -> JsonObject:
    """A page of version 1 whose transactions are each in a ledger of its own."""
    transactions = [
        {
            "tx": {"TransactionType": "AccountSet", "hash": f"{number:064X}", "ledger_index": number, "date": 1},
            "meta": {"TransactionIndex": 0, "TransactionResult": "tesSUCCESS"},
            "validated": True,
        }
        for number in range(first, first + count)
    ]
    return {"account": "r", "limit": count, "transactions": transactions, "validated": True}


ACCOUNT_TX = {"method": "account_tx", "account": "r", "api_version": 2}


async def test_a_batch_has_one_budget_of_node_requests(proxy: StartProxy) -> None:
    batch = {"method": "batch", "params": [ACCOUNT_TX] * 10}
    status, answers, ledgers = await lookups(proxy, batch, max_subrequests=120)
    assert status == 200
    errors = [answer["result"].get("error") for answer in answers]
    assert errors == [None, None, *["tooBusy"] * 8]
    assert 100 <= ledgers < 120 + 10  # each item has one node request of its own


async def test_what_node_requests_cost_is_charged_to_the_client(proxy: StartProxy) -> None:
    batch = {"method": "batch", "params": [ACCOUNT_TX] * 10}
    status, answers, ledgers = await lookups(proxy, batch, requests_per_second=5, burst_seconds=10)
    assert status == 200
    # A burst is 50: after 10 for the items, 40 are left, and 50 more may be owed.
    assert 90 <= ledgers <= 110
    assert "slowDown" in [answer["result"].get("error") for answer in answers]


async def header(served: Proxy, name: str = "X-Request-Id", request: Any = FEE, **headers: str) -> str | None:
    async with aiohttp.ClientSession() as client, client.post(served.http_url, json=request, headers=headers) as answer:
        return answer.headers.get(name)


async def test_a_response_has_the_id_that_the_log_lines_of_its_request_have(
    proxy: StartProxy, lines: LogCapture
) -> None:
    async with ScriptedNode() as node:
        served = await proxy(nodes=[node.settings(websocket=node.websocket_url)], logging={"requests": "all"})
        node.answers["fee"] = web.Response(body=b"[]")
        failed, refused = await header(served), await header(served, request={"method": "stop"})
        del node.answers["fee"]
        succeeded = await header(served)
        async with aiohttp.ClientSession() as client, client.get(served.http_url) as status:
            assert status.headers["X-Request-Id"] not in (None, failed, refused, succeeded)
        async with aiohttp.ClientSession() as client, client.ws_connect(served.http_url) as session:
            opened = session._response.headers["X-Request-Id"]
    found = [(line["event"], line.get("outcome"), line["request_id"]) for line in lines.entries if "request_id" in line]
    assert found[:4] == [
        ("node_response_invalid", None, failed),
        ("request", "failed", failed),
        ("request", "refused", refused),
        ("request", "success", succeeded),
    ]
    assert ("session_opened", None, opened) in found
    assert len({failed, refused, succeeded, opened}) == 4


@pytest.mark.parametrize(
    ("guard", "given", "taken"),
    [
        (TRUSTED, "7F000001:8296_7F00001E:1F90_4F7B0A69", True),  # HAProxy's
        (TRUSTED, "f058ebd6-02f7-4d3f-942e-904344e8cde5", True),
        (TRUSTED, "a b", False),
        (TRUSTED, "\xe4", False),
        (TRUSTED, "x" * 129, False),
        ({}, "f058ebd6-02f7-4d3f-942e-904344e8cde5", False),
    ],
)
async def test_only_a_trusted_proxy_assigns_an_id(proxy: StartProxy, guard: Any, given: str, taken: bool) -> None:
    async with ScriptedNode() as node:
        served = await proxy(nodes=[node.settings()], guard=guard)
        async with RawClient(served.http_url) as client:
            await client.send(post(FEE, f"X-Request-Id: {given}"))
            head = await client.head()
    (found,) = re.findall(rb"X-Request-Id: (.*)\r\n", head)
    assert (found.decode() == given) is taken
    assert len(found) > 8


async def test_a_temporary_refusal_says_when_to_try_again(proxy: StartProxy) -> None:
    limits = {"requests_per_second": 1, "burst_seconds": 2, "exempt": []}
    async with ScriptedNode() as node:
        served = await proxy(nodes=[node.settings()], limits=limits)
        found = [await header(served, "Retry-After") for _ in range(4)]
        assert found == [None, None, "1", "1"]
        async with aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(served.http_url)
        assert refused.value.headers is not None
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")


async def test_without_a_node_the_client_learns_when_to_try_again(proxy: StartProxy, unused_tcp_port: int) -> None:
    nodes = [{"name": "gone", "http": f"http://127.0.0.1:{unused_tcp_port}", "api_version": 2}]
    served = await proxy(nodes=nodes)
    assert await header(served, "Retry-After") == "1"
    async with aiohttp.ClientSession() as client:
        for url in (served.http_url, f"{served.observe_url}/ready"):
            async with client.get(url) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_bodies_that_arrive_are_bounded_in_bytes(proxy: StartProxy) -> None:
    """One address sends bodies of 1 MB slowly, of which three are allowed; another's request arrives even so."""
    async with ScriptedNode() as node, AsyncExitStack() as stack:
        limits = {"total_request_bytes": 3_500_000, "exempt": []}
        served = await proxy(nodes=[node.settings()], limits=limits, guard=TRUSTED)
        await slow_until_refused(served, stack, 3)
        assert await metric(served, "xrpl_proxy_refused_total") == {'{reason="total_request_bytes"}': 1}
        other = await stack.enter_async_context(RawClient(served.http_url))
        await other.send(b"POST / HTTP/1.1\r\nX-Forwarded-For: 198.51.100.1\r\nContent-Length: 16\r\n\r\n{")
        await until(lambda: in_flight(served, 4))
        await other.send(b'"method":"fee"}')
        assert (await other.head()).startswith(b"HTTP/1.1 200 ")
