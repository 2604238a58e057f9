"""Memory that large responses and slow clients took goes back to the system, though small objects stay among it."""

import asyncio
import ctypes
import os
from pathlib import Path

import pytest

from proxy.eventloop.memory import trim_regularly

BLOCK, BLOCKS = 60_000, 2_000
_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another C library than glibc")
async def test_freed_memory_is_returned_also_from_between_what_is_used() -> None:
    blocks = [b"x" * BLOCK for _ in range(BLOCKS)]
    used = blocks[::50]  # the last of these is near the end of the heap
    most = resident()
    del blocks
    trimming = asyncio.create_task(trim_regularly(0.001))
    try:
        async with asyncio.timeout(20):
            while most - resident() < BLOCK * BLOCKS * 0.8:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.01)
    finally:
        trimming.cancel()
    assert len(used) == BLOCKS / 50
