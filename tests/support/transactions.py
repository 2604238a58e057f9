"""Transactions inside results, and what of one is the same in every ledger."""

from typing import Any

from adapters import JsonObject

# What 1.12 cannot know of a transaction that is the same in 2.6.1: other ledgers, and state that depends on them.
_OF_THE_LEDGER = frozenset({"ledger_hash", "close_time_iso", "date", "ledger_index", "ctid", "meta", "meta_blob"})


def transactions(value: Any) -> dict[str, JsonObject]:
    """Each transaction of version 2 inside a result, by its hash, with what stands next to it."""
    found: dict[str, JsonObject] = {}
    if isinstance(value, list):
        for item in value:
            found |= transactions(item)
    elif isinstance(value, dict):
        if "tx_json" in value and isinstance(value.get("hash"), str):
            found[value["hash"]] = value
        for item in value.values():
            found |= transactions(item)
    return found


def timeless(entry: JsonObject) -> JsonObject:
    """A transaction's entry without what depends on the ledger that it is in; its fields are its own."""
    fields = {name: value for name, value in entry.items() if name not in _OF_THE_LEDGER and name != "owner_funds"}
    inside = {name: value for name, value in entry["tx_json"].items() if name not in _OF_THE_LEDGER}
    present = sorted(name for name in _OF_THE_LEDGER if name in entry or name in entry["tx_json"])
    in_meta = sorted(entry["meta"]) if isinstance(entry.get("meta"), dict) else []
    return {**fields, "tx_json": inside, "present": present, "in_meta": in_meta}
