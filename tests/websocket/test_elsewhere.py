"""In pools of rippled and Clio, a session gets methods that only the other has from that other."""

from typing import Any

import orjson
import pytest

from proxy.commands.demo import ALICE
from proxy.demo import DemoClio, DemoNode
from proxy.demo.clio import clio_cases
from proxy.server.proxy import Proxy
from tests.support.conformance import client_session
from tests.support.start import StartProxy

NFT = next(case for case in clio_cases() if case["method"] == "nft_info")
OWNER = {"account": ALICE}


def pool(session: DemoNode | DemoClio, other: DemoNode | DemoClio) -> list[dict[str, Any]]:
    """Nodes of which sessions can be on the first only."""
    return [
        {
            "name": "session",
            "http": session.http_url,
            "websocket": session.websocket_url,
            "api_version": session.api_version,
        },
        {"name": "other", "http": other.http_url, "api_version": other.api_version},
    ]


async def ask(served: Proxy, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    """The responses to requests on one session, in the order of the requests."""
    async with client_session() as session, session.ws_connect(served.http_url) as socket:
        for request in requests:
            await socket.send_str(orjson.dumps(request).decode())
        got = [await socket.receive_json(timeout=10, loads=orjson.loads) for _ in requests]
    return [next(each for each in got if each["id"] == request["id"]) for request in requests]


@pytest.mark.parametrize("version", [1, 2])
async def test_what_only_clio_has_comes_from_the_clio(proxy: StartProxy, version: int) -> None:
    async with DemoNode(2) as rippled, DemoClio(2) as clio:
        served = await proxy(nodes=pool(rippled, clio), health={"max_lag": 1000})
        asked = {**NFT["params"], "command": "nft_info", "id": [1], "api_version": version}
        found, pong = await ask(served, asked, {"command": "ping", "id": 2})
    assert (found["id"], found["api_version"], found["status"]) == ([1], version, "success")
    assert found["result"] == NFT[f"v{version}"]["result"]
    assert [each["id"] for each in found["warnings"]] == [2001]
    assert pong["id"] == 2
    assert rippled.asked["nft_info"] == 0


async def test_what_only_rippled_has_comes_from_the_rippled(proxy: StartProxy) -> None:
    async with DemoClio(2) as clio, DemoNode(2) as rippled:
        served = await proxy(nodes=pool(clio, rippled), health={"max_lag": 1000})
        found, header = await ask(
            served,
            {**OWNER, "command": "owner_info", "id": 1, "api_version": 2},
            {"command": "ledger_header", "ledger_index": 57, "id": 2},
        )
    assert found["status"] == "success"
    assert "offers" in found["result"]["accepted"]
    assert "warnings" not in found
    assert header["result"]["ledger"]["ledger_index"] == "57"
    assert rippled.asked["owner_info"] == 1


async def test_without_another_the_sessions_own_node_answers(proxy: StartProxy) -> None:
    async with DemoNode(2) as one, DemoNode(2) as other:
        served = await proxy(nodes=pool(one, other))
        (found,) = await ask(served, {**NFT["params"], "command": "nft_info", "id": 1, "api_version": 2})
    assert found["error"] == "unknownCmd"
    assert one.asked["nft_info"] == 1
    assert other.asked["nft_info"] == 0
