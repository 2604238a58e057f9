"""One thread that builds large responses, so that building them does not block the event loop.

With a single thread, several concurrent scrapes compete with the event loop for the interpreter no more than one does.
The loop may wait up to `sys.getswitchinterval()` (5 ms) for the thread, and no longer: code that runs here calls no C
function that holds the interpreter for longer. After each response the thread rests, so that scrapes in a loop leave
the loop most of the time.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aiohttp import web

T = TypeVar("T")

_REST = 2
"""How long the thread rests after a response, in multiples of the time that it took."""


class Background:
    """The thread; started by the first call, ended by `close`."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="observe")
        self._one_at_a_time = asyncio.Lock()
        self._rests_until = 0.0

    async def run(self, build: Callable[..., T], *args: object) -> T:
        """Call `build` in the thread and return its result. It may read only what the event loop does not change."""
        loop = asyncio.get_running_loop()
        async with self._one_at_a_time:
            if (rest := self._rests_until - loop.time()) > 0:
                await asyncio.sleep(rest)
            began = loop.time()
            try:
                return await loop.run_in_executor(self._thread, build, *args)
            finally:
                ended = loop.time()
                self._rests_until = ended + _REST * (ended - began)

    def close(self) -> None:
        """Accept no more calls; the thread ends after its current one."""
        self._thread.shutdown(wait=False, cancel_futures=True)


BACKGROUND = web.AppKey("background", Background)
"""The application's thread."""
