"""Several listeners, each with ways of its own."""

import socket
from urllib.parse import urlsplit

import aiohttp
import pytest

from proxy.config import ConfigurationError, Settings, load_settings
from proxy.http.bindable import check_bindable
from tests.support.listeners import FEE, ask
from tests.support.raw_client import RawClient, post
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartNode, StartProxy

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


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="the system has no dual-stack sockets")
async def test_the_unspecified_ipv6_address_serves_ipv4_as_well(node: ScriptedNode, proxy: StartProxy) -> None:
    served = await proxy(
        nodes=[node.settings()],
        listen={"host": "::", "port": 0},
        limits={"exempt": [], "connections_per_address": 1},
    )
    port = urlsplit(served.http_url).port
    for host in ("127.0.0.1", "[::1]"):
        async with RawClient(f"http://{host}:{port}/") as client, RawClient(f"http://{host}:{port}/") as refused:
            await client.send(post(FEE))
            assert b" 200 " in await client.head()
            assert await refused.rest() == b""


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="the system has no dual-stack sockets")
def test_that_an_address_is_bindable_is_checked_without_listening() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        check_bindable([("127.0.0.1", port)])  # maybe by the very proxy
        check_bindable([("::", port)])
        with pytest.raises(OSError, match="in use"):
            check_bindable([("127.0.0.1", port), ("127.0.0.1", port)])
    with pytest.raises(OSError, match="assign") as raised:
        check_bindable([("127.0.0.1", 0), ("192.0.2.1", 1)])
    assert raised.value.filename == "192.0.2.1:1"


def test_ipv6_and_ipv4_listeners_on_one_port_are_an_error_of_the_configuration() -> None:
    (fault,) = faults(LISTEN="[{host: '::', port: 1}, {host: 0.0.0.0, port: 1}]")
    assert fault.startswith("listen[1].port: ")


def loaded(**variables: str) -> Settings:
    """Settings of one node, with those variables after `XRPL_PROXY_`."""
    environ = {f"XRPL_PROXY_{name}": value for name, value in variables.items()}
    return load_settings(None, {"XRPL_PROXY_NODES": "[{name: a, http: 'http://a'}]", **environ})


def faults(**variables: str) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        loaded(**variables)
    return [str(fault) for fault in raised.value.problems]


def test_listeners_are_one_mapping_or_a_list_in_the_environment_too() -> None:
    assert [listen.port for listen in loaded().listeners] == [51233]
    assert [listen.port for listen in loaded(LISTEN__PORT="1").listeners] == [1]
    several = loaded(LISTEN__0__PORT="1", LISTEN__1__PORT="2", LISTEN__1__VERSIONS__MAX="1")
    assert [(listen.port, listen.versions.max) for listen in several.listeners] == [(1, None), (2, 1)]
    assert faults(LISTEN="[{}]", LISTEN__PORT="1") == [
        "XRPL_PROXY_LISTEN__PORT: expected the name of a list item, such as XRPL_PROXY_LISTEN__0"
    ]
    assert faults(LISTEN="{port: 1}", LISTEN__0__PORT="2") == [
        "XRPL_PROXY_LISTEN__0__PORT: names an item of a list, but listen is a mapping"
    ]


def test_all_problems_of_listeners_are_reported_together_each_with_its_place() -> None:
    said = faults(
        VERSIONS="{min: 1, max: 2}",
        LISTEN="[{port: 1, default_version: 2, versions: {max: 1}}, {port: 1, versions: {max: 3}}, {port: 9652}]",
    )
    assert [fault.partition(" (")[0] for fault in said[:3]] == [
        "listen[0].default_version: expected an API version that is supported here, 1 to 1, got 2",
        "listen[1].port: port 1 is already used by listen[0]",
        "listen[1].versions.max: expected an API version within versions, 1 to 2, got 3",
    ]
    assert faults(LISTEN="[{port: 1}, {port: 9652}]")[0].startswith(
        "observe.port: port 9652 is already used by listen[1].port"
    )
    assert faults(LISTEN="[{prot: 1}]")[0].startswith("listen[0].prot: unknown key; did you mean listen[0].port?")
    assert faults(LISTEN="[]")[0].startswith("listen: expected a mapping with the keys host,")
    assert faults(CORS__ORIGINS="['https://a.example/']")[0].startswith("cors.origins[0]: ")
