"""Clients of a proxy with different names, and the list of them at its observe address."""

from typing import Any

import aiohttp

from proxy.server.proxy import Proxy

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"


async def clients(proxy: Proxy, query: str = "") -> dict[str, Any]:
    """What `/clients` responds."""
    async with aiohttp.ClientSession() as http, http.get(f"{proxy.observe_url}/clients{query}") as answer:
        assert answer.status == 200, await answer.text()
        response: dict[str, Any] = await answer.json()
        return response


async def use(proxy: Proxy, agent: str, version: int, *methods: str, **headers: str) -> None:
    """Requests each method over HTTP, as a client of that name."""
    async with aiohttp.ClientSession(headers={"User-Agent": agent, **headers}) as http:
        for method in methods:
            params = {"api_version": version, "account": ALICE, "secret": "sEdNotToBeSeen"}
            async with http.post(proxy.http_url, json={"method": method, "params": [params]}) as answer:
                await answer.read()


async def use_on_websocket(proxy: Proxy, agent: str, *requests: dict[str, Any]) -> None:
    """Sends the requests in one session, as a client of that name."""
    async with aiohttp.ClientSession(headers={"User-Agent": agent}) as http, http.ws_connect(proxy.http_url) as socket:
        for number, request in enumerate(requests):
            await socket.send_json({"id": number, **request})
            await socket.receive_json(timeout=10)


def usage_of(response: dict[str, Any], agent: str) -> dict[str, Any]:
    """The entry of the client of that name in a response of `/clients`."""
    (found,) = (caller for caller in response["callers"] if caller["user_agent"] == agent)
    assert isinstance(found, dict)
    return found


def caller(name: str, last: str, **versions: Any) -> dict[str, Any]:
    """An entry of `/clients`: requests by version, as `v1=3`."""
    return {
        "address": "192.0.2.1",
        "user_agent": name,
        "user": None,
        "versions": [
            {
                "version": int(version.removeprefix("v")),
                "would_refuse": False,
                "requests": count,
                "first": f"2026-11-21T08:00:0{count}Z",
                "last": last,
                "transports": {"http": count},
                "paths": {"/v2": count},
                "changed_methods": {"tx": count},
            }
            for version, count in versions.items()
        ],
    }
