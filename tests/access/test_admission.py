"""How much each address is let do, and what web pages may."""

import asyncio
from typing import Any

import aiohttp
import pytest

from proxy.access.admission import Admission, InFlight, Rate
from proxy.access.client_address import NetworkSet, limit_key
from proxy.demo import DemoNode
from tests.support.listeners import FEE, ask, counted
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy

TRUSTED = {"trusted_proxies": ["127.0.0.0/8"]}


async def test_requests_beyond_the_rate_are_refused_as_rippled_refuses_them(
    node: ScriptedNode, proxy: StartProxy
) -> None:
    limits: dict[str, Any] = {"requests_per_second": 1, "burst_seconds": 6, "exempt": []}
    served = await proxy(nodes=[node.settings()], limits=limits, guard=TRUSTED)
    # At the same time: a refusal takes 100 ms, in which the rate gives some back.
    sent = (ask(served.http_url, **{"X-Forwarded-For": "192.0.2.1"}) for _ in range(10))
    answers = sorted(await asyncio.gather(*sent))
    assert [status for status, _ in answers] in ([200] * 6 + [503] * 4, [200] * 7 + [503] * 3)
    assert answers[-1] == (503, "Server is overloaded\r\n")
    assert (await ask(served.http_url, **{"X-Forwarded-For": "192.0.2.2"}))[0] == 200
    assert node.times("fee") < 9
    assert 3 <= (await counted(served, "xrpl_proxy_refused_total"))['reason="rate"'] <= 4
    async with aiohttp.ClientSession(headers={"X-Forwarded-For": "192.0.2.1"}) as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(served.http_url)
        assert refused.value.status == 503
    await asyncio.sleep(1.2 / limits["requests_per_second"])  # in which the rate itself gives one back
    assert (await ask(served.http_url, **{"X-Forwarded-For": "192.0.2.1"}))[0] == 200


async def test_each_item_of_a_batch_counts(node: ScriptedNode, proxy: StartProxy) -> None:
    limits = {"requests_per_second": 1, "burst_seconds": 5, "exempt": []}
    served = await proxy(nodes=[node.settings()], limits=limits)
    batch = {"method": "batch", "params": [{"method": "fee"}] * 4}
    assert (await ask(served.http_url, batch))[0] == 200
    assert await ask(served.http_url, batch) == (503, "Server is overloaded\r\n")
    assert node.times("fee") == 4


@pytest.mark.parametrize("message", ['{"command": "fee", "id": 7}', "{"])
async def test_a_session_over_its_rate_gets_slow_down_and_is_closed(proxy: StartProxy, message: str) -> None:
    async with DemoNode() as demo:
        limits = {"requests_per_second": 1, "burst_seconds": 4, "exempt": []}
        served = await proxy(demo, limits=limits)
        async with aiohttp.ClientSession() as client, client.ws_connect(served.http_url) as socket:
            for _ in range(12):
                await socket.send_str(message)
            received = [received async for received in socket]
        assert socket.close_code == 1008
        assert 4 <= len(received) <= 7
        if message != "{":
            reported = received[-1].json()
            assert (reported["error"], reported["error_code"], reported["id"]) == ("slowDown", 10, 7)
        assert (await counted(served, "xrpl_proxy_session_closed_total"))['reason="rate"'] == 1


async def test_sessions_are_counted_at_all_listeners_together(proxy: StartProxy) -> None:
    async with DemoNode() as demo:
        listen = [{"host": "127.0.0.1", "port": 0}] * 2
        served = await proxy(demo, listen=listen, websocket={"sessions_per_address": 1}, limits={"exempt": []})
        first, second = served.http_urls
        async with aiohttp.ClientSession() as client, client.ws_connect(first):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(second)
            assert refused.value.status == 503


async def test_a_listener_may_have_a_rate_of_its_own_and_networks_may_be_exempt(
    node: ScriptedNode, proxy: StartProxy
) -> None:
    at = {"host": "127.0.0.1", "port": 0}
    listen = [{**at, "requests_per_second": 1}, at]
    served = await proxy(nodes=[node.settings()], listen=listen, limits={"burst_seconds": 1, "exempt": []})
    statuses = [[(await ask(url))[0] for _ in range(5)] for url in served.http_urls]
    assert 503 in statuses[0]
    assert statuses[1] == [200] * 5
    exempt = {"burst_seconds": 1, "exempt": ["127.0.0.0/8"]}
    served = await proxy(nodes=[node.settings()], listen=listen, limits=exempt)
    assert [(await ask(served.http_url))[0] for _ in range(5)] == [200] * 5


async def test_the_global_rate_exempts_no_client(node: ScriptedNode, proxy: StartProxy) -> None:
    limits = {"global_requests_per_second": 1, "burst_seconds": 2}
    served = await proxy(nodes=[node.settings()], limits=limits, listen=[{"host": "127.0.0.1", "port": 0}] * 2)
    statuses = [(await ask(url))[0] for url in served.http_urls * 3]
    assert statuses.count(200) in (2, 3)


async def test_requests_in_flight_are_limited_for_each_address(node: ScriptedNode, proxy: StartProxy) -> None:
    limits = {"in_flight_per_address": 2, "exempt": []}
    served = await proxy(nodes=[node.settings()], limits=limits, guard=TRUSTED, timeouts={"request": 1})
    async with asyncio.TaskGroup() as group:
        stuck = [group.create_task(ask(served.http_url, {"method": "stuck"})) for _ in range(2)]
        await node.until(lambda: node.times("stuck") == 2)
        assert (await ask(served.http_url))[0] == 503
        assert (await ask(served.http_url, **{"X-Forwarded-For": "192.0.2.1"}))[0] == 200
    assert [task.result()[0] for task in stuck] == [504, 504]
    assert (await ask(served.http_url))[0] == 200


def test_an_ipv6_network_of_64_bits_counts_as_one_client() -> None:
    assert limit_key("2001:db8::1") == limit_key("2001:db8::ffff:1%eth0") != limit_key("2001:db8:0:1::1")
    assert limit_key("::ffff:192.0.2.1") == limit_key("192.0.2.1") != limit_key("192.0.2.2")
    assert limit_key("no address") == "no address"


def test_a_batch_larger_than_a_burst_takes_it_all() -> None:
    admission = Admission(
        rate=Rate(5, 2),
        global_rate=Rate(0, 1),
        in_flight=InFlight(),
        max_in_flight=1,
        max_in_flight_per_address=1,
        max_request_bytes=1_000_000,
        exempt=NetworkSet(()),
    )
    assert admission.admit("192.0.2.1", requests=1000) is None
    assert admission.admit("192.0.2.1") == "rate"


async def preflight(url: str, origin: str) -> tuple[int, dict[str, str]]:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    async with aiohttp.ClientSession() as client, client.options(url, headers=headers) as answer:
        reported = {name: value for name, value in answer.headers.items() if name.startswith("Access-Control")}
        return answer.status, reported


async def posted(url: str, origin: str) -> tuple[int, str | None]:
    async with aiohttp.ClientSession() as client, client.post(url, json=FEE, headers={"Origin": origin}) as answer:
        exposed = answer.headers.get("Access-Control-Expose-Headers", "")
        assert ("X-Request-Id" in exposed) is ("Access-Control-Allow-Origin" in answer.headers)
        return answer.status, answer.headers.get("Access-Control-Allow-Origin")


async def test_web_pages_get_no_cors_headers_unless_configured(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()])
    assert await preflight(served.http_url, "https://a.example") == (405, {})
    assert await posted(served.http_url, "https://a.example") == (200, None)


async def test_pages_of_the_origins_named_may_read_answers(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(nodes=[node.settings()], cors={"origins": ["https://a.example"]})
    status, reported = await preflight(served.http_url, "https://a.example")
    assert (status, reported["Access-Control-Allow-Origin"]) == (204, "https://a.example")
    assert "POST" in reported["Access-Control-Allow-Methods"]
    assert reported["Access-Control-Allow-Headers"] == "Content-Type"
    assert await preflight(served.http_url, "https://b.example") == (204, {})
    assert await posted(served.http_url, "https://a.example") == (200, "https://a.example")
    assert await posted(served.http_url, "https://b.example") == (200, None)
    served = await proxy(nodes=[node.settings()], cors={"origins": ["*"]})
    assert await posted(served.http_url, "https://b.example") == (200, "*")


async def test_pages_of_other_origins_can_be_refused(node: ScriptedNode, proxy: StartProxy) -> None:
    cors = {"origins": ["https://a.example"], "enforce": True}
    served = await proxy(nodes=[node.settings(websocket=node.websocket_url)], cors=cors)
    assert await posted(served.http_url, "https://b.example") == (403, None)
    assert (await ask(served.http_url))[0] == 200
    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(served.http_url, origin="https://b.example")
        assert refused.value.status == 403
        async with client.ws_connect(served.http_url, origin="https://a.example"):
            pass
