"""The demo node's pages of `account_tx` that nobody recorded are cut as the real rippled cut those that were."""

from typing import Any

import orjson
import pytest

from proxy.demo.paging import page, whole_history
from proxy.demo.recorded import question, read_lines
from tests.support.conformance import client_session
from tests.support.start import StartNode

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"


def recorded_results(version: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The parameters and results of all `account_tx` that gave transactions."""
    found = []
    for entry in (*read_lines("exchanges.jsonl.xz"), *read_lines("support.jsonl.xz")):
        body = entry["http"][version]["body"]
        if entry["method"] == "account_tx" and isinstance(body, dict) and "transactions" in body["result"]:
            found.append((entry["params"], body["result"]))
    return found


@pytest.mark.parametrize("version", ["1", "2"])
def test_cuts_as_recorded(version: str) -> None:
    recorded = recorded_results(version)
    wholes = {question("account_tx", params): result for params, result in recorded}
    compared = with_marker = 0
    for params, result in recorded:
        history = whole_history(params)
        if history is not None and (whole := wholes.get(question("account_tx", history))) is not None:
            assert page(whole, params) == result, params
            compared += 1
            with_marker += "marker" in params
    assert compared > 20
    assert with_marker


@pytest.mark.parametrize("version", [1, 2])
async def test_pages_join_to_the_whole(demo_node: StartNode, version: int) -> None:
    node = await demo_node(version)
    pages: list[dict[str, Any]] = []
    marker: dict[str, Any] = {}
    async with client_session() as session:

        async def ask(**params: Any) -> dict[str, Any]:
            asked = {"account": ALICE, "api_version": version, **params}
            async with session.post(node.http_url, json={"method": "account_tx", "params": [asked]}) as response:
                result: dict[str, Any] = orjson.loads(await response.read())["result"]
                return result

        whole = await ask(limit=60)
        while not pages or marker:
            pages.append(await ask(limit=7, binary=False, **marker))
            marker = {"marker": pages[-1]["marker"]} if "marker" in pages[-1] else {}
        assert await ask(ledger_index_min=-1, ledger_index_max=-1, limit=7) == pages[0]
        newest = await ask(ledger_index_max=-1, limit=1)
    assert len(pages) == 5
    assert [transaction for one in pages for transaction in one["transactions"]] == whole["transactions"]
    assert newest["transactions"] == whole["transactions"][:1]


@pytest.mark.parametrize("params", [{"marker": {"ledger": 1, "seq": 0}}, {"marker": "x"}, {"ledger_index_max": 77}])
async def test_cuts_nothing_else(demo_node: StartNode, params: dict[str, Any]) -> None:
    node = await demo_node(1)
    asked = {"account": ALICE, "limit": 5, **params}
    request = {"method": "account_tx", "params": [asked]}
    async with client_session() as session, session.post(node.http_url, json=request) as response:
        assert response.status == 500
    assert node.misses == [{"method": "account_tx", "params": asked}]
