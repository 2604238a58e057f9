"""What waits for slow clients is bounded for all sessions together; the slowest are disconnected first."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from structlog.testing import capture_logs

from tests.support.harness import Harness
from tests.support.raw_websocket import RawWebSocket, frame
from tests.support.scripted_node import SECONDS, ScriptedSession
from tests.support.sessions import CLOSED

LARGE = 4_000_000
REQUEST = frame(b'{"command":"ledger_data","id":1}')


async def large_responses(session: ScriptedSession, asked: dict[str, Any]) -> None:
    large = asked["command"] == "ledger_data"
    await session.respond(asked, {"x": "y" * LARGE} if large else {})


async def test_sessions_that_do_not_read_share_one_bound(harness: Harness) -> None:
    """Thirty sessions of four responses of 4 MB each, against a bound of 40 MB: others are served all the while."""
    bound = 40_000_000
    proxy = await harness.proxy(
        await harness.node(large_responses), limits={"unsent_bytes": bound}, websocket={"queue_bytes": 20_000_000}
    )
    reading = await harness.client(proxy)
    async with AsyncExitStack() as stack:
        with capture_logs() as logs:
            for _ in range(30):
                slow = await stack.enter_async_context(RawWebSocket(proxy.http_url, small=True))
                await slow.send(REQUEST * 4)
                response = await reading.request({"command": "ledger_data", "id": 1})
                assert len(response["result"]["x"]) == LARGE
                assert await harness.metric(proxy, "xrpl_proxy_session_queue_bytes") < bound + 2 * LARGE
                assert await harness.metric(proxy, "xrpl_proxy_unsent_bytes") < bound + 2 * LARGE
            await harness.wait_metric(30 + 1, proxy, "xrpl_proxy_sessions_total")
        # About ten responses fit. The others end their session, or are dropped while they wait for their client's turn.
        await harness.wait_metric(1, proxy, CLOSED, at_least=True, reason="client_too_slow")
        assert {entry["event"] for entry in logs if entry["log_level"] == "warning"} == {"slow_clients_closed"}
        assert (await reading.request({"command": "fee"}))["status"] == "success"
    await harness.wait_metric(1, proxy, "xrpl_proxy_sessions_open")
    await harness.wait_metric(0, proxy, "xrpl_proxy_session_queue_bytes")


async def test_the_slowest_is_disconnected_first(harness: Harness) -> None:
    """A client that reads slowly keeps its session; one that does not read at all loses it, with 1008."""
    proxy = await harness.proxy(
        await harness.node(large_responses),
        limits={"unsent_bytes": 20_000_000},
        websocket={"queue_bytes": 40_000_000, "compression": False},
    )
    async with (
        asyncio.timeout(4 * SECONDS),
        RawWebSocket(proxy.http_url, small=True) as stopped,
        RawWebSocket(proxy.http_url, small=True) as reading,
    ):
        await stopped.send(REQUEST * 3)
        await harness.wait_metric(12_000_000, proxy, "xrpl_proxy_session_queue_bytes", at_least=True)
        await reading.send(REQUEST)
        assert len((await reading.receive())[1]) > LARGE
        await reading.send(REQUEST * 4)
        await harness.wait_metric(1, proxy, CLOSED, reason="client_too_slow")
        for _ in range(4):
            assert len((await reading.receive())[1]) > LARGE
        await reading.send(frame(b'{"command":"fee","id":2}'))
        assert b'"success"' in (await reading.receive())[1]
