"""How a page of `account_tx` of a v1 node is completed for v2: few requests, at the same time, and none twice."""

import asyncio
import copy
import struct
from typing import Any

from adapters import VERSIONS, NodeRequest
from proxy.nodes import NodeFailure
from proxy.versions.translator import NodeAnswer, SubrequestBudget, Translator
from tests.support.garbage import no_garbage_collector

LEDGERS = [101, 102, 103, 104, 105]
PAGE = {
    "account": "rhYXAoHXvKTvD6TptHJXxvB6p6zyS2w6Kc",
    "transactions": [
        {"meta": {}, "tx": {"TransactionType": "AccountSet", "ledger_index": index, "hash": f"{number:064X}"}}
        for number, index in enumerate(LEDGERS * 4)
    ],
}
CONCURRENCY = 4


class V1Node:
    """Answers a page, and the header of any ledger once `together` requests wait for headers."""

    def __init__(self, together: int) -> None:
        self.looked_up: list[int] = []
        self.most_in_flight = 0
        self._together = together
        self._waiting = 0
        self._all_wait = asyncio.Event()

    async def ask(self, request: NodeRequest) -> NodeAnswer:
        if request.method == "account_tx":
            return NodeAnswer(copy.deepcopy(PAGE), {}, 9)
        index = request.params["ledger_index"]
        self.looked_up.append(index)
        self._waiting += 1
        self.most_in_flight = max(self.most_in_flight, self._waiting)
        if self._waiting == self._together:
            self._all_wait.set()
        await self._all_wait.wait()
        self._waiting -= 1
        header = struct.pack(">IQ32s32s32sIIBB", index, 0, b"", b"", b"", 0, 1000 + index, 10, 0).hex()
        result = {"ledger": {"ledger_data": header}, "ledger_hash": f"{index:064X}", "validated": True}
        return NodeAnswer(result, {}, 9)


def make_translator() -> Translator:
    return Translator(max_subrequests=100, max_subrequest_bytes=10**6, cache_size=100, concurrency=CONCURRENCY)


async def page(translator: Translator, node: V1Node, budget: SubrequestBudget | None = None) -> list[dict[str, Any]]:
    conversation = VERSIONS.pipeline(2, 1, "account_tx").converse({"account": PAGE["account"]})
    async with asyncio.timeout(5):
        translated = await translator.converse(conversation, 1, node.ask, budget=budget)
    entries: list[dict[str, Any]] = translated.result["transactions"]
    return entries


async def test_each_ledger_is_looked_up_once_and_a_few_at_the_same_time() -> None:
    node = V1Node(together=CONCURRENCY)
    entries = await page(make_translator(), node)
    assert sorted(node.looked_up) == LEDGERS
    assert node.most_in_flight == CONCURRENCY
    assert [entry["ledger_hash"] for entry in entries] == [f"{index:064X}" for index in LEDGERS * 4]


async def test_no_ledger_is_looked_up_for_a_second_page() -> None:
    translator = make_translator()
    first = await page(translator, V1Node(together=CONCURRENCY))
    node = V1Node(together=1)
    assert await page(translator, node) == first
    assert node.looked_up == []


async def test_a_client_does_not_pay_for_what_is_cached() -> None:
    translator = make_translator()
    await page(translator, V1Node(together=CONCURRENCY))
    entries = await page(translator, V1Node(together=1), translator.budget(lambda: False))
    assert len(entries) == len(LEDGERS) * 4


async def test_lookups_that_fail_do_not_wait_for_the_garbage_collector() -> None:
    """Python looks for cycles so seldom in the proxy that the whole page would be there meanwhile."""

    async def ask(request: NodeRequest) -> NodeAnswer:
        if request.method == "account_tx":
            return NodeAnswer(copy.deepcopy(PAGE), {}, 9)
        raise NodeFailure("timeout", "node")

    async def failed_page() -> None:
        conversation = VERSIONS.pipeline(2, 1, "account_tx").converse({"account": PAGE["account"]})
        try:
            await make_translator().converse(conversation, 1, ask)
        except NodeFailure:
            return
        raise AssertionError("no failure")

    with no_garbage_collector(NodeFailure) as left:
        await failed_page()
        await asyncio.sleep(0)  # the other look-ups end
        assert left() == 0
