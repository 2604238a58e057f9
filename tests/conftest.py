"""What many tests start: demo nodes, proxies in front of them, and a look afterwards at what was left running."""

import asyncio
import inspect
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol, cast

import pytest
import pytest_asyncio
import structlog
from structlog.testing import LogCapture

from proxy.config import Settings
from proxy.demo import DemoClio, DemoNode
from tests.support.processes import ProxyProcesses

if TYPE_CHECKING:
    from proxy.server.proxy import Proxy

# A background job of a shell script ignores SIGINT, and every process that it starts inherits that; the tests of Ctrl-C
# need the default disposition, which processes started from here now have again.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests start the proxy a hundred times: where bytecode is not to be written, each process would compile all of it.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

StartNode = Callable[..., Awaitable[DemoNode]]


class StartProxy(Protocol):
    """Starts a proxy in front of `nodes`: `await proxy(node, versions={"max": 3})`; `sections` are the file's."""

    async def __call__(self, *nodes: DemoNode | DemoClio, **sections: Any) -> "Proxy": ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options beside pytest's own."""
    parser.addoption("--workers", type=int, default=0, help="have proxies in processes of their own, with N workers")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Twice as many processes as cores, as most tests wait for timers and for other processes."""
    return 2 * (os.cpu_count() or 1)


def settings_for(*nodes: DemoNode | DemoClio, **sections: Any) -> Settings:
    """Settings of a proxy in front of `nodes`, as `sections_for` has them."""
    return Settings.model_validate(sections_for(*nodes, **sections))


def sections_for(*nodes: DemoNode | DemoClio, **sections: Any) -> dict[str, Any]:
    """The configuration of a proxy on free ports in front of `nodes`, which logs no requests; `sections` replace whole
    ones. Loopback is exempt from the limits per address, as all clients of a test are there, unless `limits` says so.
    """
    return {
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
        **sections,
        "limits": {"exempt": ["127.0.0.0/8", "::1/128"], **sections.get("limits", {})},
    }


@pytest_asyncio.fixture
async def demo_node() -> AsyncIterator[StartNode]:
    """Starts demo nodes, made from what DemoNode takes, and stops them when the test ends."""
    async with AsyncExitStack() as stack:

        async def start(*args: Any, **options: Any) -> DemoNode:
            return await stack.enter_async_context(DemoNode(*args, **options))

        yield start


@pytest_asyncio.fixture
async def proxy(request: pytest.FixtureRequest) -> AsyncIterator[StartProxy]:
    """Starts proxies in front of demo nodes, as StartProxy tells, and stops them when the test ends."""
    async with AsyncExitStack() as stack:

        async def start(*nodes: DemoNode | DemoClio, **sections: Any) -> "Proxy":
            return await started_proxy(sections_for(*nodes, **sections), request.config.getoption("--workers"), stack)

        yield start


async def started_proxy(sections: dict[str, Any], workers: int, stack: AsyncExitStack) -> "Proxy":
    """A proxy that ends with `stack`: in this process, or where there are to be `workers`, in others."""
    from proxy.server.proxy import Proxy  # here, so that the tests of a part need no other part

    started = ProxyProcesses(sections, workers) if workers else Proxy(Settings.model_validate(sections))
    await started.start()
    stack.push_async_callback(started.stop)
    return cast("Proxy", started)  # whoever asks for workers looks at its addresses only


@pytest.fixture
def lines() -> Iterator[LogCapture]:
    """The log lines of a test, as `lines.entries`."""
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[capture])
    yield capture
    structlog.configure(**before)


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
