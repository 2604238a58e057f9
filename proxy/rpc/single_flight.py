"""Identical reads that wait together share one node request."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_WAIT_SECONDS = 1.0
"""Most seconds that a request waits for an identical one in flight before it is sent anyway."""


class SingleFlight(Generic[T]):
    """At most one request of each key in flight; those that arrive meanwhile wait, and share the next one's response.

    Every request that shares a response was waiting before the node request was sent. So a client that writes and then
    reads never gets a result from before its write.
    """

    def __init__(self, max_wait: float = MAX_WAIT_SECONDS) -> None:
        self._max_wait = max_wait
        self._in_flight: dict[Hashable, asyncio.Future[T | None]] = {}
        self._next: dict[Hashable, asyncio.Future[T | None]] = {}
        """The flights that have not started, which requests may still join."""
        self._loop = asyncio.get_running_loop()

    async def ask(
        self, key: Hashable, ask: Callable[[], Awaitable[T]], may_share: Callable[[T], bool], deadline: float
    ) -> tuple[T, bool]:
        """The response of `ask`, or of the flight that this request could join; and whether it was shared.

        If that flight fails or is cancelled, or its response is not `may_share`, `ask` is called after all, as it is
        at `deadline` (the event loop's time). Raises what `ask` raises.
        """
        if (joined := self._next.get(key)) is not None:
            result = await self._wait(joined, deadline)
            return (result, True) if result is not None else (await ask(), False)
        flight: asyncio.Future[T | None] = self._loop.create_future()
        answer = None
        try:
            if (before := self._in_flight.get(key)) is not None:
                self._next[key] = flight
                try:
                    await self._wait(before, min(deadline, self._loop.time() + self._max_wait))
                finally:
                    del self._next[key]  # the node request is about to be sent: nobody may join now
            self._in_flight[key] = flight
            answer = await ask()
            return answer, False
        finally:
            if self._in_flight.get(key) is flight:
                del self._in_flight[key]
            flight.set_result(answer if answer is not None and may_share(answer) else None)

    async def _wait(self, flight: asyncio.Future[T | None], deadline: float) -> T | None:
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(flight)
        except TimeoutError:
            return None
