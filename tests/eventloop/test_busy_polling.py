"""Busy polling: for a moment after a request the event loop only looks for what comes next, then it waits again."""

import asyncio
import selectors
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import closing
from typing import Any

import pytest

from proxy.demo import DemoNode
from proxy.eventloop.busy_polling import BusyPolling
from proxy.server.proxy import Proxy
from tests.conftest import settings_for
from tests.support.client import ask, ask_by_websocket, until

LONG = 0.1


class Selector(selectors.EpollSelector):
    """Notes when it was last told to wait, and not only to look."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_at = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout > 0:
            self.waited_at = time.monotonic()
        return super().select(timeout)


@pytest.fixture
def selector() -> Iterator[Selector]:
    with closing(Selector()) as selector:
        yield selector


def run(selector: Selector, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        runner.run(test())


async def sleeps_again(selector: Selector, since: float) -> float:
    """The seconds from `since` until the event loop waits."""
    await until(lambda: selector.waited_at >= since)
    return selector.waited_at - since


def test_it_does_not_sleep_for_so_long_after_a_request(selector: Selector) -> None:
    async def test() -> None:
        polling = BusyPolling(LONG)
        for _ in range(2):  # once it sleeps, another request keeps it awake again
            asked = time.monotonic()
            polling.asked()
            assert await sleeps_again(selector, asked) >= LONG

    run(selector, test)


def test_each_request_keeps_it_awake_anew(selector: Selector) -> None:
    async def test() -> None:
        polling = BusyPolling(LONG)
        first = time.monotonic()
        polling.asked()
        await asyncio.sleep(LONG / 2)
        second = time.monotonic()
        polling.asked()
        assert await sleeps_again(selector, first) >= second + LONG - first

    run(selector, test)


def test_without_it_it_sleeps_at_once(selector: Selector) -> None:
    async def test() -> None:
        asked = time.monotonic()
        BusyPolling(0).asked()
        await asyncio.sleep(0.001)
        assert selector.waited_at >= asked

    run(selector, test)


@pytest.mark.parametrize("ask", [ask, ask_by_websocket])
def test_a_clients_request_keeps_the_proxy_awake(selector: Selector, ask: Callable[[Proxy], Awaitable[Any]]) -> None:
    async def test() -> None:
        async with DemoNode(2) as node:
            proxy = Proxy(settings_for(node, busy_polling=LONG))
            await proxy.start()
            try:
                began = time.monotonic()
                assert (await ask(proxy))["status"] == "success"
                answered = time.monotonic()
                assert answered - began + await sleeps_again(selector, answered) >= LONG
            finally:
                await proxy.stop()

    run(selector, test)
