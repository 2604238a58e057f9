"""The fault tests run on the event loop that serves in a process."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from tests.support.scripted_node import ScriptedNode


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loops, by the name that a test's id has."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def node() -> AsyncIterator[ScriptedNode]:
    """A good node that speaks version 2."""
    async with ScriptedNode(account_lines={"lines": []}) as started:
        yield started
