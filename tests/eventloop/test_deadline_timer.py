"""Deadlines: each thing expires at its own time, however many there are, and a storm of them takes few looks."""

import asyncio

import pytest

from proxy.eventloop.deadline_timer import DeadlineTimer
from tests.support.client import check_stays, until


class Thing:
    """Notes when it expired."""

    def __init__(self) -> None:
        self.at = 0.0

    def expire(self) -> None:
        self.at = asyncio.get_running_loop().time()


async def test_each_expires_at_its_time_but_what_is_done() -> None:
    loop, deadlines = asyncio.get_running_loop(), DeadlineTimer()
    things = {Thing(): loop.time() + seconds for seconds in (0.3, 0.1, 0.2)}
    done = Thing()
    deadlines.set(done, loop.time() + 0.15)
    for thing, when in things.items():
        deadlines.set(thing, when)
    deadlines.clear(done)
    await until(lambda: all(thing.at for thing in things))
    assert all(when <= thing.at for thing, when in things.items())
    assert sorted(things, key=lambda thing: thing.at) == sorted(things, key=lambda thing: things[thing])
    assert not done.at


async def test_a_storm_of_them_takes_few_looks() -> None:
    loop, deadlines = asyncio.get_running_loop(), DeadlineTimer()
    looks = 0
    is_new = True

    def look_ended() -> None:
        nonlocal is_new
        is_new = True

    class Counting(Thing):
        def expire(self) -> None:
            nonlocal looks, is_new
            super().expire()
            if is_new:
                looks, is_new = looks + 1, False
                loop.call_soon(look_ended)

    began = loop.time()
    things = {Counting(): began + 0.1 + number / 20_000 for number in range(10_000)}
    for thing, when in things.items():
        deadlines.set(thing, when)
    await until(lambda: all(thing.at for thing in things))
    assert all(thing.at >= when for thing, when in things.items())
    assert looks < 200


@pytest.mark.parametrize("cleared_by_another", [False, True])
async def test_what_expires_may_clear_another(cleared_by_another: bool) -> None:
    loop, deadlines, second = asyncio.get_running_loop(), DeadlineTimer(), Thing()

    class Clears(Thing):
        def expire(self) -> None:
            super().expire()
            if cleared_by_another:
                deadlines.clear(second)

    first = Clears()
    when = loop.time() + 0.05
    deadlines.set(first, when)
    deadlines.set(second, when)
    await until(lambda: bool(first.at))
    if cleared_by_another:
        await check_stays(lambda: not second.at, 0.05)
    else:
        await until(lambda: bool(second.at))
