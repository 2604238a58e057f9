"""Headers that a node's operator wants with every request, such as an API key."""

from typing import Any

import aiohttp
from aiohttp import web

from tests.conftest import StartProxy
from tests.support.listeners import FEE, ask
from tests.support.scripted_node import ScriptedNode


class NodeWithKey(ScriptedNode):
    """Refuses everything without its key, and counts by HTTP method what it serves."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.served = {"GET": 0, "POST": 0}
        self.refused = 0

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.getall("X-Api-Key", []) != ["hunter2"]:
            self.refused += 1
            return web.Response(status=401)
        self.served[request.method] += 1
        return await super()._handle(request)


async def test_every_request_and_handshake_has_them(proxy: StartProxy) -> None:
    async with NodeWithKey() as node:
        settings = node.settings(websocket=node.websocket_url, headers={"X-Api-Key": "hunter2"})
        served = await proxy(nodes=[settings], shadow={"node": node.name, "sample": 1})
        assert (await ask(served.http_url, FEE))[0] == 200
        async with aiohttp.ClientSession() as client, client.ws_connect(served.http_url) as session:
            await session.send_json({"id": 1, "command": "fee"})
            assert (await session.receive_json(timeout=5))["status"] == "success"
            await session.send_json({"id": 2, "command": "subscribe", "streams": ["ledger"]})
            assert (await session.receive_json(timeout=5))["status"] == "success"
        assert node.refused == 0
        assert node.served["GET"] == 3  # the check for administration, the session, and the shared subscription


async def test_a_node_that_refuses_the_proxy_is_not_in_rotation(proxy: StartProxy) -> None:
    async with NodeWithKey() as node:
        served = await proxy(nodes=[node.settings(headers={"X-Api-Key": "wrong"})])
        assert (await ask(served.http_url, FEE))[0] == 503
        assert node.served == {"GET": 0, "POST": 0}
