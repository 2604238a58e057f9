"""The HTTP endpoint, from a client's bytes to a node's and back: failures, envelopes, bounds, secrets, counts."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import aiohttp
import orjson
import pytest
import pytest_asyncio
import structlog
from aiohttp import web

from adapters.errors import ERRORS
from proxy.server.proxy import Proxy
from tests.support.client import ask, metric, until
from tests.support.scripted_node import Answer, Answering, ScriptedNode, answer_half, break_off, hang
from tests.support.start import StartNode, StartProxy

PAYMENT = "0768C0C8BB76AC3503B14FDC2BF361E2D17304F5AE0359516D68E3A4C51BED43"
SECRETS = {
    "secret": "sn-Topsecret-1",
    "seed": "sn-Topsecret-2",
    "seed_hex": "Topsecret-3",
    "passphrase": "Topsecret 4",
    "admin_password": "Topsecret-5",
}


@pytest_asyncio.fixture
async def node() -> AsyncIterator[ScriptedNode]:
    async with ScriptedNode() as node:
        yield node


async def send(proxy: Proxy, body: Any, **headers: str) -> tuple[int, bytes]:
    """The status and body of the answer to a POST of `body`: bytes, or what is to become JSON."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    async with aiohttp.ClientSession(headers=headers) as client, client.post(proxy.http_url, data=data) as answer:
        return answer.status, await answer.read()


def request(method: str, version: int | None = None, **params: Any) -> dict[str, Any]:
    return {"method": method, "params": [{**params, **({} if version is None else {"api_version": version})}]}


class TestNodesThatFail:
    FAULTS: ClassVar[dict[str, tuple[Answer | Answering, int, str]]] = {
        "slow": (hang, 504, "tooBusy"),
        "gone in the middle": (answer_half, 502, "internal"),
        "gone at once": (break_off, 502, "internal"),
        "no JSON": (web.Response(text="<html>"), 502, "internal"),
        "JSON of another kind": (web.Response(text='["result"]'), 502, "internal"),
        "no result": (web.Response(text="{}"), 502, "internal"),
        "empty": (web.Response(text=""), 502, "internal"),
        "behind a gateway that waits in vain": (web.Response(status=504, text="<html>Time-out"), 502, "internal"),
        "behind a gateway that fails": (web.Response(status=500, text="Internal Server Error"), 502, "internal"),
        "behind a firewall": (web.Response(status=403, text="\n<html>Forbidden"), 502, "internal"),
        "another service": (web.Response(status=404, text="Not Found"), 502, "internal"),
        "wants a password": (web.Response(status=401, text=""), 502, "internal"),
    }

    @pytest.mark.parametrize("version", [None, 1, 2])
    @pytest.mark.parametrize("fault", FAULTS)
    async def test_is_an_error_for_the_client(
        self, node: ScriptedNode, proxy: StartProxy, fault: str, version: int | None
    ) -> None:
        answer, status, token = self.FAULTS[fault]
        node.answers["account_lines"] = answer
        served = await proxy(nodes=[node.settings()], timeouts={"node_answer": 0.3})
        got, body = await send(served, request("account_lines", version, account="r", id=[1]))
        reported = orjson.loads(body)
        assert got == status
        assert reported["id"] == [1]
        assert reported["result"]["error"] == token
        assert reported["result"]["error_code"] == ERRORS[token].code
        assert reported["result"]["status"] == "error"
        assert reported["result"]["request"]["command"] == "account_lines"
        assert reported["result"]["request"].get("api_version") == version
        assert (await ask(served))["status"] == "success"  # the proxy lives on

    @pytest.mark.parametrize(("version", "token"), [(None, "noNetwork"), (1, "noNetwork"), (2, "notSynced")])
    async def test_a_node_that_is_down_is_reported_in_the_clients_version(
        self, node: ScriptedNode, proxy: StartProxy, version: int | None, token: str
    ) -> None:
        served = await proxy(nodes=[node.settings()])
        await node.stop()
        status, body = await send(served, request("fee", version))
        result = orjson.loads(body)["result"]
        assert (status, result["error"], result["error_code"]) == (503, token, ERRORS[token].code)
        assert "acted" not in result["error_message"]
        await node.start()

    async def test_failure_in_the_form_of_ripplerpc_2(self, node: ScriptedNode, proxy: StartProxy) -> None:
        node.answers["fee"] = hang
        served = await proxy(nodes=[node.settings()], timeouts={"node_answer": 0.2})
        status, body = await send(served, request("fee", 2, ripplerpc="2.0", id="x"))
        reported = orjson.loads(body)
        assert status == 504
        assert reported["id"] == "x"
        assert reported["error"]["error"] == "tooBusy"
        assert "result" not in reported

    @pytest.mark.parametrize(
        "fault",
        [hang, answer_half, break_off, web.Response(text="<html>"), web.Response(status=504, text="<html>")],
    )
    async def test_submit_is_sent_once_and_its_outcome_reported(
        self, node: ScriptedNode, proxy: StartProxy, fault: Answer | Answering
    ) -> None:
        node.answers["submit"] = fault
        served = await proxy(nodes=[node.settings()], timeouts={"node_answer": 0.3})
        await ask(served)  # a connection stays open from now on
        _, body = await send(served, request("submit", 2, tx_blob="12"))
        assert "not known whether the node acted" in orjson.loads(body)["result"]["error_message"]
        assert node.times("submit") == 1

    @pytest.mark.parametrize(("status", "text"), [(503, "Server is overloaded\r\n"), (403, "Forbidden\r\n")])
    @pytest.mark.parametrize("method", ["fee", "account_info"])
    async def test_a_line_of_text_passes(
        self, node: ScriptedNode, proxy: StartProxy, method: str, status: int, text: str
    ) -> None:
        node.answers[method] = web.Response(status=status, text=text)
        served = await proxy(nodes=[node.settings()])
        assert await send(served, request(method, 1)) == (status, text.encode())
        _, body = await send(served, {"method": "batch", "params": [{"method": method}]})
        assert orjson.loads(body)[0]["result"]["error_message"] == text.strip()

    @pytest.mark.parametrize("status", [503, 429])
    async def test_a_page_of_something_overloaded_is_rippleds_line(
        self, node: ScriptedNode, proxy: StartProxy, status: int
    ) -> None:
        node.answers["fee"] = web.Response(status=status, text="<html>Service Unavailable</html>")
        served = await proxy(nodes=[node.settings()])
        assert await send(served, request("fee", 2)) == (status, b"Server is overloaded\r\n")

    @pytest.mark.parametrize("version", [1, 2])
    @pytest.mark.parametrize(
        ("refusal", "token", "message"),
        [
            (web.Response(status=503, text="Server is overloaded\r\n"), "tooBusy", "Server is overloaded"),
            (web.json_response({"error": "tooBusy", "error_code": 9}, status=503), "tooBusy", None),
            (web.Response(status=429, text="<html>"), "slowDown", "Server is overloaded"),
            (web.Response(status=403, text="Forbidden\r\n"), "forbidden", "Forbidden"),
        ],
    )
    async def test_a_refusal_in_a_batch_is_its_error(
        self, node: ScriptedNode, proxy: StartProxy, refusal: Answer, token: str, message: str | None, version: int
    ) -> None:
        """Where there is no HTTP status of its own; the other items have their responses."""
        node.answers["fee"] = refusal
        served = await proxy(nodes=[node.settings()])
        items = [{"method": method, "api_version": version} for method in ("fee", "ledger_current")]
        status, body = await send(served, {"method": "batch", "params": items})
        refused, served_item = (item["result"] for item in orjson.loads(body))
        assert (status, refused["error"], refused["error_code"]) == (200, token, ERRORS[token].code)
        assert refused["error_message"] == (message or ERRORS[token].message)
        assert served_item["status"] == "success"

    @pytest.mark.parametrize("version", [1, 2])
    async def test_that_refuses_the_version_it_is_spoken_to_in(
        self, node: ScriptedNode, proxy: StartProxy, version: int
    ) -> None:
        served = await proxy(nodes=[node.settings()])
        node.versions = range(5, 6)
        for body in (request("fee", version), {"method": "batch", "params": [{"method": "fee"}]}):
            _, answer = await send(served, body)
            assert b"invalid_API_version" not in answer
            reported = orjson.loads(answer)
            result = (reported[0] if isinstance(reported, list) else reported)["result"]
            assert result["error"] in (
                "internal",
                "noNetwork" if isinstance(reported, list) or version == 1 else "notSynced",
            )


class TestEnvelopes:
    IDS = (
        *(b"null", b"true", b"0", b"-0", b"1.0", b"1e5", b"1E+05", b"0.1000", b'""', b'"\xc3\xa9"', b"[]", b"{}"),
        *(b"18446744073709551615", b"9007199254740993", b'{"b":[1,2.50],"a":null}', b'[ 1 , "x" ]', b'"\\u00e9\\/"'),
    )

    @pytest.mark.parametrize("written", IDS)
    @pytest.mark.parametrize("method", ["fee", "account_info"])  # one passes as bytes, one is taken apart
    async def test_an_id_comes_back_as_the_value_it_is(
        self, node: ScriptedNode, proxy: StartProxy, method: str, written: bytes
    ) -> None:
        served = await proxy(nodes=[node.settings()])
        body = b'{"method":"%s","params":[{"api_version":1,"id":%s}]}' % (method.encode(), written)
        status, answer = await send(served, body)
        assert status == 200
        assert orjson.dumps(orjson.loads(answer)["id"]) == orjson.dumps(orjson.loads(written))

    async def test_a_batch_is_answered_in_order_each_in_its_version(
        self, demo_node: StartNode, proxy: StartProxy
    ) -> None:
        served = await proxy(await demo_node(2))
        items = [
            {"method": "ledger", "ledger_index": 131, "id": 1},
            {"method": "ledger", "ledger_index": 131, "api_version": 2, "id": 2},
            {"method": "ledger", "ledger_index": 131, "params": [{"api_version": 2}], "id": 3},
            {"method": "fee", "api_version": 9, "id": 4},
            {"method": "stop", "id": 5},
            {"method": "version", "api_version": 2, "id": 6},
            5,
            {"method": "ledger", "ledger_index": 131, "api_version": 1, "id": 7},
        ]
        status, body = await send(served, {"method": "batch", "params": items})
        answers = orjson.loads(body)
        assert status == 200
        assert len(answers) == len(items)
        indexes = [answer.get("result", {}).get("ledger", {}).get("ledger_index") for answer in answers]
        assert indexes == ["131", 131, 131, None, None, None, None, "131"]
        assert [answer.get("id") for answer in answers[:3]] == [1, 2, 3]
        assert answers[3]["error"]["error"]["code"] == -32606
        assert answers[4]["error"]["error"]["message"] == "Forbidden"
        assert answers[5]["result"]["version"] == {"first": 1, "last": 2}
        assert "error" in answers[6]

    async def test_a_clients_request_is_echoed_not_the_proxys(self, node: ScriptedNode, proxy: StartProxy) -> None:
        node.answers["account_info"] = {"error": "actMalformed", "error_code": 35, "request": {"api_version": 2}}
        served = await proxy(nodes=[node.settings()])
        params: dict[str, Any] = {"account": "x", "signer_lists": "yes"}
        _, body = await send(served, request("account_info", **params))
        assert node.asked[-1][1]["signer_lists"] is True
        assert orjson.loads(body)["result"]["request"] == {**params, "command": "account_info"}

    async def test_the_load_balancers_check(self, node: ScriptedNode, proxy: StartProxy) -> None:
        served = await proxy(nodes=[node.settings()], timeouts={"health_interval": 0.1}, health={"failures": 1})
        async with aiohttp.ClientSession() as client:

            async def status(method: str = "GET") -> int:
                async with client.request(method, served.http_url) as answer:
                    return answer.status

            assert await status() == 200
            assert await status("HEAD") == 200
            assert await status("PUT") == 405
            await node.stop()

            async def turned_away() -> bool:
                return await status() == 503

            await until(turned_away)


class TestWhoAsks:
    async def headers_at_node(
        self, node: ScriptedNode, proxy: StartProxy, guard: dict[str, Any], headers: dict[str, str]
    ) -> dict[str, str]:
        seen: dict[str, str] = {}

        async def note(got: web.BaseRequest, _params: dict[str, Any]) -> Answer:
            seen.update({name.lower(): value for name, value in got.headers.items()})
            return {}

        node.answers["fee"] = note
        served = await proxy(nodes=[node.settings()], guard=guard)
        await send(served, request("fee", 2), **headers)
        return seen

    @pytest.mark.parametrize(
        "lie", [{"X-Forwarded-For": "8.8.8.8"}, {"X-Forwarded-For": "8.8.8.8, 127.0.0.1"}, {"Forwarded": "for=8.8.8.8"}]
    )
    async def test_an_untrusted_client_is_its_peer_address(
        self, node: ScriptedNode, proxy: StartProxy, lie: dict[str, str]
    ) -> None:
        seen = await self.headers_at_node(node, proxy, {}, lie)
        assert seen["x-forwarded-for"] == "127.0.0.1"
        assert "forwarded" not in seen

    @pytest.mark.parametrize(
        ("headers", "client"),
        [
            ({"X-Forwarded-For": "8.8.8.8"}, "8.8.8.8"),
            ({"X-Forwarded-For": "6.6.6.6, 8.8.8.8"}, "8.8.8.8"),
            ({"X-Forwarded-For": "8.8.8.8, 127.0.0.9"}, "8.8.8.8"),
            ({"Forwarded": "for=8.8.8.8"}, "8.8.8.8"),
            ({}, "127.0.0.1"),
        ],
    )
    async def test_a_trusted_proxy_names_the_client(
        self, node: ScriptedNode, proxy: StartProxy, headers: dict[str, str], client: str
    ) -> None:
        seen = await self.headers_at_node(node, proxy, {"trusted_proxies": ["127.0.0.0/8"]}, headers)
        assert seen["x-forwarded-for"] == client

    async def test_no_header_of_a_clients_reaches_a_node(self, node: ScriptedNode, proxy: StartProxy) -> None:
        mine = {
            "X-User": "root",
            "Authorization": "Basic eA==",
            "Cookie": "a=b",
            "X-Proxy-Token": "t",
            "User-Agent": "me",
        }
        seen = await self.headers_at_node(node, proxy, {"trusted_proxies": ["127.0.0.0/8"]}, mine)
        assert not {name.lower() for name in mine} & seen.keys()


class TestSecrets:
    @pytest.mark.parametrize("status", [200, 502])
    @pytest.mark.parametrize("version", [1, 2])
    async def test_reach_the_node_and_nothing_else(
        self, node: ScriptedNode, proxy: StartProxy, version: int, status: int
    ) -> None:
        node.answers["sign"] = answer_half if status == 502 else {"error": "badSecret", "error_code": 43}
        settings = {"logging": {"requests": "all", "level": "debug"}, "guard": {"allow_admin_credentials": True}}
        with structlog.testing.capture_logs() as lines:
            served = await proxy(nodes=[node.settings()], **settings)
            got, body = await send(served, request("sign", version, **SECRETS))
            item = {"method": "sign", "api_version": version, **SECRETS}
            _, items = await send(served, {"method": "batch", "params": [item]})
            await send(served, request("Topsecret", version))  # a method that is none is not logged by its name
            async with aiohttp.ClientSession() as client, client.get(f"{served.observe_url}/metrics") as answer:
                metrics = await answer.text()
        assert got == status
        asked = next(params for method, params in node.asked if method == "sign")
        assert {name: asked[name] for name in SECRETS} == SECRETS
        logged = repr(lines)
        assert "'method': 'sign'" in logged
        for text in (logged, metrics, body.decode(), items.decode()):
            assert "Topsecret" not in text
            assert "Topsecret".lower() not in text
        assert b'"secret":"<masked>"' in body

    async def test_of_a_malformed_request_are_not_quoted(self, node: ScriptedNode, proxy: StartProxy) -> None:
        with structlog.testing.capture_logs() as lines:
            served = await proxy(nodes=[node.settings()], logging={"requests": "all", "level": "debug"})
            for body in (
                b'{"method":"sign","params":[{"secret":"Topsecret"}',
                b'{"method":"sign","params":[{"secret":"Topsecret","secret":"Topsecret"}]}',
                b'{"method":"sign","params":[{"api_version":"Topsecret Topsecret","secret":"Topsecret"}]}',
                b'{"method":"sign","params":"Topsecret"}',
            ):
                status, answer = await send(served, body)
                assert status == 400
                assert b"Topsecret" not in answer
        assert "Topsecret" not in repr(lines)


class TestBounds:
    async def test_in_flight(self, node: ScriptedNode, proxy: StartProxy) -> None:
        node.answers["fee"] = hang
        served = await proxy(nodes=[node.settings()], limits={"in_flight": 2}, timeouts={"node_answer": 0.5})
        waiting = [asyncio.create_task(send(served, request("fee", 2))) for _ in range(2)]
        await node.until(lambda: node.times("fee") == 2)
        assert await metric(served, "xrpl_proxy_in_flight_requests") == {"": 2}
        assert await send(served, request("ledger", 2)) == (503, b"Server is overloaded\r\n")
        assert [status for status, _ in await asyncio.gather(*waiting)] == [504, 504]
        assert (await send(served, request("ledger", 2)))[0] == 200
        assert await metric(served, "xrpl_proxy_refused_total") == {'{reason="in_flight"}': 1}
        assert await metric(served, "xrpl_proxy_in_flight_requests") == {"": 0}

    @pytest.mark.parametrize(
        ("limits", "named"),
        [
            ({"max_subrequests": 3}, "limits.max_subrequests"),
            ({"max_subrequest_bytes": 50}, "limits.max_subrequest_bytes"),
        ],
    )
    async def test_subrequests_for_one_request(
        self, demo_node: StartNode, proxy: StartProxy, limits: dict[str, int], named: str
    ) -> None:
        node = await demo_node(2)
        served = await proxy(node, limits=limits)
        result = await ask(served, "tx_history", 1, start=0)
        assert result["error"] == "tooBusy"
        assert named in result["error_message"]
        assert str(*limits.values()) in result["error_message"]
        assert node.asked["ledger"] <= 3

    async def test_time_for_one_request_of_many_subrequests(self, node: ScriptedNode, proxy: StartProxy) -> None:
        slowness = 0.2

        async def slowly(_: web.BaseRequest, params: dict[str, Any]) -> Answer:
            await asyncio.sleep(slowness)
            return {"ledger": {"transactions": []}, "ledger_index": 1000}

        node.answers["ledger"] = slowly
        served = await proxy(nodes=[node.settings()], timeouts={"request": 0.7, "node_answer": 0.6})
        began = asyncio.get_running_loop().time()
        status, _ = await send(served, request("tx_history", start=0))
        assert status == 504
        assert asyncio.get_running_loop().time() - began < 1.5

    async def test_headers_of_validated_ledgers_are_requested_once(
        self, demo_node: StartNode, proxy: StartProxy
    ) -> None:
        node = await demo_node(1)
        served = await proxy(node)
        first = await ask(served, "tx", 2, transaction=PAYMENT)
        assert len(first["ledger_hash"]) == 64
        assert node.asked["ledger"] == 1
        assert await ask(served, "tx", 2, transaction=PAYMENT) == first
        await ask(served, "transaction_entry", 2, tx_hash=PAYMENT, ledger_index=57)
        assert node.asked["ledger"] == 1

    async def test_headers_of_other_ledgers_are_requested_each_time(
        self, node: ScriptedNode, proxy: StartProxy
    ) -> None:
        node.versions = range(1, 2)
        node.answers["tx"] = {"TransactionType": "AccountSet", "hash": "T", "ledger_index": 7, "inLedger": 7}
        header = {"ledger": {"closed": True, "ledger_data": "00" * 118}, "ledger_hash": "H", "validated": False}
        node.answers["ledger"] = header
        served = await proxy(nodes=[node.settings()])
        for times in (1, 2):
            assert (await ask(served, "tx", 2, transaction=PAYMENT))["ledger_hash"] == "H"
            assert node.times("ledger") == times

    async def test_an_answer_of_another_shape_than_its_versions(self, node: ScriptedNode, proxy: StartProxy) -> None:
        node.versions = range(1, 2)
        node.answers["tx"] = {"TransactionType": "AccountSet", "hash": "T", "ledger_index": 7, "validated": True}
        node.answers["ledger"] = {"ledger": {"closed": True, "ledger_data": "not hex"}, "ledger_hash": "H"}
        served = await proxy(nodes=[node.settings()])
        status, body = await send(served, request("tx", 2, transaction=PAYMENT))
        assert (status, orjson.loads(body)["result"]["error"]) == (502, "internal")


async def test_requests_are_counted_under_their_labels(node: ScriptedNode, proxy: StartProxy) -> None:
    node.answers["account_info"] = {"error": "actNotFound", "error_code": 19}
    node.answers["account_lines"] = answer_half
    served = await proxy(nodes=[node.settings()])
    for body in (
        request("fee"),
        request("fee", 2),
        request("account_info", 1, account="r"),
        request("account_lines", 2),
        request("invented", 2),
        request("stop", 2),
        request("fee", 7),
        request("fee", "2"),  # type: ignore[arg-type]
        {"method": "batch", "params": [{"method": "fee"}, {"method": "fee", "api_version": 2}]},
        b"no JSON",
    ):
        await send(served, body)
    counted = {
        tuple(part.split('"')[1] for part in labels.strip("{}").split(",")): value
        for labels, value in (await metric(served, "xrpl_proxy_requests_total")).items()
    }
    assert {labels: value for labels, value in counted.items() if labels[3] != "refused"} == {
        # client's version, method, node's version, outcome, transport
        ("1", "fee", "2", "success", "http"): 2,
        ("2", "fee", "2", "success", "http"): 2,
        ("1", "account_info", "2", "error", "http"): 1,
        ("2", "account_lines", "2", "failed", "http"): 1,
        ("2", "other", "2", "success", "http"): 1,
    }
    assert sum(value for labels, value in counted.items() if labels[3] == "refused") == 4
    refused = await metric(served, "xrpl_proxy_version_refused_total")
    assert refused == {
        '{reason="above_maximum",transport="http"}': 1,
        '{reason="not_an_integer",transport="http"}': 1,
    }
    translated = await metric(served, "xrpl_proxy_translation_duration_seconds_count")
    assert translated == {
        '{client_version="1",method="account_info",node_version="2"}': 1,
        '{client_version="1",method="fee",node_version="2"}': 1,  # in the batch; alone it passed as bytes
    }
