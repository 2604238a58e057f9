"""The `transactions` of account_tx and nft_history: one entry for each, with its metadata."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from adapters.adapter import Conversation, JsonObject, NodeRequest
from adapters.ctid import ctid
from adapters.ledger_time import iso_time
from adapters.ledgers import header_request, read_header
from adapters.node import NodeInfo
from adapters.transactions import downgrade_transaction, is_transaction, ledger_place, upgrade_transaction


def downgrade_transactions(result: JsonObject, *, in_ledger: bool = True) -> JsonObject:
    """Convert v2's entries to v1: `tx` with the hash inside for `tx_json`, and `meta` even if it is binary.

    `in_ledger`: whether `tx` has `inLedger` too.
    """
    for entry in _entries(result):
        if "meta_blob" in entry:
            entry["meta"] = entry.pop("meta_blob")
        tx_json: Any = entry.get("tx_json")
        if is_transaction(tx_json):
            del entry["tx_json"]
            if not ("ledger_index" in tx_json and "date" in tx_json):
                tx_json = {**ledger_place(entry), **tx_json}
            pop = entry.pop
            entry["tx"] = downgrade_transaction(tx_json, pop("hash", None))
            pop("close_time_iso", None)  # not in a loop: a page has hundreds of entries
            pop("ledger_hash", None)
            pop("ledger_index", None)
            if not in_ledger:
                tx_json.pop("inLedger", None)
    return result


def upgrade_transactions(result: JsonObject, node: NodeInfo) -> Conversation:
    """Convert v1's entries to v2.

    Each of their ledgers is looked up once, for its hash, which v1 does not report. A failed look-up fails the
    request: a page with missing hashes would look complete.
    """
    entries = [entry for entry in _entries(result) if is_transaction(entry.get("tx"))]
    for entry in _entries(result):
        if isinstance(entry.get("meta"), str):
            entry["meta_blob"] = entry.pop("meta")
    ledgers = {_ledger_index(entry): "" for entry in entries}
    ledgers.pop(None, None)
    error = yield from _look_up_hashes(ledgers)
    if error is not None:
        return error
    for entry in entries:
        _upgrade_entry(entry, ledgers, node)
    return result


def _look_up_hashes(ledgers: dict[int | None, str]) -> Generator[NodeRequest, JsonObject, JsonObject | None]:
    """Set the hash of each ledger. Returns the error of a failed look-up."""
    requests = [header_request(ledger_index) for ledger_index in ledgers if ledger_index is not None]
    for number, (ledger_index, request) in enumerate(zip(ledgers, requests, strict=True)):
        result = yield request if number else replace(request, upcoming=tuple(requests[1:]))
        if "error" in result:
            return result
        ledgers[ledger_index] = read_header(result).ledger_hash
    return None


def _upgrade_entry(entry: JsonObject, ledgers: dict[int | None, str], node: NodeInfo) -> None:
    ledger_index = _ledger_index(entry)
    tx_json, tx_hash = upgrade_transaction(entry.pop("tx"))
    entry["tx_json"] = tx_json
    if tx_hash is not None:
        entry["hash"] = tx_hash
    date = tx_json.get("date", entry.get("date"))
    if date is not None:
        entry["close_time_iso"] = iso_time(date)
    if ledger_index is None:
        return
    entry["ledger_index"] = ledger_index
    entry["ledger_hash"] = ledgers[ledger_index]
    meta = entry.get("meta")
    if node.may_predate_v2 and isinstance(meta, dict) and "ctid" not in tx_json:
        identifier = ctid(ledger_index, meta.get("TransactionIndex"), node.network)
        if identifier is not None:
            tx_json["ctid"] = identifier


def _entries(result: JsonObject) -> list[JsonObject]:
    entries = result.get("transactions")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _ledger_index(entry: JsonObject) -> int | None:
    """The ledger of a v1 transaction; None if the entry does not say."""
    tx = entry["tx"]
    found = (tx.get("ledger_index"), tx.get("inLedger"), entry.get("ledger_index"))
    return next((index for index in found if isinstance(index, int)), None)
