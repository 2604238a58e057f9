"""The fixture that the tests of sessions begin with."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.harness import Harness, start_harness


@pytest_asyncio.fixture
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """Starts nodes, proxies and clients, which end with the test; the parameter sets `share_subscriptions`."""
    async with start_harness() as started:
        started.share_subscriptions = getattr(request, "param", False)
        yield started
