"""Requests as bytes, well-formed and not: the same status and text, or the same JSON, as rippled gave.

docs/conformance.md repeats the exceptions.
"""

from io import BytesIO

import pytest

from tests.support.conformance import NODES, client_session
from tests.support.raw_requests import raw_differences, raw_entries
from tests.support.start import StartNode, StartProxy


@pytest.mark.parametrize("node_version", NODES, ids="node-{}".format)
async def test_http(demo_node: StartNode, proxy: StartProxy, node_version: int) -> None:
    node = await demo_node(node_version)
    served = await proxy(node)
    differing = {}
    async with client_session() as session:
        for raw in raw_entries("http"):
            async with session.post(served.http_url, data=raw.body) as response:
                if found := raw_differences(raw, response.status, await response.text()):
                    differing[raw.id] = found
    assert not differing, "\n".join(f"{name}: {found}" for name, found in differing.items())
    assert node.misses == []


@pytest.mark.parametrize("node_version", NODES, ids="node-{}".format)
async def test_websocket(demo_node: StartNode, proxy: StartProxy, node_version: int) -> None:
    node = await demo_node(node_version)
    served = await proxy(node)
    differing = {}
    async with client_session() as session:
        for raw in raw_entries("ws"):
            async with session.ws_connect(served.http_url, max_msg_size=0) as socket:
                if raw.binary:
                    await socket.send_bytes(raw.body)
                else:
                    await socket.send_str(raw.body.decode())
                text = await socket.receive_str(timeout=10)
            if found := raw_differences(raw, None, text):
                differing[raw.id] = found
    assert not differing, "\n".join(f"{name}: {found}" for name, found in differing.items())
    assert node.misses == []


async def test_too_big_is_answered(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2))
    body = b'{"method":"ping","params":[{"x":"' + b"a" * 1_100_000 + b'"}]}'
    async with client_session() as session, session.post(served.http_url, data=BytesIO(body)) as response:
        assert response.status in (400, 413)
