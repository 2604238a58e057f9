"""`verify` finds nothing wrong with adapters that are right, and finds what is wrong with those that are not."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
from aiohttp import web

from adapters import VERSIONS, JsonObject, NodeRequest
from adapters.v1_v2.account_info import AccountInfo
from adapters.v1_v2.tx import Tx
from proxy.commands.api_client import ApiClient
from proxy.commands.verification.answers import AnswerComparison
from proxy.commands.verification.comparison import differences
from proxy.commands.verification.node import NodeLost, NotAsked, RateLimitedNode
from tests.support.commands import Run
from tests.support.scripted_node import Answer, ScriptedNode
from tests.support.start import StartNode

FAST = ("--rate", 100_000)


async def test_a_node_of_all_versions_agrees_with_the_adapters(demo_node: StartNode, run: Run, tmp_path: Path) -> None:
    node = await demo_node("all")
    files = ("--json", tmp_path / "report.json", "--junit", tmp_path / "report.xml")
    over = ("--node", node.http_url, "--websocket", node.websocket_url, "--listen", 1)
    ran = await run("verify", *over, *FAST, "--ledgers", 130, *files)
    assert ran.status == 0, ran.out + ran.err
    report = orjson.loads((tmp_path / "report.json").read_bytes())
    assert report["different"] == 0
    assert report["ledger_index"] == 131
    same: dict[str, int] = {}
    for row in report["methods"]:
        same[row["method"]] = same.get(row["method"], 0) + row["same"]
        assert row["direction"] in {f"v{a} on v{b}" for a in report["versions"] for b in report["versions"] if a != b}
    # Signing needs secrets, peers and ledger_request an administrator, nft_history a Clio.
    not_compared = {
        "sign",
        "sign_for",
        "submit",
        "submit_multisigned",
        "channel_authorize",
        "peers",
        "ledger_request",
        "mptoken_issuance_history",
        "nft_history",
    }
    assert all(same[method] for method in VERSIONS.changed_methods() - not_compared)
    assert all(same[f"pushed {kind}"] >= 50 for kind in ("transaction", "ledgerClosed"))
    assert same["account_info"] > 100
    assert same["account_tx"] > 50
    assert f"0 different, {report['not_compared']} not compared" in ran.out
    # What can be asked of a rippled has been.
    assert report["coverage"]["percent"] == 100.0
    assert {each["method"] for each in report["coverage"]["not_compared"]} == not_compared & VERSIONS.changed_methods()
    assert "not compared at all: ledger_request, peers: for administrators only" in ran.out
    assert re.search(r"^\d+ not compared: replayMiss: ", ran.out, re.MULTILINE)
    suites = ElementTree.parse(tmp_path / "report.xml").getroot()
    counted = {name: sum(int(suite.attrib[name]) for suite in suites) for name in ("tests", "failures", "skipped")}
    assert counted["failures"] == 0
    assert counted["tests"] == len(suites.findall("*/testcase"))
    assert counted["skipped"] == report["not_compared"]


async def test_too_little_coverage_is_no_success(demo_node: StartNode, run: Run) -> None:
    node = await demo_node("all")
    words = ("verify", "--node", node.http_url, *FAST, "--ledgers", 1)
    ran = await run(*words, "--min-coverage", 100)
    assert ran.status == 4, ran.out
    assert re.search(r"the coverage of \d+\.\d % is below --min-coverage 100", ran.err)
    (line,) = re.findall(r"^coverage: (\d+) of the (\d+) methods .* (\d+) %$", ran.out, re.MULTILINE)
    compared, possible, percent = map(int, line)
    assert 0 < compared < possible
    assert round(100 * compared / possible) == percent
    assert "the searched ledgers have no sample for it" in ran.out
    assert (await run(*words, "--min-coverage", percent - 1)).status == 0


def _without_signer_lists(self: AccountInfo, result: JsonObject, params: JsonObject) -> JsonObject:
    result.pop("signer_lists", None)
    return result


def _not_this_shape(self: Tx, result: JsonObject, params: JsonObject) -> JsonObject:
    raise KeyError("tx_json")


@pytest.mark.slow
async def test_adapters_broken_on_purpose_are_found(
    demo_node: StartNode, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AccountInfo, "downgrade_result", _without_signer_lists)
    monkeypatch.setattr(Tx, "downgrade_result", _not_this_shape)
    node = await demo_node("all")
    words = [
        "verify",
        "--node",
        node.http_url,
        *FAST,
        "--ledgers",
        10,
        "--json",
        tmp_path / "r",
        "--junit",
        tmp_path / "x",
    ]
    ran = await run(*words)
    assert ran.status == 1
    differing = orjson.loads((tmp_path / "r").read_bytes())["differences"]
    assert {(entry["method"], entry["client"]) for entry in differing} >= {("account_info", 1), ("tx", 1)}
    assert not any(entry["client"] == 2 and entry["node"] == 1 for entry in differing)
    assert "/account_data/signer_lists: natively [" in ran.out
    assert "the adapter cannot read the node's response" in ran.out
    failures = ElementTree.parse(tmp_path / "x").getroot().findall("*/testcase/failure")
    assert len(failures) == len(differing)
    again = await run(*words, "--ignore", "signer_lists")
    assert "account_info over HTTP" not in again.out


async def test_a_named_account_is_requested(demo_node: StartNode, run: Run, tmp_path: Path) -> None:
    node = await demo_node("all")
    words = ["--node", node.http_url, *FAST, "--ledgers", 1, "--account", "rfVeBw4RWgcRet8TUpKoEHjLHKghQBcFEC"]
    ran = await run("verify", *words)
    assert ran.status == 0
    asked = [orjson.loads(seen.body) for seen in node.seen if b"rfVeBw4RWgcRet8TUpKoEHjLHKghQBcFEC" in seen.body]
    assert asked


async def test_a_node_of_one_version_cannot_be_verified(demo_node: StartNode, run: Run) -> None:
    for version in (1, 2):
        node = await demo_node(version)
        ran = await run("verify", "--node", node.http_url)
        assert ran.status == 3


async def test_an_absent_node_is_reported(run: Run, unused_tcp_port: int) -> None:
    ran = await run("verify", "--node", f"http://127.0.0.1:{unused_tcp_port}")
    assert (ran.status, ran.out) == (3, "")
    assert "connection refused" in ran.err


async def test_the_node_is_queried_no_faster_than_allowed(demo_node: StartNode) -> None:
    node = await demo_node("all")
    async with ApiClient(node.http_url) as server:
        paced = RateLimitedNode(server, rate=20)
        began = time.monotonic()
        for _ in range(5):
            await paced.ask(NodeRequest("fee", {}), 1)
            paced.forget()
        assert time.monotonic() - began >= 4 / 20
        assert node.asked["fee"] == 5


async def test_one_comparison_sends_the_same_request_once(demo_node: StartNode) -> None:
    node = await demo_node("all")
    async with ApiClient(node.http_url) as server:
        paced = RateLimitedNode(server, rate=1000)
        one, other = [(await paced.ask(NodeRequest("fee", {}), 1)).result for _ in range(2)]
        one["drops"] = None
        assert other["drops"] is not None
        assert node.asked["fee"] == 1


async def test_a_busy_node_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.commands.verification.node._BUSY_PAUSES", (0.2, 0.2))
    answers: list[Answer] = [
        web.Response(status=503, text="Server is overloaded"),
        {"error": "slowDown"},
        {"ok": 1},
    ]

    async def next_answer(*_: Any) -> Answer:
        return answers.pop(0)

    async with ScriptedNode(versions=range(1, 2), fee=next_answer) as node, ApiClient(node.http_url) as server:
        paced = RateLimitedNode(server, rate=1000)
        began = time.monotonic()
        assert (await paced.ask(NodeRequest("fee", {}), 1)).result == {"ok": 1}
        assert time.monotonic() - began >= 0.4


async def test_a_method_that_the_node_has_in_no_version_is_not_compared() -> None:
    """The adapters would make an answer to v1's `tx_history` of a Clio's ledgers, which that never gave natively."""
    node = ScriptedNode(versions=range(1, 4), tx_history={"error": "unknownCmd", "error_code": 32})
    async with node, ApiClient(node.http_url) as server:
        comparison = AnswerComparison(RateLimitedNode(server, rate=1000), VERSIONS, (1, 2))
        outcomes = [outcome async for outcome in comparison.outcomes(NodeRequest("tx_history", {"start": 0}))]
    assert [outcome.verdict for outcome in outcomes] == ["not compared", "not compared"]


async def test_a_node_that_stays_away_ends_it(demo_node: StartNode) -> None:
    node = await demo_node("all")
    async with ApiClient(node.http_url) as server:
        paced = RateLimitedNode(server, rate=1000)
        await paced.ask(NodeRequest("fee", {}), 1)
        await node.stop()
        with pytest.raises(NotAsked):
            await paced.ask(NodeRequest("fee", {}), 2)
        with pytest.raises(NodeLost):
            await paced.ask(NodeRequest("fee", {}), 2)
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("native", "got", "found"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, ()),
        ({"a": 1}, {"a": 1.0}, ("/a: natively 1, translated 1.0",)),
        ({"a": 1}, {"a": True}, ("/a: natively 1, translated true",)),
        ({"a": 1}, {}, ("/a: natively 1, translated absent",)),
        ({}, {"a": None}, ("/a: natively absent, translated null",)),
        ({"a": [1, 2]}, {"a": [1]}, ("/a: natively 2 items, translated 1 items",)),
        ({"random": "A", "n": {"random": "B"}}, {"random": "C", "n": {"random": "D"}}, ()),
        ({"random": "A"}, {}, ('/random: natively "A", translated absent',)),
        ({"random": "A"}, {"random": 1}, ('/random: natively "A", translated 1',)),
        ({"skipped": 1}, {"skipped": 2}, ()),
        ({"skipped": 1}, {}, ()),
    ],
)
def test_results_are_compared_field_for_field(native: JsonObject, got: JsonObject, found: tuple[str, ...]) -> None:
    assert differences(native, got, NodeRequest("tx", {}), frozenset({"skipped"})) == found


def test_differences_are_bounded() -> None:
    lines = differences({"a": ["x" * 1000] * 500}, {"a": ["y"] * 500}, NodeRequest("tx", {}), frozenset())
    assert len(lines) == 20
    assert all(len(line) < 300 for line in lines)
