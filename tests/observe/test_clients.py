"""`/clients`: who still needs a version."""

import aiohttp
import pytest

from tests.support.start import StartNode, StartProxy, settings_for
from tests.support.usage import clients, usage_of, use, use_on_websocket


async def test_clients_names_the_one_of_version_1_and_not_the_one_of_version_2(
    demo_node: StartNode, proxy: StartProxy
) -> None:
    served = await proxy(await demo_node(2), versions={"dry_run_refuse": [1]})
    await use(served, "old/1", 1, "account_info", "account_info", "fee")
    await use(served, "new/2", 2, "account_info", "tx")
    await use_on_websocket(served, "old/1", {"command": "tx", "transaction": "00"}, {"command": "fee"})
    await use(served, "refused/9", 9, "fee")

    reported = await clients(served, "?version=1")
    assert [caller["user_agent"] for caller in reported["callers"]] == ["old/1"]
    assert (reported["keep"], reported["hours"], reported["evicted"]) == ("full", 24, 0)
    (caller,) = reported["callers"]
    assert (caller["address"], caller["user"]) == ("127.0.0.1", None)
    (version,) = caller["versions"]
    assert version.pop("first") <= version.pop("last")
    assert version == {
        "version": 1,
        "would_refuse": True,
        "requests": 5,
        "transports": {"http": 3, "ws": 2},
        "paths": {},
        "changed_methods": {"account_info": 2, "tx": 1},
    }
    everything = await clients(served)
    assert [version["version"] for version in usage_of(everything, "new/2")["versions"]] == [2]
    assert not usage_of(everything, "new/2")["versions"][0]["would_refuse"]
    refused = await clients(served, "?version=refused")
    assert [caller["user_agent"] for caller in refused["callers"]] == ["refused/9"]
    assert "sEdNotToBeSeen" not in str(everything)


async def test_a_wrong_filter_is_an_error(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2))
    async with aiohttp.ClientSession() as http, http.get(f"{served.observe_url}/clients?version=one") as answer:
        assert answer.status == 400
        assert "such as 1" in (await answer.json())["error"]


async def test_prefix_keeps_no_whole_address_and_off_keeps_no_client(demo_node: StartNode, proxy: StartProxy) -> None:
    node = await demo_node(2)
    trusting = {"trusted_proxies": ["127.0.0.0/8"]}
    served = await proxy(node, clients={"keep": "prefix"}, guard=trusting)
    await use(served, "four", 1, "fee", **{"X-Forwarded-For": "192.0.2.77"})
    await use(served, "six", 1, "fee", **{"X-Forwarded-For": "2001:db8:1:2:3:4:5:6"})
    reported = await clients(served)
    assert usage_of(reported, "four")["address"] == "192.0.2.0/24"
    assert usage_of(reported, "six")["address"] == "2001:db8:1:2::/64"

    served = await proxy(node, clients={"keep": "off"})
    await use(served, "old", 1, "fee")
    await use_on_websocket(served, "old", {"command": "fee"})
    assert (await clients(served)) == {"keep": "off", "hours": 24, "callers": [], "evicted": 0}


@pytest.mark.parametrize(("trusted", "user"), [(["127.0.0.1/32"], "alice"), (["10.0.0.0/8"], None)])
async def test_a_user_is_believed_from_a_trusted_proxy_only(
    demo_node: StartNode, proxy: StartProxy, trusted: list[str], user: str | None
) -> None:
    served = await proxy(await demo_node(2), guard={"trusted_proxies": trusted})
    await use(served, "named", 1, "fee", **{"X-User": "alice"})
    assert usage_of(await clients(served), "named")["user"] == user


async def test_callers_outlive_a_reload(demo_node: StartNode, proxy: StartProxy) -> None:
    node = await demo_node(2)
    served = await proxy(node)
    await use(served, "old", 1, "fee")
    await served.reload(settings_for(node, limits={"depth": 20}))
    assert usage_of(await clients(served), "old")
    await served.reload(settings_for(node, clients={"keep": "off"}))
    assert (await clients(served))["callers"] == []
