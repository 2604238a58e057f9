"""gRPC ports that several processes share."""

import asyncio
import signal
from pathlib import Path

import aiohttp
import grpc

from tests.support.grpc_node import GrpcNode, unary
from tests.support.process import Process
from tests.support.processes import free_port


async def test_workers_share_a_grpc_port_and_are_counted_as_one(node: GrpcNode, tmp_path: Path) -> None:
    port, grpc_port = free_port(), free_port()
    listen = {"host": "127.0.0.1", "port": port, "grpc_port": grpc_port}
    settings = {"listen": listen, "nodes": [node.settings()], "workers": 2}
    async with Process(tmp_path, settings) as process:
        observe = (await process.line("workers_started"))["observe"]
        for _ in range(12):  # each by a connection of its own, which either may take
            options = (("grpc.use_local_subchannel_pool", 1),)
            async with grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}", options=options) as channel:
                assert await unary(channel)(b"", timeout=10) == b"\x0a\x06ledger"
        async with aiohttp.ClientSession() as http, http.get(f"{observe}/metrics") as answer:
            assert 'method="GetLedger",node_version="1",outcome="success",transport="grpc"} 12.0' in await answer.text()
        process.send(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await process.ended() == 0
