"""The `transactions` of account_tx and nft_history: one entry for each, with its metadata."""

from adapters.adapter import Conversation, JsonObject
from adapters.ledger_time import iso_time
from adapters.ledgers import look_up_header
from adapters.transactions import downgrade_transaction, is_transaction, upgrade_transaction


def downgrade_transactions(result: JsonObject) -> JsonObject:
    """v2's entries as v1 has them: `tx` with the hash inside for `tx_json`, `meta` also where it is binary."""
    entries = result.get("transactions")
    if isinstance(entries, list):
        for entry in entries:
            _downgrade_entry(entry)
    return result


def _downgrade_entry(entry: JsonObject) -> None:
    if "meta_blob" in entry:
        entry["meta"] = entry.pop("meta_blob")
    if not is_transaction(entry.get("tx_json")):
        return
    entry["tx"] = downgrade_transaction(entry.pop("tx_json"), entry.pop("hash", None))
    for beside in ("close_time_iso", "ledger_hash", "ledger_index"):
        entry.pop(beside, None)


def upgrade_transactions(result: JsonObject) -> Conversation:
    """v1's entries as v2 has them. Looks up the hash of each ledger that they are from, which v1 never told."""
    entries = result.get("transactions")
    if isinstance(entries, list):
        for entry in entries:
            if isinstance(entry.get("meta"), str):
                entry["meta_blob"] = entry.pop("meta")
            if is_transaction(entry.get("tx")):
                yield from _upgrade_entry(entry)
    return result


def _upgrade_entry(entry: JsonObject) -> Conversation:
    tx_json, tx_hash = upgrade_transaction(entry.pop("tx"))
    entry["tx_json"] = tx_json
    if tx_hash is not None:
        entry["hash"] = tx_hash
    if "date" in tx_json:
        entry["close_time_iso"] = iso_time(tx_json["date"])
    if "ledger_index" in tx_json:
        entry["ledger_index"] = tx_json["ledger_index"]
        header = yield from look_up_header(tx_json["ledger_index"])
        if header is not None:
            entry["ledger_hash"] = header.ledger_hash
    return entry
