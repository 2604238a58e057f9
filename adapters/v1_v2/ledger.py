"""ledger: the type of its index, and the shape of expanded transactions and of the queue."""

from functools import partial
from typing import Any

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.json_values import as_boolean
from adapters.ledger_time import iso_time
from adapters.ledgers import add_close_time_iso, downgrade_ledger_index, upgrade_ledger_index
from adapters.transactions import (
    downgrade_transaction,
    is_transaction_field,
    rename_amount,
    transaction_hash,
)
from adapters.unparsed import UnparsedTransactions
from adapters.v1_v2.ledger_text import upgrade_text

_NEXT_TO_TX_JSON = ("close_time_iso", "ledger_hash", "ledger_index", "validated")
"""Members about the ledger that v2 has next to each expanded transaction, and v1 does not."""
_IN_V2 = {"metaData": "meta"}
"""Members that v1 has among those of a transaction, whose names differ in v2, which has them next to it."""
_Shapes = dict[tuple[str, ...], tuple[list[tuple[str, str]], JsonObject]]
"""By the members of a v1 transaction: those that v2 has next to it, with their names there, and v2's entry without
values. Thousands of transactions have a few.
"""
_USUAL = frozenset({"tx_json", "hash", "meta", *_NEXT_TO_TX_JSON})
"""Members of most entries: one that has others keeps them."""


class Ledger(MethodAdapter):
    """`ledger_index` is a number; an expanded transaction is `tx_json` with its hash, metadata (`meta`, `meta_blob`)
    and ledger next to it, where v1 has one object (`metaData`, `meta`); an entry of `queue_data` has the transaction
    merged into it, where v1 has it under `tx` (rippled's LedgerToJson.cpp).

    rippled's v2 fails with `internal` on a queue that is not empty unless `expand` is set too; v1 lists hashes there.
    So the request is repeated with `expand`, and the transactions are reduced to their hashes again.
    """

    method = "ledger"

    def opaque_metadata(self, *, downgrades: bool) -> bool:
        return True

    def takes_unparsed(self, *, downgrades: bool) -> bool:
        return not downgrades and not self.node.is_clio

    def serve_older(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        wants_hashes = as_boolean(params.get("queue")) and not _is_expanded(params)
        if result.get("error") == "internal" and wants_hashes:
            result = yield NodeRequest(self.method, {**params, "expand": True})
            _reduce_to_hashes(result.get("ledger"), "transactions")
            if not as_boolean(params.get("binary")):  # a binary entry of the state is an object, expanded or not
                _reduce_to_hashes(result.get("ledger"), "accountState")
            _reduce_to_hashes(result, "queue_data")
        return self.downgrade_result(result, params)

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        for ledger in _ledgers(result):
            downgrade_ledger_index(ledger)
            _rewrite_each(ledger, "transactions", _downgrade_entry)
        _rewrite_each(result, "queue_data", _downgrade_queued)
        return result

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        ledger = result.get("ledger")
        if isinstance(ledger, dict):
            ledger_members = _next_to_transactions(result, ledger)
            upgrade = partial(_upgrade_entry, ledger_members, {})
            if isinstance(unparsed := ledger.get("transactions"), UnparsedTransactions):
                ledger["transactions"] = upgrade_text(unparsed, ledger_members, upgrade)
            else:
                _rewrite_each(ledger, "transactions", upgrade)
        for each in _ledgers(result):
            upgrade_ledger_index(each)
            if self.node.may_predate_v2:
                add_close_time_iso(each)
        _rewrite_each(result, "queue_data", _upgrade_queued)
        return result


def _is_expanded(params: JsonObject) -> bool:
    return as_boolean(params.get("expand")) or as_boolean(params.get("full"))


def _ledgers(result: JsonObject) -> list[JsonObject]:
    """The headers in a response: one, or without a ledger in the request the last closed one and the open one."""
    holders = (result, result.get("closed"), result.get("open"))
    found = [holder.get("ledger") for holder in holders if isinstance(holder, dict)]
    return [ledger for ledger in found if isinstance(ledger, dict)]


def _rewrite_each(holder: JsonObject, name: str, rewrite: Any) -> None:
    entries = holder.get(name)
    if isinstance(entries, list):
        entries[:] = [rewrite(entry) for entry in entries]


def _reduce_to_hashes(holder: Any, name: str) -> None:
    """Replace expanded entries by their hash or index: entries of a ledger completely, entries of the queue under
    `hash`.
    """
    if not isinstance(holder, dict) or not isinstance(holder.get(name), list):
        return
    if name != "queue_data":
        holder[name] = [entry.get("hash", entry.get("index")) for entry in holder[name]]
        return
    for entry in holder[name]:
        for part in ("tx_json", "tx_blob", "owner_funds", "validated"):
            entry.pop(part, None)


def _downgrade_entry(entry: Any) -> Any:
    """An entry of `transactions`, from v2 to v1; a hash stays."""
    if not isinstance(entry, dict):
        return entry
    if "tx_json" in entry and entry.keys() <= _USUAL:  # nearly all, of which there are thousands
        usual = downgrade_transaction(entry["tx_json"], entry.get("hash"))
        if "meta" in entry:
            usual["metaData"] = entry["meta"]
        return usual
    for name in _NEXT_TO_TX_JSON:
        entry.pop(name, None)
    tx_hash = entry.pop("hash", None)
    if "tx_json" not in entry:
        return {("meta" if name == "meta_blob" else name): value for name, value in entry.items()}
    transaction = downgrade_transaction(entry.pop("tx_json"), tx_hash)
    if "meta" in entry:
        transaction["metaData"] = entry.pop("meta")
    return {**entry, **transaction}


def _downgrade_queued(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    merged = {name: entry.pop(name) for name in ("tx_json", "tx_blob", "hash", "owner_funds") if name in entry}
    entry.pop("validated", None)
    reduced = "tx_json" not in merged and "tx_blob" not in merged
    entry["tx"] = merged.get("hash") if reduced else _downgrade_entry(merged)
    return entry


def _next_to_transactions(result: JsonObject, ledger: JsonObject) -> JsonObject:
    """Members that v2 has next to each expanded transaction of a ledger."""
    if ledger.get("closed") is not True:
        return {"validated": False}
    ledger_members: JsonObject = {"validated": result.get("validated", False)}
    if "ledger_hash" in result:
        ledger_members["ledger_hash"] = result["ledger_hash"]
    if ledger_members["validated"]:
        ledger_members["ledger_index"] = result.get("ledger_index")
        if "close_time" in ledger:
            ledger_members["close_time_iso"] = iso_time(ledger["close_time"])
    return ledger_members


def _upgrade_entry(ledger_members: JsonObject, shapes: _Shapes, entry: Any) -> Any:
    """An entry of `transactions`, from v1 to v2; a hash stays. `shapes`: those of the ledger's entries so far."""
    if not isinstance(entry, dict):
        return entry
    if "TransactionType" not in entry:
        if "meta" in entry:
            entry["meta_blob"] = entry.pop("meta")
        entry["hash"] = transaction_hash(entry["tx_blob"])
        return entry
    names = tuple(entry)
    shape = shapes.get(names)
    if shape is None:
        moved = [(name, _IN_V2.get(name, name)) for name in names if not is_transaction_field(name)]
        shape = shapes[names] = moved, {**ledger_members, **dict.fromkeys([name for _, name in moved]), "tx_json": None}
    moved, empty = shape
    upgraded = empty.copy()  # not built member by member: a dict that grows is rebuilt
    for name, name_in_v2 in moved:
        upgraded[name_in_v2] = entry.pop(name)
    if entry["TransactionType"] == "Payment":
        rename_amount(entry)
    upgraded["tx_json"] = entry
    return upgraded


def _upgrade_queued(entry: Any) -> Any:
    if not isinstance(entry, dict) or "tx" not in entry:
        return entry
    queued = entry.pop("tx")
    entry.update({"hash": queued} if isinstance(queued, str) else _upgrade_entry({"validated": False}, {}, queued))
    return entry
