"""Several listeners, each with ways of its own."""

import aiohttp

from tests.conftest import StartNode, StartProxy
from tests.listening.asking import ask
from tests.scripted_node import ScriptedNode

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"


async def test_each_listener_has_its_own_version_of_a_request_without_one(
    demo_node: StartNode, proxy: StartProxy
) -> None:
    at = {"host": "127.0.0.1", "port": 0}
    served = await proxy(await demo_node(2), listen=[at, {**at, "default_version": 2}])
    request = {"method": "account_info", "params": [{"account": ALICE, "signer_lists": True}]}
    (_, older), (_, newer) = [await ask(url, request) for url in served.http_urls]
    assert "signer_lists" in older["result"]["account_data"]
    assert "signer_lists" in newer["result"]
    for url, version in zip(served.http_urls, (1, 2), strict=True):
        async with aiohttp.ClientSession() as client, client.ws_connect(url) as socket:
            await socket.send_json({"command": "account_info", **request["params"][0]})  # type: ignore[dict-item]
            answer = await socket.receive_json()
            assert ("signer_lists" in answer["result"]) == (version == 2)


async def test_a_listener_takes_its_own_methods_and_versions_only(node: ScriptedNode, proxy: StartProxy) -> None:
    listen = {"host": "127.0.0.1", "port": 0, "methods": ["fee"], "versions": {"max": 1}}
    served = await proxy(nodes=[node.settings()], listen=listen)
    assert (await ask(served.http_url))[0] == 200
    assert await ask(served.http_url, {"method": "submit"}) == (403, "Forbidden\r\n")
    status, text = await ask(served.http_url, {"method": "fee", "params": [{"api_version": 2}]})
    assert (status, "versions 1 to 1" in text) == (400, True)
    assert node.times("submit") == 0
