"""An observe server without a proxy, for tests of what it responds."""

import contextlib
from collections.abc import AsyncIterator, Callable

import aiohttp

from proxy.nodes import NodeStatus
from proxy.nodes.readiness import Readiness
from proxy.observe.server import ObserveServer
from proxy.telemetry.metrics import Metrics

UP = NodeStatus(
    name="node-1",
    up=True,
    healthy=True,
    api_version=2,
    last_answer=0,
    server_state="full",
    validated_ledger=131,
    validated_ledger_age=4,
    lag=0,
    complete_ledgers="2-131",
)
DOWN = NodeStatus(name="node-2", problem="refused", api_version=1)


@contextlib.asynccontextmanager
async def observing(
    metrics: Metrics | None = None, readiness: Callable[[], Readiness] = lambda: Readiness((UP, DOWN))
) -> AsyncIterator[tuple[aiohttp.ClientSession, ObserveServer]]:
    server = ObserveServer("127.0.0.1", 0, version="0.1.0", metrics=metrics or Metrics("0.1.0"), readiness=readiness)
    await server.start()
    try:
        async with aiohttp.ClientSession(server.url, auto_decompress=False) as session:
            yield session, server
    finally:
        await server.stop()
