"""Signals, draining and reloading are tested on both event loops."""

import asyncio

import pytest

from tests.support.event_loops import BOTH, LoopFactories, node

__all__ = ["node", "pytest_asyncio_loop_factories"]


def pytest_asyncio_loop_factories(item: pytest.Item) -> LoopFactories:
    """The event loops, by the name that a test's id has."""
    return BOTH if item.path.name in ("test_process.py", "test_proxy.py") else {"asyncio": asyncio.new_event_loop}
