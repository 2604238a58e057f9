"""The tests of listeners run on both event loops."""

from tests.support.event_loops import BOTH, LoopFactories, node

__all__ = ["node", "pytest_asyncio_loop_factories"]


def pytest_asyncio_loop_factories() -> LoopFactories:
    """The event loops, by the name that a test's id has."""
    return BOTH
