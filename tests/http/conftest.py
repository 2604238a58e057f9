"""The tests of listeners run on both event loops, with connections that do not linger for long."""

import pytest

from proxy.http import limits
from tests.support.event_loops import BOTH, LoopFactories, node

__all__ = ["node", "pytest_asyncio_loop_factories"]


def pytest_asyncio_loop_factories() -> LoopFactories:
    """The event loops, by the name that a test's id has."""
    return BOTH


@pytest.fixture(autouse=True)
def short_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections with an incomplete request linger for half a second after the response, rather than for two."""
    monkeypatch.setattr(limits, "_LINGER_SECONDS", 0.5)
