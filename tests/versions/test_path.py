"""The default version from the path of the URL, over HTTP and WebSocket."""

from typing import Any

import aiohttp
import orjson
import pytest

from proxy.commands.demo import ALICE
from proxy.versions.path import path_version
from tests.support.start import StartNode, StartProxy

ACCOUNT = {"account": ALICE, "signer_lists": True}


@pytest.mark.parametrize(
    ("target", "version"),
    [
        (b"/v1", 1),
        (b"/v2", 2),
        (b"/v2/", 2),
        (b"/v3?key=1", 3),
        (b"http://proxy.example/v2", 2),
        (b"/", None),
        (b"/v0", None),
        (b"/v99", None),
        (b"/v02", None),
        (b"/V2", None),
        (b"/v2/more", None),
        (b"/api/v2", None),
        (b"/?/v2", None),
        (b"*", None),
        (b"http://[/v2", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_paths_of_versions(target: bytes, version: int | None) -> None:
    assert path_version(target) == version


def place_of_signer_lists(answer: dict[str, Any]) -> int:
    """The version that an `account_info` was served in: only version 1 has `signer_lists` inside `account_data`."""
    return 1 if "signer_lists" in answer["result"]["account_data"] else 2


@pytest.mark.parametrize(
    ("path", "asked", "served"),
    [("v1", None, 1), ("v2", None, 2), ("v2", 1, 1), ("v1", 2, 2), ("", None, 1), ("rpc", None, 1), ("v2x", None, 1)],
)
async def test_it_is_the_version_of_requests_without_one(
    demo_node: StartNode, proxy: StartProxy, path: str, asked: int | None, served: int
) -> None:
    url = (await proxy(await demo_node(2))).http_url + path
    params = ACCOUNT if asked is None else {**ACCOUNT, "api_version": asked}
    batch = {"method": "batch", "params": [{"method": "account_info", **params}]}
    async with aiohttp.ClientSession() as client:
        async with client.post(url, json={"method": "account_info", "params": [params]}) as response:
            assert place_of_signer_lists(orjson.loads(await response.read())) == served
        async with client.post(url, json=batch) as response:
            assert place_of_signer_lists({"result": orjson.loads(await response.read())[0]["result"]}) == served
        async with client.ws_connect(url) as session:
            await session.send_json({"id": 1, "command": "account_info", **params})
            assert place_of_signer_lists(await session.receive_json(timeout=5)) == served


async def test_a_version_that_is_not_supported_is_refused_unless_the_request_names_another(
    demo_node: StartNode, proxy: StartProxy
) -> None:
    url = (await proxy(await demo_node(2))).http_url + "v3"
    async with aiohttp.ClientSession() as client:
        async with client.post(url, json={"method": "ping", "params": [{}]}) as response:
            assert "Unsupported API version 3" in await response.text()
        async with client.post(url, json={"method": "ping", "params": [{"api_version": 2}]}) as response:
            assert response.status == 200
        async with client.ws_connect(url) as session:
            await session.send_json({"id": 1, "command": "ping"})
            assert (await session.receive_json(timeout=5))["error"] == "invalid_API_version"


async def test_clients_shows_which_paths_they_use(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2))
    async with aiohttp.ClientSession() as client:
        for path in ("v2", "v2/", ""):
            async with client.post(f"{served.http_url}{path}", json={"method": "fee", "params": [{}]}) as response:
                assert response.status == 200
        async with client.ws_connect(f"{served.http_url}v2") as session:
            await session.send_json({"id": 1, "command": "fee"})
            await session.receive_json(timeout=5)
        async with client.get(f"{served.observe_url}/clients") as response:
            (caller,) = (await response.json())["callers"]
    versions = {used["version"]: (used["requests"], used["transports"], used["paths"]) for used in caller["versions"]}
    assert versions == {1: (1, {"http": 1}, {}), 2: (3, {"http": 2, "ws": 1}, {"/v2": 3})}
