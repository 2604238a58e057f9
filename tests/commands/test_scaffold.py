"""`scaffold` drafts a step from a node that speaks both versions, goes on where it was, and checks existing steps."""

import asyncio
import json
import shutil
from collections import Counter
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from adapters import NodeRequest
from proxy.cli import main
from proxy.commands.api_client import ApiClient
from proxy.commands.scaffolding.exchanges import Recording, ask_all, exchanges_of
from proxy.commands.verification.node import RateLimitedNode
from tests.support.copied_tree import copy_tree, run_in
from tests.support.recorded import recorded_requests
from tests.support.start import StartNode

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
REQUESTS = [
    NodeRequest("account_info", {"account": ALICE, "signer_lists": True}),
    NodeRequest("account_info", {"account": ALICE}),
    NodeRequest("account_info", {"account": ALICE, "ledger_index": 77}),  # nobody recorded it
]


async def record(recording: Recording, url: str, requests: list[NodeRequest]) -> None:
    async with ApiClient(url) as server:
        async for _ in ask_all(recording, RateLimitedNode(server, 1000), None, requests, range(1, 4)):
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


CORE = ("account_info", "tx", "account_tx", "transaction_entry", "ledger_data", "streams")
MEASURE = """
import copy, json
from collections import Counter
from adapters import VERSIONS
from proxy.demo.recorded import read_streams
from tests.support.conformance import differences
from tests.support.native import Miss, RecordedNode, serve
from tests.support.recorded import is_fault, recorded_requests

asked, exact = Counter(), Counter()
nodes = {version: RecordedNode(version) for version in (1, 2)}
for client, node in ((1, 2), (2, 1)):
    for request in recorded_requests("public"):
        native = nodes[client].ask(request)
        if is_fault(request, native):
            continue
        asked[request.method] += 1
        try:
            exact[request.method] += not differences(
                native, serve(client, node, request.method, request.params, nodes[node].ask)
            )
        except (Miss, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            pass
streams = read_streams()
for group in ("streams", "accounts", "books"):
    for pair in zip(streams[f"{group}/1"]["messages"], streams[f"{group}/2"]["messages"], strict=True):
        for client, node in ((1, 2), (2, 1)):
            asked["streams"] += 1
            got = VERSIONS.stream_pipeline(client, node).rewrite(copy.deepcopy(pair[node - 1]))
            exact["streams"] += not differences(pair[client - 1], got)
print(json.dumps({method: [exact[method], asked[method]] for method in asked}))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("every", "share", "core"), [(1, 0.95, 0.95), (2, 0.9, 0.9)], ids=["all", "every-second"])
async def test_how_much_of_version_2_is_drafted(
    demo_node: StartNode, tmp_path: Path, every: int, share: float, core: float
) -> None:
    """Without its adapters, version 2 is drafted from a node that speaks both, and measured by every recording.

    A demo node answers only what was recorded, so that it is asked that, or every second of it, besides what `scaffold`
    asks any node. The draft is not edited.
    """
    copied = copy_tree(tmp_path / "tree")
    shutil.rmtree(copied / "adapters" / "v1_v2")
    requests = [request for request in recorded_requests("public") if request.method][::every]
    also = tmp_path / "requests.jsonl"
    also.write_bytes(b"\n".join(orjson.dumps({"method": each.method, "params": each.params}) for each in requests))
    node = await demo_node("all")
    command = ["-m", "proxy", "scaffold", "1", "2", "--node", node.http_url, "--websocket", node.websocket_url]
    command += ["--rate", "5000", "--listen", "3", "--also", str(also)]
    print(await asyncio.to_thread(run_in, copied, *command, seconds=300))  # noqa: T201 - what is measured
    await asyncio.to_thread(run_in, copied, "-m", "ruff", "check", "adapters/v1_v2")
    found = json.loads(await asyncio.to_thread(run_in, copied, "-c", MEASURE, seconds=240))
    exact, asked = (Counter({method: counts[side] for method, counts in found.items()}) for side in (0, 1))
    methods = [method for method in asked if method != "streams"]
    overall = sum(exact[method] for method in methods) / sum(asked[method] for method in methods)
    print(f"{overall:.1%} of all exchanges", *(f"{m}: {exact[m] / asked[m]:.1%}" for m in CORE), sep="\n")  # noqa: T201
    assert overall >= share
    for method in CORE:
        assert exact[method] >= core * asked[method], method
    report = (copied / "adapters" / "v1_v2" / "REPORT.md").read_text()
    assert "| `account_info` |" in report
    assert "Question: what serves a v1 client" in (copied / "adapters" / "v1_v2" / "tx_history.py").read_text()
