"""The fixture that the tests of sessions begin with."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.sessions import scripted


@pytest_asyncio.fixture
async def house() -> AsyncIterator[scripted.House]:
    """Starts nodes, proxies and clients, which end with the test."""
    async with scripted.house() as started:
        yield started
