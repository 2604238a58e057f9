"""The places at a node: bounded, and shared fairly between client addresses."""

import asyncio
from typing import Any

import aiohttp
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from proxy.nodes.fair_queue import FairQueue
from tests.support.client import ask, metric
from tests.support.scripted_node import Answer, ScriptedNode, hang
from tests.support.start import StartProxy


async def fill(queue: FairQueue, client: str, number: int) -> int:
    """Take as many as there are for the client; return how many that is."""
    return sum(queue.take(client) for _ in range(number))


async def test_one_client_alone_takes_three_quarters_and_leaves_room_for_others() -> None:
    queue = FairQueue(100)
    assert await fill(queue, "a", 100) == 75
    assert await fill(queue, "b", 100) == 3
    assert await fill(queue, "c", 100) == 3
    for number in range(6):
        assert queue.take(f"victim {number}")


async def test_few_places_are_all_for_any_client() -> None:
    queue = FairQueue(3)
    assert await fill(queue, "a", 5) == 3


async def test_clients_that_wait_take_turns() -> None:
    queue = FairQueue(1)
    assert queue.take("a")
    served: list[str] = []

    async def wait(client: str) -> None:
        await queue.wait(client)
        served.append(client)
        queue.give_back(client)

    tasks = []
    for client in ("a", "a", "a", "b", "b", "c"):
        tasks.append(asyncio.create_task(wait(client)))
        await asyncio.sleep(0)
    queue.give_back("a")
    await asyncio.gather(*tasks)
    assert served == ["a", "b", "c", "a", "b", "a"]


async def test_what_no_longer_waits_holds_no_place() -> None:
    queue = FairQueue(1)
    assert queue.take("a")
    gone = asyncio.create_task(queue.wait("b"))
    given_and_gone = asyncio.create_task(queue.wait("c"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    queue.give_back("a")  # to c, which ends before it could begin
    given_and_gone.cancel()
    await asyncio.gather(given_and_gone, return_exceptions=True)
    assert queue.take("d")


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["take", "take", "give", "cancel"]))), st.integers(1, 9)
)
def test_no_more_than_there_are_and_none_is_lost(steps: list[tuple[str, str]], places: int) -> None:
    async def run() -> None:
        queue = FairQueue(places)
        held: list[str] = []
        waiting: list[tuple[str, asyncio.Task[None]]] = []
        for client, step in steps:
            if step == "take" and queue.take(client):
                held.append(client)
            elif step == "take":
                waiting.append((client, asyncio.create_task(queue.wait(client))))
            elif step == "give" and held:
                queue.give_back(held.pop())
            elif step == "cancel" and waiting:
                waiting[0][1].cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            held += [who for who, task in waiting if task.done() and not task.cancelled()]
            waiting = [(who, task) for who, task in waiting if not task.done()]
            assert len(held) <= places
        while held or waiting:
            assert held, "a request waits although every place is free"
            queue.give_back(held.pop())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            held += [who for who, task in waiting if task.done()]
            waiting = [(who, task) for who, task in waiting if not task.done()]
        assert sum(queue.take(f"client {number}") for number in range(places)) == places

    asyncio.run(run())


async def test_slow_reads_of_three_addresses_leave_places_for_others(proxy: StartProxy) -> None:
    """Each asks for as much as one address may, and the node answers none of it: others are answered all the same."""
    released = asyncio.Event()

    async def slowly(_: web.BaseRequest, __: dict[str, Any]) -> Answer:
        await released.wait()
        return {}

    async def ask_from(address: str, method: str, times: int = 1) -> list[int]:
        connector = aiohttp.TCPConnector(local_addr=(address, 0), limit=0)
        async with aiohttp.ClientSession(connector=connector) as client:

            async def post() -> int:
                async with client.post(served.http_url, json={"method": method, "params": [{}]}) as answer:
                    return answer.status

            return await asyncio.gather(*(post() for _ in range(times)))

    async with ScriptedNode(ripple_path_find=slowly) as node:
        served = await proxy(nodes=[node.settings()], limits={"node_connections": 40, "exempt": []})
        attackers = [
            asyncio.create_task(ask_from(f"127.0.1.{number}", "ripple_path_find", 100)) for number in (1, 2, 3)
        ]
        await node.until(lambda: node.times("ripple_path_find") >= 32)  # 30 of one, 1 of each other
        for number in range(20):
            assert await ask_from(f"127.0.2.{number + 1}", "fee") == [200]
        assert node.times("ripple_path_find") < 40
        released.set()
        for attacker in attackers:
            await attacker


async def test_a_request_that_waited_for_a_place_says_nothing_of_the_node(proxy: StartProxy) -> None:
    """Slow reads that wait behind slow reads run out of time; a client could have the node paused with them."""
    async with ScriptedNode(ripple_path_find=hang) as node:
        served = await proxy(
            nodes=[node.settings()],
            limits={"node_connections": 1},
            timeouts={"node_answer": 0.3, "health_interval": 60},
            health={"breaker_failures": 2},
        )
        answers = await asyncio.gather(*(ask(served, "ripple_path_find") for _ in range(20)))
        assert {answer["error"] for answer in answers} == {"tooBusy"}
        assert (await metric(served, "xrpl_proxy_node_paused"))['{node="node-1"}'] == 0


async def test_requests_that_take_several_places() -> None:
    queue = FairQueue(100)
    assert queue.take("a", 40)
    assert not queue.take("a", 40), "a quarter is reserved"
    waiting = queue.enqueue("a", 40)
    assert queue.take("b", 50), "for clients with few"
    queue.give_back("b", 50)
    assert not waiting.done()
    queue.give_back("a", 40)
    assert waiting.done()
    queue.leave("a", waiting, 40)
    assert queue.take("c", 75)
