"""Subscriptions take a bounded amount of memory, of one session and of all sessions of one address."""

import sys
import tracemalloc
from collections import Counter
from typing import Any

from adapters.node import UNKNOWN_NODE
from proxy.server.proxy import Proxy
from proxy.telemetry.metrics import Metrics
from proxy.websocket.streams.budget import SubscriptionBudget, SubscriptionLimits
from proxy.websocket.streams.subscriptions import Subscriptions
from tests.support.harness import Client, Harness
from tests.support.scripted_node import ScriptedSession
from tests.support.sessions import respond_to_all

SUBSCRIPTIONS = "xrpl_proxy_subscriptions"
REFUSED = "xrpl_proxy_refused_total"
LARGE = SubscriptionLimits(10**9, 10**9)


def books(first: int, count: int) -> list[dict[str, Any]]:
    """Books that no ledger has; a rippled confirms them all the same."""
    return [
        {
            "taker_gets": {"currency": f"{number % 4096:03X}", "issuer": f"rHb9CJAWyB4rj91VRWn96DkukG4bwd{number:05}"},
            "taker_pays": {"currency": "XRP"},
            "both": True,
        }
        for number in range(first, first + count)
    ]


async def address_client(harness: Harness, proxy: Proxy, address: str) -> Client:
    return await harness.client(proxy, headers={"X-Forwarded-For": address})


async def proxy_of(harness: Harness, **websocket: Any) -> Proxy:
    guard = {"trusted_proxies": ["127.0.0.0/8"]}
    node = await harness.node(respond_to_all)
    return await harness.proxy(node, websocket=websocket, guard=guard)


async def test_a_session_that_subscribes_to_50000_books(harness: Harness) -> None:
    """It is refused beyond the limit, which the error names; what it has stays, and others notice nothing."""
    proxy = await proxy_of(harness)
    client = await address_client(harness, proxy, "192.0.2.1")
    responses = [
        await client.request({"command": "subscribe", "books": books(1000 * number, 1000), "id": number})
        for number in range(27)
    ]
    errors = [response.get("error") for response in responses]
    held = errors.count(None)
    assert errors == [None] * held + ["tooBusy"] * (27 - held)
    assert 0 < held < 27
    assert "more than 4194304 bytes (websocket.subscription_bytes)" in responses[-1]["error_message"]
    assert await harness.metric(proxy, SUBSCRIPTIONS) == 2000 * held
    assert await harness.metric(proxy, REFUSED, reason="subscription_bytes") == 27 - held
    other = await address_client(harness, proxy, "192.0.2.2")
    for each in (client, other):
        assert (await each.request({"command": "subscribe", "accounts": ["r1"]}))["status"] == "success"


async def test_all_sessions_of_an_address_have_one_limit(harness: Harness) -> None:
    """What a session unsubscribes from, or had when it ended, counts no more."""
    limits = {"subscription_bytes": 10_000, "subscription_bytes_per_address": 8_000}
    proxy = await proxy_of(harness, **limits)
    first = await address_client(harness, proxy, "192.0.2.1")
    second = await address_client(harness, proxy, "192.0.2.1")
    fifty = {"command": "subscribe", "accounts": [f"rAccount{number}" for number in range(50)]}
    assert (await first.request(fifty))["status"] == "success"
    refused = await second.request(fifty)
    assert refused["error"] == "tooBusy"
    assert "more than 8000 bytes (websocket.subscription_bytes_per_address)" in refused["error_message"]
    other = await address_client(harness, proxy, "192.0.2.2")
    assert (await other.request(fifty))["status"] == "success"
    assert (await first.request({**fifty, "command": "unsubscribe"}))["status"] == "success"
    assert (await second.request(fifty))["status"] == "success"
    assert (await first.request(fifty))["error"] == "tooBusy"
    await second.socket.close()
    await harness.wait_metric(2, proxy, "xrpl_proxy_sessions_open")
    assert (await first.request(fifty))["status"] == "success"
    assert (await first.request(fifty))["status"] == "success"  # the same once more takes nothing


async def test_what_is_being_subscribed_to_counts(harness: Harness) -> None:
    """Many requests in flight do not get beyond the limit together; one that the node refuses takes nothing."""

    async def respond(session: ScriptedSession, asked: dict[str, Any]) -> None:
        await session.respond(asked, {"error": "actMalformed"} if "refused" in asked else {})

    node = await harness.node(respond)
    proxy = await harness.proxy(node, websocket={"subscription_bytes": 10_000})
    client = await harness.client(proxy)

    def fifty(number: int) -> dict[str, Any]:
        return {"command": "subscribe", "accounts": [f"rAccount{number}.{account}" for account in range(50)]}

    for number in range(10):
        assert (await client.request({**fifty(number), "refused": True}))["error"] == "actMalformed"
    await client.send(*(fifty(number) for number in range(10)))
    errors = [(await client.receive()).get("error") for _ in range(10)]
    assert sorted(error or "" for error in errors) == [""] + ["tooBusy"] * 9


async def test_sessions_that_are_closed_release_what_they_were_subscribing_to(harness: Harness) -> None:
    node = await harness.node()
    limits = {"subscription_bytes": 10_000, "subscription_bytes_per_address": 10_000}
    proxy = await harness.proxy(node, websocket=limits, limits={"exempt": []})
    fifty = {"command": "subscribe", "accounts": [f"rAccount{number}" for number in range(50)]}
    client = await harness.client(proxy)
    await client.send(fifty)
    await (await node.session()).wait_requests(1)
    await client.socket.close()
    await harness.wait_metric(0, proxy, "xrpl_proxy_sessions_open")
    node.respond = respond_to_all
    assert (await (await harness.client(proxy)).request(fifty))["status"] == "success"


def test_bytes_counted_are_bytes_taken() -> None:
    """Within a third: of books, which are long, and of accounts, which are short."""
    for params in ({"books": books(0, 20_000)}, {"accounts": [f"rHb9CJAWyB4rj91VRWn96Dkuk{n}" for n in range(40_000)]}):
        budget = SubscriptionBudget(LARGE, Counter(), "192.0.2.1")
        held = Subscriptions(Metrics("1"), 2, UNKNOWN_NODE, budget)
        tracemalloc.start()
        held.on_response("subscribe", params, 2, {})
        taken = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        shared = sum(map(sys.getsizeof, params.get("accounts", ())))  # the names are the request's own
        assert 0.67 < budget.used / (taken + shared) < 1.5, (budget.used, taken, shared)
        held.on_response("unsubscribe", params, 2, {})
        assert (budget.used, len(held)) == (0, 0)
