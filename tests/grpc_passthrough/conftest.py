"""A gRPC node, and a proxy in front of it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest_asyncio

from proxy.server.proxy import Proxy
from tests.support.grpc_node import GrpcNode, Started, settings_for


@pytest_asyncio.fixture
async def node() -> AsyncIterator[GrpcNode]:
    async with GrpcNode() as started:
        yield started


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Started]:
    """Starts a proxy in front of nodes, and gives it with a channel to its gRPC port."""
    async with AsyncExitStack() as stack:

        async def start(*nodes: GrpcNode, **sections: Any) -> tuple[Proxy, grpc.aio.Channel]:
            proxy = Proxy(settings_for(*nodes, **sections))
            await proxy.start()
            stack.push_async_callback(proxy.stop)
            channel = grpc.aio.insecure_channel(
                f"127.0.0.1:{proxy.grpc_ports[0]}", options=(("grpc.max_receive_message_length", -1),)
            )
            stack.push_async_callback(channel.close)
            return proxy, channel

        yield start
