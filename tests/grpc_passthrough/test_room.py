"""Responses that calls wait for: bounded in bytes, and shared fairly between clients."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from proxy.grpc_passthrough.room import Place, ResponseRoom
from tests.support.client import check_stays, until
from tests.support.grpc_node import Context, GrpcNode, Started, unary

LARGEST = 64_000_000
ATTACKER, OTHER = "192.0.2.1", "192.0.2.2"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def places(room: ResponseRoom, client: str, method: str) -> list[Place]:
    """As many as there are for the client without waiting."""
    taken: list[Place] = []
    while True:
        taking = asyncio.create_task(room.take(client, method))
        await asyncio.sleep(0)
        if not taking.done():
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
            return taken
        taken.append(await taking)


async def test_after_large_responses_fewer_calls_wait_at_a_time() -> None:
    clock = Clock()
    room = ResponseRoom(LARGEST, clock)
    before = await places(room, ATTACKER, "GetLedger")
    assert len(before) == 45
    before[0].note(30_000_000)
    for place in before:
        place.release()
        place.release()  # has no effect
    large = await places(room, ATTACKER, "GetLedger")
    assert len(large) == 6
    assert len(await places(room, OTHER, "GetLedger")) == 1
    for place in large:
        place.release()
    clock.now += 600
    assert len(await places(room, ATTACKER, "GetLedger")) > 30


async def test_what_is_large_for_one_method_is_not_for_another() -> None:
    room = ResponseRoom(LARGEST, Clock())
    place = await room.take(ATTACKER, "GetLedger")
    place.note(LARGEST)
    place.release()
    assert len(await places(room, ATTACKER, "GetLedgerEntry")) == 45


@pytest.mark.parametrize("client", [ATTACKER, OTHER])
async def test_who_waits_is_next(client: str) -> None:
    room = ResponseRoom(LARGEST, Clock())
    taken = await places(room, ATTACKER, "GetLedger") + await places(room, OTHER, "GetLedger")
    waiting = asyncio.create_task(room.take(client, "GetLedger"))
    await asyncio.sleep(0)
    for place in taken:
        place.release()
    await waiting


async def test_few_responses_are_under_construction_at_a_time(node: GrpcNode, served: Started) -> None:
    """Three of the largest size for one client, out of ten calls; then all of them are answered."""
    release = asyncio.Event()

    async def wait(requests: AsyncIterator[bytes], context: Context) -> None:
        await release.wait()
        await context.write(b"answer")

    node.behaves = wait
    _, channel = await served(node, grpc={"answer_bytes": 1000})
    calls = [asyncio.ensure_future(unary(channel)(b"")) for _ in range(10)]
    await until(lambda: len(node.called) == 3)
    await check_stays(lambda: len(node.called) == 3, 0.2)
    release.set()
    assert await asyncio.gather(*calls) == [b"answer"] * 10
