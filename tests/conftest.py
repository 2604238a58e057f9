"""What many tests start: demo nodes, and proxies in front of them; and a check that nothing is left running."""

import asyncio
import inspect
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import pytest_asyncio
import structlog
from structlog.testing import LogCapture

from proxy.demo import DemoClio, DemoNode
from tests.support.processes import free_port
from tests.support.start import StartNode, StartProxy, sections_for, started_proxy

if TYPE_CHECKING:
    from proxy.server.proxy import Proxy

# A background job of a shell script ignores SIGINT, and every process that it starts inherits that; the tests of Ctrl-C
# need the default disposition, which processes started from here now have again.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What an example takes depends on what else the machine does.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")

# Tests start the proxy a hundred times: where bytecode is not to be written, each process would compile all of it.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options in addition to pytest's own."""
    parser.addoption("--workers", type=int, default=0, help="have proxies in processes of their own, with N workers")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Twice as many processes as cores, as most tests wait for timers and for other processes."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def same_random_numbers() -> None:
    """Of two nodes the one of weight 1000 is chosen: with other numbers, the other is once in a thousand times."""
    random.seed(1)


@pytest.fixture
def unused_tcp_port() -> int:
    """In place of the plugin's, whose ports the system may give to a connection before the test uses them."""
    return free_port()


@pytest.fixture(scope="session")
def unused_tcp_port_factory() -> Callable[[], int]:
    """As `unused_tcp_port`, for several."""
    return free_port


@pytest.fixture
def lines() -> Iterator[LogCapture]:
    """The log lines of a test, as `lines.entries`."""
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[capture])
    yield capture
    structlog.configure(**before)


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
        _, left = await asyncio.wait(left, timeout=1)  # cancelled tasks may not have ended yet
    assert not left, f"tasks left running: {[task.get_coro() for task in left]}"
