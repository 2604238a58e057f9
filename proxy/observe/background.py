"""One thread that builds large responses, so that building them does not block the event loop.

With a single thread, several concurrent scrapes compete with the event loop for the interpreter no more than one does.
The loop may wait up to `sys.getswitchinterval()` (5 ms) for the thread, and no longer: code that runs here calls no C
function that holds the interpreter for longer.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aiohttp import web

T = TypeVar("T")


class Background:
    """The thread; started by the first call, ended by `close`."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="observe")

    async def run(self, build: Callable[..., T], *args: object) -> T:
        """Call `build` in the thread and return its result. It may read only what the event loop does not change."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, build, *args)

    def close(self) -> None:
        """Accept no more calls; the thread ends after its current one."""
        self._thread.shutdown(wait=False, cancel_futures=True)


BACKGROUND = web.AppKey("background", Background)
"""The application's thread."""
