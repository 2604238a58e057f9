"""Programs that a test starts."""

from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def until_left(process: Process) -> AsyncIterator[Process]:
    """`process`, which is killed if it has not ended when the block is left."""
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
