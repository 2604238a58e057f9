"""A small event: a session has four, and mostly nothing waits for them."""

import asyncio


class CompactEvent:
    """Like asyncio.Event, but 0.2 kB instead of 0.9 kB, most of which is room for 64 waiters."""

    __slots__ = ("_is_set", "_waiting")

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: list[asyncio.Future[None]] = []

    def set(self) -> None:
        """Wake everything that waits."""
        self._is_set = True
        for one in self._waiting:
            if not one.done():
                one.set_result(None)

    def clear(self) -> None:
        """Make `wait` wait again."""
        self._is_set = False

    async def wait(self) -> None:
        """Wait until `set` is called. The caller limits the time."""
        if self._is_set:
            return
        one = asyncio.get_running_loop().create_future()
        self._waiting.append(one)
        try:
            await one
        finally:
            self._waiting.remove(one)
