"""Errands: coroutines that go on at once by a reply, and are tasks where they wait for anything else."""

import asyncio
import contextvars
import weakref
from typing import Any

import pytest

from proxy.eventloop.inline_task import InlineFuture, InlineTask, ensure_task

WHOSE = contextvars.ContextVar("WHOSE", default="nobody's")


def start(coroutine: Any) -> InlineTask:
    errand = InlineTask(coroutine, asyncio.get_running_loop())
    # As the transports do it: from the event loop, within no task.
    asyncio.get_running_loop().call_soon(errand.resume)
    return errand


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_it_goes_on_within_the_call_that_brings_the_reply() -> None:
    reply: InlineFuture[int] = InlineFuture()
    heard = []

    async def ask() -> None:
        heard.append(await reply)

    start(ask())
    await settle()
    reply.resolve(5)
    assert heard == [5]


class Large:
    """An answer whose end can be seen."""


async def test_of_a_large_reply_nobody_holds_anything_once_it_was_taken() -> None:
    reply: InlineFuture[Large] = InlineFuture()
    heard = []

    async def ask() -> None:
        large = await reply
        held = weakref.ref(large)
        del large
        heard.append(held())

    def bring() -> None:
        nonlocal reply
        large = Large()
        bringing, reply = reply, InlineFuture()
        bringing.resolve_later(large)
        assert heard == []  # for here it is held

    start(ask())
    await settle()
    bring()
    await settle()
    assert heard == [None]


async def test_one_that_is_cancelled_before_it_takes_its_large_reply_ends_once() -> None:
    reply: InlineFuture[int] = InlineFuture()
    left = []

    async def ask() -> None:
        try:
            await reply
            await asyncio.sleep(0)
        finally:
            left.append("ended")

    errand = start(ask())
    await settle()
    reply.resolve_later(5)
    await errand.cancel()
    await settle()
    assert left == ["ended"]


async def test_a_failure_is_raised_where_it_waits() -> None:
    reply: InlineFuture[int] = InlineFuture()
    heard = []

    async def ask() -> None:
        try:
            await reply
        except ConnectionError:
            heard.append("lost")

    start(ask())
    await settle()
    reply.reject(ConnectionResetError())
    assert heard == ["lost"]


async def test_a_reply_that_is_there_already_is_not_waited_for() -> None:
    reply: InlineFuture[int] = InlineFuture()
    reply.resolve(5)
    assert await reply == 5


async def test_it_may_wait_for_anything_and_have_a_timeout_and_a_context() -> None:
    reply: InlineFuture[str] = InlineFuture()
    heard: list[str] = []

    async def ask() -> None:
        WHOSE.set("its own")
        heard.append(await reply)
        await ensure_task()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        heard.append(await asyncio.to_thread(WHOSE.get))
        done.set()

    done = asyncio.Event()
    start(ask())
    await settle()
    asyncio.get_running_loop().call_soon(reply.resolve, "early")  # as transports do
    async with asyncio.timeout(5):
        await done.wait()
    assert heard == ["early", "its own"]
    assert WHOSE.get() == "nobody's"


@pytest.mark.parametrize("waits_as_task", [False, True])
async def test_who_cancels_it_waits_until_it_has_put_all_in_order(waits_as_task: bool) -> None:
    reply: InlineFuture[int] = InlineFuture()
    left = []

    async def ask() -> None:
        try:
            if waits_as_task:
                await asyncio.Event().wait()
            await reply
        finally:
            await asyncio.sleep(0.01)
            left.append("in order")

    errand = start(ask())
    await settle()
    await errand.cancel()
    assert left == ["in order"]
    if not waits_as_task:
        assert reply.cancelled()


async def test_what_it_raises_is_told() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def ask() -> None:
        raise ZeroDivisionError

    start(ask())
    await settle()
    assert isinstance(told[0]["exception"], ZeroDivisionError)


async def test_a_task_may_wait_for_a_reply_as_well() -> None:
    reply: InlineFuture[int] = InlineFuture()

    async def ask() -> int:
        return await reply

    task = asyncio.create_task(ask())
    await settle()
    reply.resolve(7)
    async with asyncio.timeout(5):
        assert await task == 7
