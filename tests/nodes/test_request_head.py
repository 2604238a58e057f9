"""Headers that a node's operator wants with every request, such as an API key."""

import aiohttp

from tests.support.listeners import FEE, ask
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy

KEY = {"X-Api-Key": "hunter2"}


async def test_every_request_and_handshake_has_them(proxy: StartProxy) -> None:
    async with ScriptedNode() as node:
        node.required_headers = KEY
        settings = node.settings(websocket=node.websocket_url, headers=KEY)
        served = await proxy(nodes=[settings], shadow={"node": node.name, "sample": 1})
        assert (await ask(served.http_url, FEE))[0] == 200
        async with aiohttp.ClientSession() as client, client.ws_connect(served.http_url) as session:
            await session.send_json({"id": 1, "command": "fee"})
            assert (await session.receive_json(timeout=5))["status"] == "success"
            await session.send_json({"id": 2, "command": "subscribe", "streams": ["ledger"]})
            assert (await session.receive_json(timeout=5))["status"] == "success"
        assert node.unauthorized == 0
        assert len(node.handshakes) == 3  # the check for administration, the session, and the shared subscription


async def test_a_node_that_refuses_the_proxy_is_not_in_rotation(proxy: StartProxy) -> None:
    async with ScriptedNode() as node:
        node.required_headers = KEY
        served = await proxy(nodes=[node.settings(headers={"X-Api-Key": "wrong"})])
        assert (await ask(served.http_url, FEE))[0] == 503
        assert node.unauthorized > 0
        assert not node.asked
        assert node.handshakes == []
