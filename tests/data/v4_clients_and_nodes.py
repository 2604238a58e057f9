"""What the proxy itself reads and writes has the form of version 4 there.

Run by `tests/adapters/test_new_version.py` in a copy of the tree whose `adapters/v3_v4` is `v3_v4_everywhere`.
"""

from typing import Any

import aiohttp
import pytest

from tests.support.harness import Client, Harness
from tests.support.scripted_node import ScriptedNode, ScriptedSession

V4 = {"versions": {"max": 4}}
CLOSED = {"type": "ledgerClosed", "ledger_index": 101, "ledger_hash": "AB", "txn_count": 3}
CLOSED_IN_4 = {"type": "ledgerClosed", "ledger_index": 101, "ledger_hash": "AB", "transaction_count": 3}
SHARED_OR_NOT = pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])


async def started(harness: Harness, node: ScriptedNode, *, shared: bool = False, **sections: Any) -> Client:
    websocket = {"share_subscriptions": shared, **sections.pop("websocket", {})}
    return await harness.client(await harness.proxy(node, websocket=websocket, **V4, **sections))


async def post(address: str, method: str, version: int, **params: Any) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session:
        body = {"method": method, "params": [{**params, "api_version": version}]}
        async with session.post(address, json=body) as response:
            result: dict[str, Any] = (await response.json(content_type=None))["result"]
            return result


async def respond_in_4(session: ScriptedSession, request: dict[str, Any]) -> None:
    """A node of version 4."""
    command = request["command"]
    assert request["api_version"] == 4
    assert "streams" not in request
    if command == "subscribe":
        known = all(topic in ("ledger", "transactions") for topic in request.get("topics", []))
        await session.respond(request, {"ledger": 100} if known else {"error": "malformedStream"})
    elif command == "path_find":
        await session.respond(request, {"paths": []})
        await session.send({"type": "path_find", "paths": [1]})
    elif command == "account_info":
        await session.respond(request, {"error": "outOfSync", "error_code": 18, "message": "Not synced."})
    else:
        await session.respond(request, {})


# Errors of the proxy itself


async def test_errors_over_websocket(harness: Harness) -> None:
    client = await started(harness, await harness.node(None, api_version=2))
    for request, token in (
        ({"command": "batch"}, "unknownMethod"),
        ({"command": "subscribe", "url": "http://x"}, "notPermitted"),
        ({"command": "stop"}, "denied"),
    ):
        response = await client.request({**request, "api_version": 4})
        assert response["error"] == token
        assert "message" in response
        assert "error_message" not in response


async def test_too_many_requests_of_a_session(harness: Harness) -> None:
    node = await harness.node()
    client = await started(harness, node, websocket={"in_flight": 1})
    await client.send({"command": "fee"})
    await client.send({"command": "fee", "api_version": 4})
    await (await node.session()).wait_requests(1)
    session = await node.session()
    await session.respond(session.requests[0], {})
    await client.receive()
    response = await client.receive()
    assert response["error"] == "overloaded"
    assert "in flight" in response["message"]


async def test_errors_over_http(harness: Harness) -> None:
    node = await harness.node(None, api_version=2)
    proxy = await harness.proxy(node, **V4)
    assert (await post(proxy.http_url, "subscribe", 4, url="http://x"))["error"] == "notPermitted"
    await node.stop()
    result = await post(proxy.http_url, "fee", 4)
    assert result["error"] == "outOfSync"
    assert result["message"] == "The node cannot be reached."
    assert "error_message" not in result


# Errors of nodes


async def test_what_another_node_may_have(harness: Harness) -> None:
    """A node's "out of sync" in version 4 is one that another node is tried after."""
    nodes = [await harness.node(None, api_version=4) for _ in range(2)]
    for number, node in enumerate(nodes):
        node.name = f"node-{number}"
        node.answers["account_lines"] = {"error": "outOfSync", "error_code": 18, "message": "Not synced."}
    proxy = await harness.proxy(*nodes, **V4)
    assert (await post(proxy.http_url, "account_lines", 3, account="r"))["error"] == "notSynced"
    assert [node.times("account_lines") for node in nodes] == [1, 1]


# Subscriptions


@SHARED_OR_NOT
async def test_a_client_of_version_4(harness: Harness, shared: bool) -> None:
    node = await harness.node(None, api_version=2)
    client = await started(harness, node, shared=shared)
    response = await client.request({"command": "subscribe", "topics": ["ledger"], "api_version": 4})
    assert response["status"] == "success"
    session = await (node.shared_session() if shared else node.session())
    assert node.subscriptions.streams_of(session) == ["ledger"]
    await session.send(CLOSED)
    assert await client.receive() == CLOSED_IN_4
    response = await client.request({"command": "unsubscribe", "topics": ["ledger"], "api_version": 4})
    assert response["status"] == "success"


@SHARED_OR_NOT
async def test_a_node_of_version_4(harness: Harness, shared: bool) -> None:
    node = await harness.node(respond_in_4, api_version=4)
    client = await started(harness, node, shared=shared)
    response = await client.request({"command": "subscribe", "streams": ["ledger"], "api_version": 2})
    assert response["result"] == {"ledger_index": 100}
    session = await (node.shared_session() if shared else node.session())
    await session.send(CLOSED_IN_4)
    assert await client.receive() == CLOSED
    response = await client.request({"command": "subscribe", "streams": ["bogus"], "api_version": 2})
    assert response["error"] == "malformedStream"


@SHARED_OR_NOT
async def test_another_node_after_the_first(harness: Harness, shared: bool) -> None:
    """It is asked to continue, in its own form."""
    node = await harness.node(respond_in_4, api_version=4)
    client = await started(harness, node, shared=shared, websocket={"reconnect": True})
    await client.request({"command": "subscribe", "topics": ["ledger"], "api_version": 4})
    (await (node.shared_session() if shared else node.session())).abort()
    session = await (node.shared_session(1) if shared else node.session(1))
    request = (await session.wait_requests(1))[0]
    assert request["command"] == "subscribe"
    assert request["topics"] == ["ledger"]


async def test_pushed_paths(harness: Harness) -> None:
    client = await started(harness, await harness.node(respond_in_4, api_version=4))
    await client.request({"command": "path_find", "subcommand": "create", "id": 7, "api_version": 3})
    assert await client.receive() == {"type": "path_find", "alternatives": [1], "id": 7}
