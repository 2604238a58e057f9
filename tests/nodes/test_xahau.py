"""A node of a network like Xahau: built on rippled 1.x, its releases are dates, and its network has an id."""

from typing import Any

import aiohttp
import orjson
import pytest

from adapters.ledgers import serialised_header
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy

NETWORK = 21337
HASH = "AB" * 32
PAYMENT = {"TransactionType": "Payment", "Account": "rA", "Destination": "rB", "Amount": "5", "Fee": "10"}
HEADER = {
    "ledger_index": "100",
    "ledger_hash": HASH,
    "total_coins": "100",
    "parent_hash": HASH,
    "transaction_hash": HASH,
    "account_hash": HASH,
    "parent_close_time": 799_999_996,
    "close_time": 800_000_000,
    "close_time_resolution": 10,
    "close_flags": 0,
}


def xahau(build_version: str) -> ScriptedNode:
    """A node that has version 1 only, with one payment in ledger 100."""
    transaction = {**PAYMENT, "hash": HASH, "date": 800_000_000, "inLedger": 100, "ledger_index": 100}
    entry = {"tx": transaction, "meta": {"TransactionIndex": 3, "HookExecutions": []}, "validated": True}
    place = {"ledger_hash": HASH, "ledger_index": 100, "validated": True}

    async def ledger(_request: Any, params: dict[str, Any]) -> dict[str, Any]:
        binary = {"ledger_data": serialised_header(HEADER), "closed": True}
        return {"ledger": binary if params.get("binary") else {**HEADER, "closed": True}, **place}

    async def sign(_request: Any, params: dict[str, Any]) -> dict[str, Any]:
        return {"tx_json": {**params["tx_json"], "hash": HASH}, "tx_blob": "00"}

    node = ScriptedNode(versions=range(1, 2), account_tx={"transactions": [entry]}, ledger=ledger, sign=sign)
    node.info |= {"build_version": build_version, "network_id": NETWORK}
    return node


async def ask(url: str, method: str, **params: Any) -> dict[str, Any]:
    body = orjson.dumps({"method": method, "params": [{"api_version": 2, **params}]})
    async with aiohttp.ClientSession() as session, session.post(url, data=body) as response:
        result: dict[str, Any] = orjson.loads(await response.read())["result"]
        return result


@pytest.mark.parametrize("build_version", ["2024.9.11-release+1015", "2025.7.9-release+1951", "nightly"])
async def test_todays_clients_are_served(proxy: StartProxy, build_version: str) -> None:
    async with xahau(build_version) as node:
        served = await proxy(nodes=[node.settings(api_version="auto")])
        (entry,) = (await ask(served.http_url, "account_tx", account="rA"))["transactions"]
        header = (await ask(served.http_url, "ledger", ledger_index=100))["ledger"]
        signed = await ask(served.http_url, "sign", tx_json={**PAYMENT, "Amount": "5", "DeliverMax": "5"}, secret="s")
    assert entry["tx_json"]["ctid"] == f"C{100:07X}{3:04X}{NETWORK:04X}"
    assert (entry["hash"], entry["ledger_hash"]) == (HASH, HASH)
    assert entry["close_time_iso"] == header["close_time_iso"] == "2025-05-08T06:13:20Z"
    assert entry["meta"]["HookExecutions"] == []
    assert entry["tx_json"]["DeliverMax"] == "5"
    assert "Amount" not in entry["tx_json"]
    assert header["ledger_index"] == 100
    assert signed["tx_json"] == {**{k: v for k, v in PAYMENT.items() if k != "Amount"}, "DeliverMax": "5"}
    assert signed["hash"] == HASH
