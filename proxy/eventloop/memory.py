"""Returns unused memory to the system."""

import asyncio
import ctypes
from collections.abc import Callable
from typing import Any

TRIM_SECONDS = 5.0
"""Seconds between two trims; each takes a few milliseconds at most."""


_MALLOC_TRIM: Callable[[int], Any] | None = getattr(ctypes.PyDLL(None), "malloc_trim", None)


async def trim_regularly(seconds: float = TRIM_SECONDS) -> None:
    """Return freed memory to the system, every `seconds`, until cancelled. Returns immediately without glibc.

    After it has freed a large block, glibc takes blocks of that size (up to 32 MB) from its heap, and returns that
    to the system only from its end: a single small object near the end retains all the memory that large responses and
    slow clients once needed. Keeping large blocks out of the heap (`M_MMAP_THRESHOLD`) would cause page faults for each
    of them, which doubled the latency under load.
    """
    while _MALLOC_TRIM is not None:
        await asyncio.sleep(seconds)
        trim_memory()


def trim_memory() -> None:
    """Return freed memory to the system, where the C library is glibc: musl and macOS return it themselves."""
    if _MALLOC_TRIM is not None:
        _MALLOC_TRIM(0)
