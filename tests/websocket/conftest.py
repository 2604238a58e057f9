"""The fixture that the tests of sessions begin with."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support import websocket_node as scripted


@pytest_asyncio.fixture
async def house(request: pytest.FixtureRequest) -> AsyncIterator[scripted.House]:
    """Starts nodes, proxies and clients, which end with the test; its parameter is the house's `shares`."""
    async with scripted.house() as started:
        started.shares = getattr(request, "param", False)
        yield started
