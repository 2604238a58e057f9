"""A scripted node that serves gRPC as well, and a client of the proxy's gRPC port."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from proxy.config import Settings
from proxy.server.proxy import Proxy
from tests.support.scripted_node import ScriptedNode

Context = grpc.aio.ServicerContext[bytes, bytes]
Behaviour = Callable[[AsyncIterator[bytes], Context], Awaitable[None]]
Metadata = tuple[tuple[str, str | bytes], ...]

GET_LEDGER = "/org.xrpl.rpc.v1.XRPLedgerAPIService/GetLedger"
OTHER = "/org.xrpl.rpc.v1.XRPLedgerAPIService/Other"
"""A method that is only passed on where the configuration says so."""


class GrpcNode(ScriptedNode):
    """A node that speaks JSON-RPC, and gRPC by a generic handler that does what `behaves` says."""

    def __init__(self, name: str = "node-1") -> None:
        super().__init__(name)
        self.behaves: Behaviour = answer_once
        self.called: list[tuple[str, Metadata]] = []
        """The path and the metadata of each call."""
        self.messages: list[bytes] = []
        self.ended = asyncio.Event()
        """Set when a call has ended, however."""
        self.grpc_port = 0
        self._server: grpc.aio.Server | None = None

    def settings(self, **more: Any) -> dict[str, Any]:
        return super().settings(grpc=f"127.0.0.1:{self.grpc_port}", **more)

    async def start(self) -> None:
        await super().start()
        await self.start_grpc()

    async def stop(self) -> None:
        await self.stop_grpc()
        await super().stop()

    async def start_grpc(self) -> None:
        """Listen for gRPC, on the same port as before if it did before."""
        self._server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        self._server.add_generic_rpc_handlers((_Handler(self),))
        self.grpc_port = self._server.add_insecure_port(f"127.0.0.1:{self.grpc_port}")
        await self._server.start()

    async def stop_grpc(self) -> None:
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    async def serve(self, path: str, requests: AsyncIterator[bytes], context: Context) -> None:
        self.called.append((path, tuple(context.invocation_metadata() or ())))
        try:
            await self.behaves(self._noted(requests), context)
        finally:
            self.ended.set()

    async def _noted(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for request in requests:
            self.messages.append(request)
            yield request


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, node: GrpcNode) -> None:
        self._node = node

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        async def serve(requests: AsyncIterator[bytes], context: Context) -> None:
            await self._node.serve(handler_call_details.method, requests, context)

        return grpc.stream_stream_rpc_method_handler(serve)


async def answer_once(requests: AsyncIterator[bytes], context: Context) -> None:
    """As a unary method does: one request, one answer."""
    async for _ in requests:
        pass
    await context.write(b"\x0a\x06ledger")


Started = Callable[..., Awaitable[tuple[Proxy, grpc.aio.Channel]]]


def settings_for(
    *nodes: GrpcNode, listen: dict[str, Any] | list[dict[str, Any]] | None = None, **sections: Any
) -> Settings:
    """Settings of a proxy on free ports, with gRPC where `listen` is not a list."""
    return Settings.model_validate(
        {
            "listen": listen
            if isinstance(listen, list)
            else {"host": "127.0.0.1", "port": 0, "grpc_port": 0, **(listen or {})},
            "observe": {"host": "127.0.0.1", "port": 0},
            "logging": {"requests": "off"},
            "nodes": [node.settings() for node in nodes],
            **sections,
            "limits": {"exempt": ["127.0.0.0/8"], **sections.get("limits", {})},
        }
    )


def unary(channel: grpc.aio.Channel, path: str = GET_LEDGER) -> "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]":
    """A method of one request and one answer, as bytes."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    return method


def streaming(channel: grpc.aio.Channel) -> "grpc.aio.UnaryStreamMultiCallable[bytes, bytes]":
    """A method of one request and many answers."""
    method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(GET_LEDGER)
    return method


def both_ways(channel: grpc.aio.Channel) -> "grpc.aio.StreamStreamCall[bytes, bytes]":
    """A call of many requests and many answers, begun."""
    method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(OTHER)
    return method()
