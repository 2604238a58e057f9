"""What many tests start: demo nodes, proxies in front of them, and a look afterwards at what was left running."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import pytest_asyncio

from proxy.config import Settings
from proxy.demo import DemoNode

if TYPE_CHECKING:
    from proxy.server import Proxy

StartNode = Callable[..., Awaitable[DemoNode]]


class StartProxy(Protocol):
    """Starts a proxy in front of `nodes`: `await proxy(node, versions={"max": 3})`; `sections` are the file's."""

    async def __call__(self, *nodes: DemoNode, **sections: Any) -> "Proxy": ...


def settings_for(*nodes: DemoNode, **sections: Any) -> Settings:
    """Settings of a proxy on free ports in front of `nodes`, which logs no requests; `sections` replace whole ones."""
    defaults = {
        "listen": {"host": "127.0.0.1", "port": 0},
        "observe": {"host": "127.0.0.1", "port": 0},
        "logging": {"requests": "off"},
        "nodes": [
            {
                "name": f"node-{number}",
                "http": node.http_url,
                "websocket": node.websocket_url,
                "api_version": "auto" if node.api_version == "all" else node.api_version,
            }
            for number, node in enumerate(nodes, 1)
        ],
    }
    return Settings.model_validate({**defaults, **sections})


@pytest_asyncio.fixture
async def demo_node() -> AsyncIterator[StartNode]:
    """Starts demo nodes, made from what DemoNode takes, and stops them when the test ends."""
    async with AsyncExitStack() as stack:

        async def start(*args: Any, **options: Any) -> DemoNode:
            return await stack.enter_async_context(DemoNode(*args, **options))

        yield start


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[StartProxy]:
    """Starts proxies in front of demo nodes, as StartProxy tells, and stops them when the test ends."""
    from proxy.server import Proxy  # here, so that the tests of a part need no other part

    async with AsyncExitStack() as stack:

        async def start(*nodes: DemoNode, **sections: Any) -> "Proxy":
            started = Proxy(settings_for(*nodes, **sections))
            await started.start()
            stack.push_async_callback(started.stop)
            return started

        yield start


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> None:
    """Fails an asynchronous test that leaves a task running, whatever fixtures it had."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("no_task_left")


@pytest_asyncio.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Set up before all other fixtures, so that this looks after they have ended."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=1)  # what has been told to end may still be at it
    assert not left, f"tasks left running: {[task.get_coro() for task in left]}"
