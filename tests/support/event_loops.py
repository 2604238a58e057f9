"""Both event loops that the proxy runs on: uvloop (what `serve` uses) and asyncio's own."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from tests.support.scripted_node import ScriptedNode, hang

LoopFactories = dict[str, Callable[[], asyncio.AbstractEventLoop]]
BOTH: LoopFactories = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture
async def node() -> AsyncIterator[ScriptedNode]:
    async with ScriptedNode(big={"blob": "x" * 20_000_000}, stuck=hang) as started:
        yield started
