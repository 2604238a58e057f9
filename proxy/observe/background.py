"""One thread that builds large responses, so that building them does not block the event loop.

With a single thread, several scrapes at the same time compete with the event loop for the interpreter no more than one
does. It may wait up to `sys.getswitchinterval()` (5 ms) for the thread, and for nothing longer: what runs here calls no
C function that takes longer without releasing the interpreter.
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
        """Start nothing more; the thread ends when its current call does."""
        self._thread.shutdown(wait=False, cancel_futures=True)


BACKGROUND = web.AppKey("background", Background)
"""Where handlers find the thread of their application."""
