"""Sunsetting versions: the notices to their clients, and that they are refused afterwards if so configured."""

from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson
import pytest

from proxy.demo import DemoNode
from proxy.server.proxy import Proxy
from proxy.versions.sunset import WARNING_ID, DeprecationNotices, Sunset
from tests.support.client import metric
from tests.support.start import StartNode, StartProxy, settings_for

ENDS = datetime(2027, 6, 30, tzinfo=UTC).timestamp()
GOING = {"version": 1, "date": "2027-06-30", "deprecated": "2026-12-01", "link": "https://example.com/v1"}


class Clock:
    """The time of day, as a test has it."""

    def __init__(self) -> None:
        self.now = ENDS - 1

    def __call__(self) -> float:
        return self.now


async def post(proxy: Proxy, body: Any) -> tuple[int, dict[str, str], bytes]:
    async with aiohttp.ClientSession() as http, http.post(proxy.http_url, json=body) as answer:
        return answer.status, dict(answer.headers), await answer.read()


def asked(version: int | None, method: str = "fee") -> dict[str, Any]:
    return {"method": method, "params": [{} if version is None else {"api_version": version}]}


async def on_websocket(proxy: Proxy, *requests: dict[str, Any]) -> list[bytes]:
    answers = []
    async with aiohttp.ClientSession() as http, http.ws_connect(proxy.http_url) as socket:
        for request in requests:
            await socket.send_json(request)
            answers.append((await socket.receive(timeout=10)).data.encode())
    return answers


async def test_responses_of_the_sunsetting_version_say_so_in_headers(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2), versions={"sunset": [GOING]})
    for body in (asked(1), asked(None), asked(1, "account_info"), asked(1, "version")):
        _, headers, _ = await post(served, body)
        assert headers["Deprecation"] == "@1796083200"
        assert headers["Sunset"] == "Wed, 30 Jun 2027 00:00:00 GMT"
        assert headers["Link"] == '<https://example.com/v1>; rel="sunset", <https://example.com/v1>; rel="deprecation"'
    for body in (asked(2), asked(9)):
        _, headers, _ = await post(served, body)
        assert not {"Deprecation", "Sunset", "Link"} & set(headers)


async def test_a_batch_says_so_when_one_of_its_items_is_of_that_version(
    demo_node: StartNode, proxy: StartProxy
) -> None:
    served = await proxy(await demo_node(2), versions={"sunset": [GOING]})
    mixed = [{"method": "fee", "api_version": 2}, {"method": "fee"}]
    _, headers, _ = await post(served, {"method": "batch", "params": mixed})
    assert "Sunset" in headers
    _, headers, _ = await post(served, {"method": "batch", "params": mixed[:1]})
    assert "Sunset" not in headers


async def test_without_a_deprecation_date_and_a_link_only_the_sunset_is_announced(
    demo_node: StartNode, proxy: StartProxy
) -> None:
    served = await proxy(await demo_node(2), versions={"sunset": [{"version": 1, "date": "2027-06-30"}]})
    _, headers, _ = await post(served, asked(1))
    assert "Sunset" in headers
    assert not {"Deprecation", "Link"} & set(headers)


async def test_websocket_answers_warn_and_are_the_same_but_for_that(demo_node: StartNode, proxy: StartProxy) -> None:
    node = await demo_node(2)
    plain, served = await proxy(node), await proxy(node, versions={"sunset": [GOING]})
    requests = [
        {"id": 1, "command": "account_info", "account": "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"},
        {"id": 2, "command": "fee"},
        {"id": 3, "command": "account_info", "account": "nobody"},
        {"id": 4, "command": "version"},
        {"id": 5, "command": "peers"},
    ]
    expected = [orjson.loads(answer) for answer in await on_websocket(plain, *requests)]
    for answer, without in zip(await on_websocket(served, *requests), expected, strict=True):
        reported = orjson.loads(answer)
        (warning,) = reported.pop("warnings")
        assert warning["id"] == WARNING_ID
        assert warning["message"] == (
            "API version 1 cannot be counted on from 2027-06-30 (UTC) on: use a later one. See https://example.com/v1"
        )
        assert reported == without
    (newer,) = await on_websocket(served, {"id": 1, "command": "fee", "api_version": 2})
    assert "warnings" not in orjson.loads(newer)


async def test_without_a_sunset_answers_are_the_same_byte_for_byte(demo_node: StartNode, proxy: StartProxy) -> None:
    node = await demo_node(2)
    plain = await proxy(node)
    other = await proxy(node, versions={"max": 3, "sunset": [{**GOING, "version": 3}], "dry_run_refuse": [1]})
    for body in (asked(1), asked(2), asked(1, "account_info")):
        first, second = await post(plain, body), await post(other, body)
        assert first[0::2] == second[0::2]
        assert first[1].keys() == second[1].keys()
    messages: list[dict[str, Any]] = [
        {"id": 1, "command": "fee"},
        {"id": 2, "command": "fee", "api_version": 2},
        {"command": "tx"},
    ]
    assert await on_websocket(plain, *messages) == await on_websocket(other, *messages)


def test_a_warning_joins_those_of_a_clio_and_passes_what_only_looks_like_some() -> None:
    notices = DeprecationNotices([Sunset(1, ENDS)])
    clios = {"id": 2001, "message": "This is a clio server."}
    reported = orjson.loads(
        notices.with_warning(1, orjson.dumps({"result": {"a": 1}, "warnings": [clios], "type": "response"}))
    )
    assert [warning["id"] for warning in reported["warnings"]] == [2001, WARNING_ID]
    inside = {"result": {"warnings": "mine"}, "type": "response"}
    reported = orjson.loads(notices.with_warning(1, orjson.dumps(inside)))
    assert reported.pop("warnings")[0]["id"] == WARNING_ID
    assert reported == inside
    assert notices.with_warning(2, b"{}") == b"{}"


@pytest.mark.parametrize("refuse", [True, False])
async def test_at_its_date_the_version_is_refused_if_so_configured(demo_node: StartNode, refuse: bool) -> None:
    node, clock = await demo_node(2), Clock()
    served = Proxy(settings_for(node, versions={"sunset": [{**GOING, "refuse": refuse}]}), clock)
    unsupported = Proxy(settings_for(node, versions={"min": 2}))
    await served.start()
    await unsupported.start()
    try:
        async with aiohttp.ClientSession() as http, http.ws_connect(served.http_url) as open_before:
            await open_before.send_json({"id": 1, "command": "fee"})
            assert "result" in await open_before.receive_json(timeout=10)
            assert (await post(served, asked(1)))[0] == 200

            clock.now = ENDS
            await open_before.send_json({"id": 2, "command": "fee"})
            answer = await open_before.receive_json(timeout=10)
        if not refuse:
            assert "result" in answer
            assert (await post(served, asked(1)))[0] == 200
            return
        assert answer["error"] == "invalid_API_version"
        for body in (asked(1), asked(None), asked(2, "version"), {"method": "batch", "params": [{"method": "fee"}]}):
            assert (await post(served, body))[0::2] == (await post(unsupported, body))[0::2]
        request = {"id": 3, "command": "fee", "api_version": 1}
        assert await on_websocket(served, request) == await on_websocket(unsupported, request)
        async with aiohttp.ClientSession() as http, http.get(f"{served.observe_url}/summary") as reported:
            assert (await reported.json())["versions"]["min"] == 2
        counted = await metric(served, "xrpl_proxy_version_refused_total")
        assert counted['{reason="below_minimum",transport="http"}'] == 3
    finally:
        await served.stop()
        await unsupported.stop()


async def test_a_dry_run_only_counts(demo_node: StartNode, proxy: StartProxy) -> None:
    node: DemoNode = await demo_node(2)
    served = await proxy(node, versions={"dry_run_refuse": [1]})
    for version in (1, 1, 2):
        status, _, _ = await post(served, asked(version))
        assert status == 200
    await on_websocket(served, {"id": 1, "command": "fee"})
    assert await metric(served, "xrpl_proxy_version_would_refuse_total") == {
        '{client_version="1",transport="http"}': 2,
        '{client_version="1",transport="ws"}': 1,
    }
