"""`scaffold` drafts a step from a node that speaks both versions, goes on where it was, and checks existing steps."""

import asyncio
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from adapters import JsonObject, NodeRequest
from adapters.v1_v2.account_info import AccountInfo
from proxy.cli import main
from proxy.commands.api_client import ApiClient
from proxy.commands.scaffolding.exchanges import (
    Recording,
    aligned,
    ask_all,
    exchanges_of,
    listen,
    pushed_pairs,
    with_values_of,
)
from proxy.commands.scaffolding.questions import Question
from proxy.commands.verification.node import RateLimitedNode
from proxy.envelope.methods import READING_METHODS
from tests.support.copied_tree import TREE, copy_tree, run_in
from tests.support.draft import Shares
from tests.support.imaginary import write_recordings
from tests.support.recorded import recorded_requests
from tests.support.start import StartNode

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
REQUESTS = [
    NodeRequest("account_info", {"account": ALICE, "signer_lists": True}),
    NodeRequest("account_info", {"account": ALICE}),
    NodeRequest("account_info", {"account": ALICE, "ledger_index": 77}),  # nobody recorded it
]


async def record(recording: Recording, url: str, requests: list[NodeRequest]) -> None:
    questions = [Question((request,)) for request in requests]
    async with ApiClient(url) as server:
        async for _ in ask_all(recording, RateLimitedNode(server, 1000), None, questions, range(1, 4)):
            pass


async def test_a_run_goes_on_where_it_was(demo_node: StartNode, tmp_path: Path) -> None:
    node = await demo_node("all")
    first = Recording(tmp_path)
    await record(first, node.http_url, REQUESTS[:1])
    with (tmp_path / "exchanges.jsonl").open("ab") as file:
        file.write(b'{"cut off')
    asked = node.asked["account_info"]
    second = Recording(tmp_path)
    second.read()
    await record(second, node.http_url, REQUESTS)
    # The second request, at three versions and once more at the first; what is not recorded is refused.
    assert node.asked["account_info"] - asked == 5
    assert second.refused == {"replayMiss": 1}
    second.finish({})
    finished = Recording(tmp_path)
    finished.read()
    exchanges = exchanges_of(finished.entries, 1, 2)
    assert [each.params for each in exchanges] == [request.params for request in REQUESTS[:2]]
    assert "signer_lists" in exchanges[0].older["account_data"]
    assert "signer_lists" in exchanges[0].newer
    assert finished.entries == second.entries


async def test_a_request_that_the_node_refuses_is_replaced(demo_node: StartNode) -> None:
    node = await demo_node("all")
    recording = Recording(None)
    question = Question([REQUESTS[2], REQUESTS[0], REQUESTS[1]], enough=1)  # nobody recorded the first
    async with ApiClient(node.http_url) as server:
        async for _ in ask_all(recording, RateLimitedNode(server, 1000), None, [question], range(1, 4)):
            pass
    assert [entry["params"] for entry in recording.entries] == [REQUESTS[0].params]


async def test_the_rate_is_of_both_transports(demo_node: StartNode, monkeypatch: pytest.MonkeyPatch) -> None:
    node = await demo_node("all")
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    async with ApiClient(node.http_url) as server, ApiClient(node.websocket_url) as socket:
        over_http = RateLimitedNode(server, 0.01)
        over_websocket = RateLimitedNode.at_pace_of(over_http, socket)
        monkeypatch.setattr(asyncio, "sleep", note)
        for each in (over_http, over_websocket, over_http):
            each.forget()
            await each.ask(REQUESTS[1], 2)
    assert pauses[0] == 0
    assert pauses[1] > 90
    assert pauses[2] > 190


async def test_streams_are_those_that_the_node_has(demo_node: StartNode) -> None:
    node = await demo_node("all", release="xrpld-3.3")  # has no validations
    streams = await listen(node.websocket_url, range(1, 4), 1.0)
    assert {"ledger", "transactions"} <= set(streams["streams/1"]["request"]["streams"])
    assert "validations" not in streams["streams/1"]["request"]["streams"]
    pairs = pushed_pairs(streams, 1, 2)
    assert {pair.older["type"] for pair in pairs} == {"ledgerClosed", "transaction"}
    assert all(pair.older["ledger_index"] == pair.newer["ledger_index"] for pair in pairs)


def test_messages_that_one_version_lacks_are_left_out() -> None:
    def stream(*ledgers: int) -> JsonObject:
        return {"messages": [{"type": "ledgerClosed", "ledger_hash": str(each)} for each in ledgers]}

    streams = aligned({"streams/1": stream(1, 2, 3, 2), "streams/2": stream(3, 2, 4)})
    assert streams == {"streams/1": stream(2, 3), "streams/2": stream(2, 3)}


def test_volatile_responses_are_compared_by_their_members() -> None:
    older = {"info": {"uptime": 5, "load": 1.5, "peers": [{"id": 1}], "seq": 7, "fee": "10"}}
    newer = {"info": {"uptime": 6, "load": 1.0, "peers": [{"id": 2}], "index": 7, "fee": 10}}
    wanted = {"info": {"uptime": 5, "load": 1.5, "peers": [{"id": 1}], "index": 7, "fee": 10}}
    assert with_values_of(older, newer) == wanted


async def test_exchanges_that_differ_each_time_are_no_test_data(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    for method, more in (("fee", {}), ("ledger", {"moving": True}), ("server_info", {"moving": True})):
        recording.add({"method": method, "params": {}, **more})
    recording.finish({})
    finished = Recording(tmp_path)
    finished.read()
    assert [entry["method"] for entry in finished.entries] == ["fee", "server_info"]  # a demo node needs the last


def test_a_step_written_by_hand_is_left_alone() -> None:
    ran = CliRunner().invoke(main, ["scaffold", "1", "2", "--node", "http://127.0.0.1:9"])
    assert ran.exit_code == 2
    assert "v1_v2 was written by hand" in ran.output


@pytest.mark.parametrize(("older", "newer", "words"), [("1", "3", "does not follow"), ("8", "9", "no adapters")])
def test_versions_that_make_no_sense(older: str, newer: str, words: str) -> None:
    ran = CliRunner().invoke(main, ["scaffold", older, newer, "--check", "--node", "http://127.0.0.1:9"])
    assert ran.exit_code == 2
    assert words in ran.output


def test_a_file_of_requests_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text('{"command": "fee"}\n')
    ran = CliRunner().invoke(main, ["scaffold", "1", "2", "--node", "http://127.0.0.1:9", "--also", str(path)])
    assert ran.exit_code == 2
    assert "expected a JSON object with method and params" in ran.output


async def test_a_node_that_has_not_both_versions(demo_node: StartNode) -> None:
    node = await demo_node(2)
    command = ["scaffold", "1", "2", "--check", "--node", node.http_url]
    ran = await asyncio.to_thread(CliRunner().invoke, main, command)
    assert ran.exit_code == 3
    assert "has API versions 2 to 2, not 1 and 2" in ran.output


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_adapters_there_are_are_confirmed(demo_node: StartNode) -> None:
    node = await demo_node("all")
    urls = ["--node", node.http_url, "--websocket", node.websocket_url]
    for older in (1, 2):
        command = ["scaffold", str(older), str(older + 1), "--check", *urls, "--rate", "5000", "--listen", "1"]
        ran = await asyncio.to_thread(CliRunner().invoke, main, command)
        assert ran.exit_code == 0, ran.output
        assert "rippled 2.6.1: 100.0% of" in ran.output


def _keep_signer_lists(self: AccountInfo, result: JsonObject, params: JsonObject) -> JsonObject:
    return result


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_what_is_not_confirmed_is_reported(demo_node: StartNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AccountInfo, "downgrade_result", _keep_signer_lists)
    node = await demo_node("all")
    command = ["scaffold", "1", "2", "--check", "--node", node.http_url, "--rate", "5000", "--ledgers", "5"]
    ran = await asyncio.to_thread(CliRunner().invoke, main, command)
    assert ran.exit_code == 1, ran.output
    (line,) = [line for line in ran.output.splitlines() if "are not as the node answers" in line]
    assert line.startswith("account_info: ")
    assert "v1 client on a v2 node: /account_data/signer_lists: natively [" in ran.output


CORE = ("account_info", "tx", "account_tx", "transaction_entry", "ledger_data", "streams")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("also", [False, True], ids=["own-requests", "and-all-recorded-ones"])
async def test_share_that_a_draft_of_version_2_translates(demo_node: StartNode, tmp_path: Path, also: bool) -> None:
    """Without its adapters, version 2 is drafted from a node with both versions, and measured by every recording.

    The draft is not edited. It makes its own requests only, or also those recorded.
    """
    copied = copy_tree(tmp_path / "tree")
    shutil.rmtree(copied / "adapters" / "v1_v2")
    node = await demo_node("all")
    command = ["-m", "proxy", "scaffold", "1", "2", "--node", node.http_url, "--websocket", node.websocket_url]
    command += ["--rate", "5000", "--listen", "3"]
    requests = [request for request in recorded_requests("public") if request.method] if also else []
    if also:
        lines = [orjson.dumps({"method": each.method, "params": each.params}) for each in requests]
        (tmp_path / "requests.jsonl").write_bytes(b"\n".join(lines))
        command += ["--also", str(tmp_path / "requests.jsonl")]
    print(await asyncio.to_thread(run_in, copied, *command, seconds=500))  # noqa: T201 - what is measured
    for check in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy", "--strict"]):
        await asyncio.to_thread(run_in, copied, "-m", *check, "adapters/v1_v2")
    measured = await asyncio.to_thread(run_in, copied, "-m", "tests.support.draft", "1", seconds=240)
    shares = Shares.from_json(measured)
    print(shares)  # noqa: T201 - what is measured
    assert shares.of() >= 0.95
    for method in CORE:
        assert shares.of(method) >= 0.95, method
    assert shares.of_unseen() >= 0.85
    only_reads = READING_METHODS | {"feature", "subscribe", "version"}
    assert set(node.asked) <= only_reads | {each.method for each in requests}
    report = (copied / "adapters" / "v1_v2" / "REPORT.md").read_text()
    assert "| `account_info` |" in report
    assert "Question: what serves a v1 client" in (copied / "adapters" / "v1_v2" / "tx_history.py").read_text()


NODE = """
import asyncio
from proxy.demo import DemoNode

async def main():
    async with DemoNode("all", release="v3_v4") as node:
        print(node.http_url, node.websocket_url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_draft_of_an_unknown_version_passes_the_tests_of_its_recordings(tmp_path: Path) -> None:
    """Version 4 is drafted from a node of which the tree knows nothing, and its folder tested unedited."""
    known, drafted = copy_tree(tmp_path / "known"), copy_tree(tmp_path / "drafted")
    shutil.copytree(TREE / "tests" / "data" / "v3_v4", known / "adapters" / "v3_v4")
    write_recordings(known / "adapters" / "v3_v4" / "recordings")
    environment = {**os.environ, "PYTHONPATH": str(known)}
    node = await asyncio.create_subprocess_exec(sys.executable, "-c", NODE, cwd=known, env=environment, stdout=PIPE)
    try:
        assert node.stdout is not None
        async with asyncio.timeout(60):
            http, websocket = (await node.stdout.readline()).decode().split()
        command = ["-m", "proxy", "scaffold", "3", "4", "--node", http, "--websocket", websocket]
        printed = await asyncio.to_thread(run_in, drafted, *command, "--rate", "5000", "--listen", "3", seconds=500)
    finally:
        node.kill()
        await node.communicate()
    assert "open questions: 1" in printed.splitlines()  # what the fee names the open ledger by cannot be derived
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance", "-k", "v3_v4 and not admin"]
    assert re.search(r"\d\d passed", await asyncio.to_thread(run_in, drafted, *command, seconds=500))
