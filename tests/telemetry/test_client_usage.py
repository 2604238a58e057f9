"""Who still needs a version: `/clients` and the command of that name, and what is remembered of callers."""

import asyncio
import csv
import io
import sys
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.server.proxy import Proxy
from proxy.telemetry.client_usage import OTHERS, ClientIdentity, ClientUsage
from tests.conftest import StartNode, StartProxy, settings_for
from tests.support.client import ask

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
HOUR = 3600


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def remembering(hours: int = 24, most: int = 100) -> tuple[ClientUsage, Clock]:
    clock = Clock()
    return ClientUsage("full", hours, most, (), clock), clock


async def clients(proxy: Proxy, query: str = "") -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{proxy.observe_url}/clients{query}") as answer:
        assert answer.status == 200, await answer.text()
        told: dict[str, Any] = await answer.json()
        return told


async def use(proxy: Proxy, agent: str, version: int, *methods: str, **headers: str) -> None:
    """Asks over HTTP, as a client of that name."""
    async with aiohttp.ClientSession(headers={"User-Agent": agent, **headers}) as http:
        for method in methods:
            params = {"api_version": version, "account": ALICE, "secret": "sEdNotToBeSeen"}
            async with http.post(proxy.http_url, json={"method": method, "params": [params]}) as answer:
                await answer.read()


async def use_on_websocket(proxy: Proxy, agent: str, *requests: dict[str, Any]) -> None:
    async with aiohttp.ClientSession(headers={"User-Agent": agent}) as http, http.ws_connect(proxy.http_url) as socket:
        for number, request in enumerate(requests):
            await socket.send_json({"id": number, **request})
            await socket.receive_json(timeout=10)


def told_of(told: dict[str, Any], agent: str) -> dict[str, Any]:
    (found,) = (caller for caller in told["callers"] if caller["user_agent"] == agent)
    assert isinstance(found, dict)
    return found


async def test_clients_names_the_one_of_version_1_and_not_the_one_of_version_2(
    demo_node: StartNode, proxy: StartProxy
) -> None:
    served = await proxy(await demo_node(2), versions={"dry_run_refuse": [1]})
    await use(served, "old/1", 1, "account_info", "account_info", "fee")
    await use(served, "new/2", 2, "account_info", "tx")
    await use_on_websocket(served, "old/1", {"command": "tx", "transaction": "00"}, {"command": "fee"})
    await use(served, "refused/9", 9, "fee")

    told = await clients(served, "?version=1")
    assert [caller["user_agent"] for caller in told["callers"]] == ["old/1"]
    assert (told["keep"], told["hours"], told["evicted"]) == ("full", 24, 0)
    (caller,) = told["callers"]
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
    assert [version["version"] for version in told_of(everything, "new/2")["versions"]] == [2]
    assert not told_of(everything, "new/2")["versions"][0]["would_refuse"]
    refused = await clients(served, "?version=refused")
    assert [caller["user_agent"] for caller in refused["callers"]] == ["refused/9"]
    assert "sEdNotToBeSeen" not in str(everything)


async def test_a_wrong_filter_is_told(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2))
    async with aiohttp.ClientSession() as http, http.get(f"{served.observe_url}/clients?version=one") as answer:
        assert answer.status == 400
        assert "such as 1" in (await answer.json())["error"]


async def test_prefix_keeps_no_whole_address_and_off_keeps_nobody(demo_node: StartNode, proxy: StartProxy) -> None:
    node = await demo_node(2)
    trusting = {"trusted_proxies": ["127.0.0.0/8"]}
    served = await proxy(node, clients={"keep": "prefix"}, guard=trusting)
    await use(served, "four", 1, "fee", **{"X-Forwarded-For": "192.0.2.77"})
    await use(served, "six", 1, "fee", **{"X-Forwarded-For": "2001:db8:1:2:3:4:5:6"})
    told = await clients(served)
    assert told_of(told, "four")["address"] == "192.0.2.0/24"
    assert told_of(told, "six")["address"] == "2001:db8:1:2::/64"

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
    assert told_of(await clients(served), "named")["user"] == user


async def test_callers_outlive_a_reload(demo_node: StartNode, proxy: StartProxy) -> None:
    node = await demo_node(2)
    served = await proxy(node)
    await use(served, "old", 1, "fee")
    await served.reload(settings_for(node, limits={"depth": 20}))
    assert told_of(await clients(served), "old")
    await served.reload(settings_for(node, clients={"keep": "off"}))
    assert (await clients(served))["callers"] == []


def test_what_is_not_used_again_is_forgotten_after_the_hours() -> None:
    callers, clock = remembering(hours=2)
    callers.record(ClientIdentity("a"), "http", 1, "tx")
    clock.now += 1.5 * HOUR
    callers.record(ClientIdentity("a"), "http", 2, "fee")
    callers.record(ClientIdentity("b"), "http", 2, "fee")
    assert [seen.caller.address for seen in callers.recent()] == ["b", "a"]
    clock.now += HOUR
    assert [{use.version for use, _ in seen.uses_since(callers.oldest())} for seen in callers.recent()] == [{2}, {2}]
    clock.now += 1.1 * HOUR
    assert callers.recent() == []
    assert callers.evicted == 0


def test_the_longest_unseen_gives_way() -> None:
    callers, _ = remembering(most=2)
    for address in ("a", "b", "a", "c"):
        callers.record(ClientIdentity(address), "http", 1, "fee")
    assert [seen.caller.address for seen in callers.recent()] == ["c", "a"]
    assert callers.evicted == 1


def test_one_address_with_ever_new_names_pushes_nobody_out() -> None:
    callers, _ = remembering()
    callers.record(ClientIdentity("192.0.2.1", "old"), "http", 1, "tx")
    for number in range(500):
        callers.record(ClientIdentity("198.51.100.1", f"invented/{number}"), "http", 1, f"invented_{number}")
    seen = callers.recent()
    assert seen[-1].caller.agent == "old"
    assert len(seen) == 22
    (others,) = (one for one in seen if one.caller.agent == OTHERS)
    assert sum(use.requests for use in others.uses.values()) == 480


def test_one_ipv6_network_with_ever_new_addresses_pushes_nobody_out() -> None:
    callers, _ = remembering(most=50)
    callers.record(ClientIdentity("192.0.2.1", "old"), "http", 1, "tx")
    for number in range(500):
        callers.record(ClientIdentity(f"2001:db8:1:2::{number:x}", "new"), "http", 2, "tx")
    seen = callers.recent()
    assert callers.evicted == 0
    assert seen[-1].caller.agent == "old"
    assert seen[0].caller == ClientIdentity("2001:db8:1:2::/64", OTHERS)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.text(max_size=3), st.integers(0, 40)), max_size=200))
def test_never_more_than_allowed_and_counted_right(asked: list[tuple[str, str, int]]) -> None:
    callers, clock = remembering(hours=1, most=5)
    for address, agent, minutes in asked:
        clock.now += minutes * 60
        callers.record(ClientIdentity(address, agent), "ws", 1, "tx")
        seen = callers.recent()
        assert len(seen) <= 5
        assert (seen[0].caller.address, seen[0].caller.agent) == (address, agent)
        assert all(clock.now - use.last <= HOUR for one in seen for _, use in one.uses_since(callers.oldest()))


async def run_command(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy", "clients", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_command_prints_a_table_of_them(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2))
    await use(served, "old/1\u202e31m", 1, "account_info", "fee")
    await use(served, "new/2", 2, "tx")
    status, out, err = await run_command("--url", served.observe_url, "--version", "1")
    assert (status, err) == (0, "")
    assert out.splitlines()[0].split() == [
        *("address", "user", "agent", "user", "version", "requests", "last", "changed", "methods")
    ]
    assert "old/1?" in out
    assert "account_info 1" in out
    assert "new/2" not in out
    status, out, _ = await run_command("--url", served.observe_url, "--json")
    assert status == 0
    assert '"new/2"' in out


async def test_the_command_prints_csv_that_no_spreadsheet_takes_for_formulas(
    demo_node: StartNode, proxy: StartProxy
) -> None:
    served = await proxy(await demo_node(2), versions={"dry_run_refuse": [1]})
    await use(served, '=HYPERLINK("x"), old', 1, "account_info", "account_info", "tx", "fee")
    await use_on_websocket(served, "new/2", {"command": "fee", "api_version": 2})
    status, out, err = await run_command("--url", served.observe_url, "--csv")
    assert (status, err) == (0, "")
    new, old = csv.DictReader(io.StringIO(out, newline=""))
    assert old["user_agent"] == '\'=HYPERLINK("x"), old'
    assert (old["address"], old["user"], old["version"], old["would_refuse"]) == ("127.0.0.1", "", "1", "yes")
    assert (old["requests"], old["http_requests"], old["ws_requests"]) == ("4", "4", "0")
    assert old["changed_methods"] == "account_info 2; tx 1"
    assert old["first"] <= old["last"]
    assert (new["user_agent"], new["version"], new["ws_requests"]) == ("new/2", "2", "1")
    status, _, err = await run_command("--csv", "--json")
    assert status == 2
    assert "exclude" in err


async def test_the_command_says_where_nobody_answers(unused_tcp_port: int) -> None:
    status, _, err = await run_command("--url", f"http://127.0.0.1:{unused_tcp_port}")
    assert status == 3
    assert err.startswith("no response:")


async def test_the_command_says_what_is_no_observe_address(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2))
    await ask(served)
    status, _, err = await run_command("--url", served.http_url)
    assert status == 3
    assert "observe" in err
