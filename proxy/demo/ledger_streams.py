"""Stream messages made from recorded ledgers, for releases without recorded streams."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from adapters.ctid import ctid
from adapters.ledger_time import iso_time

FEE_BASE, RESERVE_BASE, RESERVE_INC = 10, 10_000_000, 2_000_000
"""Drops: what every recorded ledger has."""

_RESULTS = {
    "tesSUCCESS": (0, "The transaction was applied. Only final in a validated ledger."),
    "tecPATH_PARTIAL": (101, "Path could not send full amount."),
    "tecUNFUNDED_PAYMENT": (104, "Insufficient XRP balance to send."),
    "tecNO_DST_INSUF_XRP": (125, "Destination does not exist. Too little XRP sent to create it."),
    "tecPATH_DRY": (128, "Path could not send partial amount."),
    "tecNO_LINE": (135, "No such line."),
    "tecNO_PERMISSION": (139, "No permission to perform requested operation."),
    "tecNO_ENTRY": (140, "No matching entry found."),
}
"""Codes and messages of the results in the recordings (rippled's TER.cpp)."""


def ledger_messages(
    results: Mapping[int, dict[str, Any]], has_v2: bool, lowest: int | None = None
) -> Iterator[tuple[str, str]]:
    """Each message with its stream, ledger by ledger.

    results: by ledger index, the result of `ledger` with its transactions expanded, in the version of the messages.
    has_v2: whether the release has API version 2 at all: from 2.0 on it pushes `ctid` and `close_time_iso` in both.
    lowest: the first ledger that the server has, if that is not the lowest of `results`.
    """
    lowest = min(results) if lowest is None else lowest
    for ledger_index in sorted(results):
        result = results[ledger_index]
        ledger = result["ledger"]
        closed = {
            "type": "ledgerClosed",
            **ledger_state(result, f"{lowest}-{ledger_index}"),
            "txn_count": len(ledger["transactions"]),
        }
        yield "ledger", _text(closed)
        for entry in sorted(ledger["transactions"], key=_place):
            yield "transactions", _text(_transaction(entry, result, has_v2))


def ledger_state(result: Mapping[str, Any], validated_ledgers: str) -> dict[str, Any]:
    """What a response to `subscribe` and each closed ledger have in common, from a result of `ledger`."""
    return {
        "fee_base": FEE_BASE,
        "ledger_hash": result["ledger_hash"],
        "ledger_index": result["ledger_index"],
        "ledger_time": result["ledger"]["close_time"],
        "reserve_base": RESERVE_BASE,
        "reserve_inc": RESERVE_INC,
        "validated_ledgers": validated_ledgers,
    }


def _meta(entry: Mapping[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = entry["metaData"] if "metaData" in entry else entry["meta"]
    return meta


def _place(entry: Mapping[str, Any]) -> int:
    place: int = _meta(entry)["TransactionIndex"]
    return place


def _transaction(entry: Mapping[str, Any], result: Mapping[str, Any], has_v2: bool) -> dict[str, Any]:
    meta, date = _meta(entry), result["ledger"]["close_time"]
    code, message = _RESULTS[meta["TransactionResult"]]
    pushed = {
        "type": "transaction",
        "status": "closed",
        "validated": True,
        "engine_result": meta["TransactionResult"],
        "engine_result_code": code,
        "engine_result_message": message,
        "ledger_hash": result["ledger_hash"],
        "ledger_index": result["ledger_index"],
        "meta": meta,
    }
    if "tx_json" in entry:
        pushed |= {"tx_json": {**entry["tx_json"], "date": date}, "hash": entry["hash"]}
    else:
        pushed["transaction"] = {**{name: value for name, value in entry.items() if name != "metaData"}, "date": date}
    if has_v2:
        pushed |= {"close_time_iso": iso_time(date), "ctid": ctid(result["ledger_index"], _place(entry), 0)}
    return pushed


def _text(message: Mapping[str, Any]) -> str:
    return orjson.dumps(message).decode()
