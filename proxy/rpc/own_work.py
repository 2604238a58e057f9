"""What the proxy itself does for a response, within the deadline of its request."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from proxy.access.fair_share import ResponseDropped
from proxy.nodes import NodeFailure

T = TypeVar("T")


async def in_time(step: Awaitable[T], node: str, deadline: float) -> T:
    """What `step` returns. Raises NodeFailure at the deadline (the event loop's time), and for ResponseDropped."""
    try:
        async with asyncio.timeout_at(deadline):
            return await step
    except (TimeoutError, ResponseDropped):
        pass
    # Here, so that it has no context: that of a timeout holds the task, which may hold its failure.
    raise NodeFailure("timeout", node, client_fault=True)
