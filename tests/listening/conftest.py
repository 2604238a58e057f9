"""The tests of listeners run on both event loops: what serves in a process, and what the demo runs on."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from tests.scripted_node import ScriptedNode, hang


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loops, by the name that a test's id has."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture
async def node() -> AsyncIterator[ScriptedNode]:
    async with ScriptedNode(big={"blob": "x" * 20_000_000}, stuck=hang) as started:
        yield started
