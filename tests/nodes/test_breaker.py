"""The circuit breaker: when it opens, whom it lets through, when it closes."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from proxy.nodes import Breaker
from tests.support.client import ask, metric
from tests.support.scripted_node import Answer, ScriptedNode, break_off, hang
from tests.support.start import StartProxy


class Clock:
    """Time that a test lets pass."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def breaker(clock: Callable[[], float], **options: Any) -> Breaker:
    return Breaker(**{"failures": 4, "window": 10, "pause": 1, "longest_pause": 5, "clock": clock, **options})


def test_it_opens_after_so_many_failures_and_not_before() -> None:
    circuit = breaker(Clock())
    for _ in range(3):
        circuit.failed()
        assert circuit.allows()
    circuit.failed()
    assert not circuit.allows()


def test_old_failures_do_not_count() -> None:
    clock = Clock()
    circuit = breaker(clock)
    for _ in range(20):
        circuit.failed()
        clock.now += 4
    assert circuit.allows()


def test_a_node_that_answers_most_requests_stays_in_rotation() -> None:
    circuit = breaker(Clock())
    for number in range(100):
        circuit.failed() if number % 3 == 0 else circuit.succeeded()
    assert circuit.allows()


def test_a_node_that_fails_most_requests_is_not() -> None:
    circuit = breaker(Clock())
    for number in range(12):
        circuit.succeeded() if number % 3 == 0 else circuit.failed()
    assert not circuit.allows()


def test_one_on_trial_then_pauses_that_grow_until_one_succeeds() -> None:
    clock = Clock()
    circuit = breaker(clock)
    for _ in range(10):  # the last six were in flight when it opened
        circuit.failed()
    for pause in (1, 2, 4, 5, 5):
        clock.now += 0.79 * pause
        assert not circuit.allows()
        clock.now += 0.42 * pause
        assert circuit.allows()
        circuit.start_trial()
        assert not circuit.allows()  # one at a time
        circuit.failed()
    clock.now += 6.1
    circuit.start_trial()
    circuit.succeeded()
    assert circuit.allows()
    assert not circuit.is_open
    for _ in range(3):
        circuit.failed()
    assert circuit.allows()  # what was before is forgotten


def test_a_trial_that_nothing_is_heard_of_does_not_close_it_for_ever() -> None:
    clock = Clock()
    circuit = breaker(clock)
    for _ in range(4):
        circuit.failed()
    clock.now += 1.3
    circuit.start_trial()
    clock.now += 1.3
    assert circuit.allows()


async def test_a_node_that_is_well_and_fails_at_requests_gets_no_more_of_them(proxy: StartProxy) -> None:
    async with ScriptedNode("a", fee=break_off) as a, ScriptedNode("b") as b:
        # Its health question is asked, and answered, throughout.
        served = await proxy(
            nodes=[a.settings(weight=1000), b.settings()],
            health={"failures": 1000, "breaker_failures": 5, "breaker_pause": 0.2, "breaker_longest_pause": 0.4},
        )
        for _ in range(30):
            assert "error" not in await ask(served)  # b had it at the second try
        assert 5 <= a.times("fee") <= 20
        assert (await metric(served, "xrpl_proxy_node_paused"))['{node="a"}'] == 1
        assert (await metric(served, "xrpl_proxy_retries_total"))['{node="a"}'] < 10
        a.answers["fee"] = {}
        for _ in range(200):
            await ask(served)
            if not (await metric(served, "xrpl_proxy_node_paused"))['{node="a"}']:
                break
        else:
            raise AssertionError("it was not tried again")


async def test_a_node_is_not_probed_with_non_idempotent_requests(proxy: StartProxy) -> None:
    pause = 0.01
    async with ScriptedNode("a", fee=break_off) as a, ScriptedNode("b") as b:
        health = {"failures": 1000, "breaker_failures": 3, "breaker_pause": pause, "breaker_longest_pause": pause}
        served = await proxy(nodes=[a.settings(weight=1000), b.settings()], health=health)
        while not (await metric(served, "xrpl_proxy_node_paused"))['{node="a"}']:
            await ask(served)
        a.answers["submit"] = break_off
        for _ in range(20):
            await asyncio.sleep(1.5 * pause)
            assert "error" not in await ask(served, "submit", tx_blob="12")
        assert (a.times("submit"), b.times("submit")) == (0, 20)


async def test_with_no_other_node_the_client_gets_an_error_immediately(proxy: StartProxy) -> None:
    async with ScriptedNode(fee=break_off) as node:
        health = {"failures": 1000, "breaker_failures": 3, "breaker_pause": 60}
        served = await proxy(nodes=[node.settings()], health=health)
        statuses = []
        async with aiohttp.ClientSession() as client:
            for _ in range(6):
                async with client.post(served.http_url, json={"method": "fee", "params": [{}]}) as answer:
                    statuses.append(answer.status)
        assert statuses == [502] * 3 + [503] * 3
        assert 3 <= node.times("fee") <= 6  # each at most twice


async def test_a_client_without_time_says_nothing_of_the_node(proxy: StartProxy) -> None:
    """The rest of a batch, when all its time is over: nothing is asked, and nobody else is without the node."""
    async with ScriptedNode(account_info=hang) as node:
        served = await proxy(
            nodes=[node.settings()], timeouts={"request": 0.3}, health={"failures": 1000, "breaker_failures": 3}
        )
        items = [{"method": "account_info"}, *({"method": "submit", "tx_blob": f"{n:02x}"} for n in range(10))]
        async with (
            aiohttp.ClientSession() as client,
            client.post(served.http_url, json={"method": "batch", "params": items}) as answer,
        ):
            answers = await answer.json(content_type=None)
        assert [item["result"]["error"] for item in answers] == ["tooBusy"] * 11
        assert node.times("submit") == 0
        assert not any((await metric(served, "xrpl_proxy_node_paused")).values())
        assert "error" not in await ask(served)


async def test_a_client_that_leaves_a_node_little_time_says_nothing_of_it(proxy: StartProxy) -> None:
    slowness, upload = 0.3, 0.85  # together more than the request's second

    async def slow(_request: object, _params: object) -> Answer:
        await asyncio.sleep(slowness)
        return {}

    async with ScriptedNode(fee=slow) as node:
        served = await proxy(
            nodes=[node.settings()], timeouts={"request": 1}, health={"failures": 1000, "breaker_failures": 3}
        )
        body = b'{"method": "fee"}'

        async def late() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(served.http_url).port)
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:-1])
            await asyncio.sleep(upload)
            writer.write(body[-1:])
            line = await reader.readline()
            writer.close()
            return line

        async with asyncio.timeout(10):
            lines = await asyncio.gather(*(late() for _ in range(5)))
        assert all(b" 504 " in line for line in lines), lines
        assert not any((await metric(served, "xrpl_proxy_node_paused")).values())


async def test_a_request_larger_than_a_node_takes_says_nothing_of_the_node(proxy: StartProxy) -> None:
    """A rippled resets the connection at more than 1,000,000 bytes; one client could pause a node for everybody."""
    body = b'{"method":"account_lines","params":[{"account":"%b"}]}' % (b"r" * 1_000_001)
    async with ScriptedNode(account_lines=break_off) as node, aiohttp.ClientSession() as client:
        served = await proxy(
            nodes=[node.settings()], health={"breaker_failures": 3}, limits={"request_bytes": 2_000_000}
        )
        for _ in range(10):
            async with client.post(served.http_url, data=body) as response:
                assert response.status == 400
                assert (await response.text()).startswith("Unable to parse request: larger than 1000000 bytes")
        assert node.times("account_lines") == 0
        assert (await metric(served, "xrpl_proxy_node_paused"))['{node="node-1"}'] == 0
        assert "error" not in await ask(served)
