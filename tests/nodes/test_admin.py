"""A node that treats the proxy as an administrator is not used, unless the configuration says so."""

from typing import Any

import aiohttp
import pytest

from tests.support.client import ask, ready, until, until_healthy
from tests.support.scripted_node import ScriptedNode, ScriptedSession
from tests.support.start import StartNode, StartProxy

ALLOWED = {"allow_admin_nodes": True}


async def test_a_demo_node_s_admin_port_is_refused(demo_node: StartNode, proxy: StartProxy) -> None:
    node = await demo_node(2, "admin")
    served = await proxy(node)
    reported = (await ready(served))["node-1"]
    assert not reported["up"]
    assert "administrator on its HTTP port" in reported["problem"]
    assert "secure_gateway" in reported["problem"]
    assert (await ask(served))["error"] == "notSynced"
    assert set(node.asked) == {"server_info", "ping"}  # nothing that changes anything


async def test_unless_that_is_wanted(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2, "admin"), guard=ALLOWED)
    assert (await ready(served))["node-1"]["healthy"]


@pytest.mark.parametrize(("role", "websocket_role", "port"), [("admin", None, "HTTP"), (None, "admin", "WebSocket")])
async def test_either_port_counts(proxy: StartProxy, role: str | None, websocket_role: str | None, port: str) -> None:
    async with ScriptedNode() as node:
        node.role, node.websocket_role = role, websocket_role
        served = await proxy(nodes=[node.settings(websocket=node.websocket_url)], timeouts={"health_interval": 0.1})
        assert f"administrator on its {port} port" in (await ready(served))["node-1"]["problem"]
        assert node.times("fee") == 0
        node.role = node.websocket_role = None  # the operator has put it right
        await until_healthy(served, "node-1")
        assert "error" not in await ask(served)


async def test_what_is_pushed_before_the_response_does_not_hide_it(proxy: StartProxy) -> None:
    async def respond(session: ScriptedSession, request: dict[str, Any]) -> None:
        await session.send({"type": "serverStatus", "load_base": 256})
        await session.send({"id": 77, "result": {}, "status": "success", "type": "response"})
        await session.respond(request, {"role": "admin"})

    async with ScriptedNode(respond=respond) as node:
        node.respond_by_method = respond  # type: ignore[method-assign]
        served = await proxy(nodes=[node.settings(websocket=node.websocket_url)])
        assert "administrator on its WebSocket port" in (await ready(served))["node-1"]["problem"]


@pytest.mark.parametrize("role", ["proxied", "identified", None])
async def test_other_roles_will_do(proxy: StartProxy, role: str | None) -> None:
    async with ScriptedNode() as node:
        node.role = node.websocket_role = role
        served = await proxy(nodes=[node.settings(websocket=node.websocket_url)])
        assert (await ready(served))["node-1"]["healthy"]


async def test_a_clio_shows_it_in_server_info(proxy: StartProxy) -> None:
    async with ScriptedNode() as node:
        node.info.update({"clio_version": "2.4.0", "etl": {"is_writer": False}})
        served = await proxy(nodes=[node.settings()])
        assert "administrator" in (await ready(served))["node-1"]["problem"]


async def test_a_node_that_was_restarted_unnoticed_is_checked_again(proxy: StartProxy) -> None:
    async with ScriptedNode() as node:
        served = await proxy(nodes=[node.settings()], timeouts={"health_interval": 0.1})
        node.role = "admin"
        node.info["uptime"] = 1
        reported = await until_healthy(served, "node-1", healthy=False)
        assert "administrator" in reported["problem"]


@pytest.mark.parametrize(
    "answer", [{"error": "slowDown"}, {"error": "unknownCmd"}, {"role": 7}, {"unlimited": "yes"}, {}]
)
async def test_an_answer_that_says_nothing_of_it_is_no_administrators(proxy: StartProxy, answer: Any) -> None:
    async with ScriptedNode(ping=answer) as node:
        served = await proxy(nodes=[node.settings()])
        assert (await ready(served))["node-1"]["healthy"]


async def test_a_node_without_its_websocket_serves_http_only(proxy: StartProxy) -> None:
    async with ScriptedNode() as node, ScriptedNode("gone") as gone:
        await gone.stop()
        served = await proxy(nodes=[node.settings(websocket=gone.websocket_url)], timeouts={"health_interval": 0.1})
        reported = (await ready(served))["node-1"]
        assert (reported["healthy"], reported["websocket_problem"]) == (True, "refused")
        assert "error" not in await ask(served)
        async with aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(served.http_url)
            assert refused.value.status == 503
            await gone.start()

            async def is_found() -> bool:
                return (await ready(served))["node-1"]["websocket_problem"] is None

            await until(is_found)
            async with client.ws_connect(served.http_url) as socket:
                await socket.send_json({"id": 1, "command": "fee"})
                assert (await socket.receive_json())["id"] == 1
