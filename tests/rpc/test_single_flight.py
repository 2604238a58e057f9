"""Equal requests that wait together share one answer; none gets one that was asked for before it came."""

import asyncio

import pytest

from proxy.rpc.single_flight import SingleFlight


class Source:
    """Numbers its answers, and gives each when `release` is set."""

    def __init__(self) -> None:
        self.asked = 0
        self.release = asyncio.Event()
        self.asked_twice = asyncio.Event()

    async def ask(self) -> int:
        self.asked += 1
        number = self.asked
        if number == 2:
            self.asked_twice.set()
        await self.release.wait()
        return number


def start(flights: SingleFlight[int], source: Source, *, share: bool = True) -> asyncio.Task[tuple[int, bool]]:
    deadline = asyncio.get_running_loop().time() + 30
    return asyncio.create_task(flights.ask("key", source.ask, lambda _: share, deadline))


async def until_started(*tasks: asyncio.Task[tuple[int, bool]]) -> None:
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)


async def test_those_that_wait_share_the_next_answer() -> None:
    flights, source = SingleFlight[int](max_wait=30), Source()
    tasks = [start(flights, source) for _ in range(5)]
    await until_started(*tasks)
    assert source.asked == 1
    source.release.set()
    assert await asyncio.gather(*tasks) == [(1, False), (2, False), (2, True), (2, True), (2, True)]


async def test_a_response_that_must_not_be_shared_is_requested_by_each() -> None:
    flights, source = SingleFlight[int](max_wait=30), Source()
    tasks = [start(flights, source, share=False) for _ in range(4)]
    await until_started(*tasks)
    source.release.set()
    assert sorted(await asyncio.gather(*tasks)) == [(number, False) for number in (1, 2, 3, 4)]


async def test_a_slow_request_does_not_delay_others_for_long() -> None:
    flights, source = SingleFlight[int](max_wait=0), Source()
    first = start(flights, source)
    await until_started(first)
    second = start(flights, source)
    async with asyncio.timeout(10):
        await source.asked_twice.wait()
    source.release.set()
    assert (await first, await second) == ((1, False), (2, False))


@pytest.mark.parametrize("leaves", [0, 1])
async def test_one_that_is_cancelled_takes_nothing_from_the_others(leaves: int) -> None:
    flights, source = SingleFlight[int](max_wait=30), Source()
    tasks = [start(flights, source) for _ in range(3)]
    await until_started(*tasks)
    tasks.pop(leaves).cancel()
    source.release.set()
    async with asyncio.timeout(10):
        assert all(number > 0 for number, _ in await asyncio.gather(*tasks))
