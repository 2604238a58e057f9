"""Equal reads that are under way at once share one question to a node."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """The questions under way, by what makes them equal."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[T | None]] = {}

    async def ask(
        self, key: Hashable, ask: Callable[[], Awaitable[T]], may_share: Callable[[T], bool], deadline: float
    ) -> tuple[T, bool]:
        """What `ask` gives, or gave to the one who asks under the same `key` already; whether it was shared.

        Where that one failed, left, or got an answer that is not to be shared, or where it takes until `deadline` (the
        event loop's time), `ask` is called after all. Raises what `ask` raises.
        """
        first = self._under_way.get(key)
        if first is not None:
            result = await _wait(first, deadline)
            return (result, True) if result is not None else (await ask(), False)
        mine: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._under_way[key] = mine
        answer = None
        try:
            answer = await ask()
            return answer, False
        finally:
            del self._under_way[key]
            mine.set_result(answer if answer is not None and may_share(answer) else None)


async def _wait(future: asyncio.Future[T | None], deadline: float) -> T | None:
    try:
        async with asyncio.timeout_at(deadline):
            return await asyncio.shield(future)
    except TimeoutError:
        return None
