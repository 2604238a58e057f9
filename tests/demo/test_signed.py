"""A transaction's serialisation is read as the servers that were recorded read it."""

from typing import Any

import orjson
import pytest

from adapters.json_values import json_differences
from adapters.transactions import transaction_hash
from proxy.demo.recorded import API_VERSIONS, Release, read_lines
from proxy.demo.signed import account_id, address, decode_transaction


def expanded(release: Release, binary: bool) -> list[dict[str, Any]]:
    """Every transaction of the recorded ledgers, in the release's highest version."""
    found: list[dict[str, Any]] = []
    names = {"ledger_index", "transactions", "expand", *(["binary"] if binary else [])}
    for entry in read_lines("support.jsonl.xz", release):
        params = entry["params"] or {}
        if entry["method"] == "ledger" and params.keys() == names and type(params["ledger_index"]) is int:
            found += entry["http"][str(min(API_VERSIONS[release][-1], 2))]["body"]["result"]["ledger"]["transactions"]
    return found


def as_signed(entry: dict[str, Any]) -> dict[str, Any]:
    """The transaction of an expanded ledger with the fields that were signed."""
    fields = dict(entry.get("tx_json", entry))
    amount = fields.pop("DeliverMax", None)
    if amount is not None:
        fields.setdefault("Amount", amount)
    for step in (step for path in fields.get("Paths", []) for step in path):
        step.pop("type", None)  # what 1.12 adds
    return {name: value for name, value in fields.items() if name not in ("hash", "metaData")}


@pytest.mark.parametrize("release", API_VERSIONS)
def test_reads_every_recorded_transaction(release: Release) -> None:
    native = {entry["hash"]: as_signed(entry) for entry in expanded(release, binary=False)}
    blobs = [entry["tx_blob"] for entry in expanded(release, binary=True)]
    assert len(blobs) > 100
    for blob in blobs:
        reported = native[transaction_hash(blob)]
        assert list(json_differences(reported, decode_transaction(bytes.fromhex(blob)))) == [], orjson.dumps(reported)


@pytest.mark.parametrize("blob", ["", "DEADBEEF", "1200", "120000", "12FFFF", "12000024000000", "E1", "F9" * 40])
def test_refuses_an_invalid_transaction(blob: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_transaction(bytes.fromhex(blob))


def test_addresses_are_read_as_written() -> None:
    alice = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
    assert address(account_id(alice)) == alice
