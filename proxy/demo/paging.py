"""Pages of `account_tx` that were not recorded, cut from the recorded response with the account's whole history."""

from collections.abc import Mapping
from typing import Any

# Whole histories were recorded with this limit, which no account's transactions reach.
WHOLE_LIMIT = 60
_PAGED_BY = frozenset({"account", "limit", "marker", "forward"})
_RANGE = frozenset({"ledger_index_min", "ledger_index_max"})


def whole_history(params: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The parameters that the whole history behind a page was recorded with.

    None if `params` request more than a page (an end to the range of ledgers, binary) or have wrong types.
    """
    limit, marker = params.get("limit", WHOLE_LIMIT), params.get("marker", {})
    asked = {name for name in params if not (name in _RANGE and params[name] == -1)}  # -1: no end
    typed = type(limit) is int and isinstance(marker, dict) and isinstance(params.get("forward", False), bool)
    paged = typed and asked <= _PAGED_BY and limit > 0
    return {"account": params["account"], "limit": WHOLE_LIMIT} if paged and "account" in params else None


def page(whole: dict[str, Any], params: Mapping[str, Any]) -> dict[str, Any] | None:
    """The `result` for `params`, from `whole`, the result for `whole_history(params)`.

    As in rippled (SQLInterface's accountTxPage), a marker is the position of the first transaction not returned yet.
    None if no transaction is at the marker's position.
    """
    transactions = whole["transactions"][:: -1 if params.get("forward") else 1]
    places = [_place(transaction) for transaction in transactions]
    marker = params.get("marker")
    if marker is not None and marker not in places:
        return None
    first = places.index(marker) if marker is not None else 0
    last = first + params.get("limit", len(places))
    result = {**whole, "limit": params.get("limit", 0), "transactions": transactions[first:last]}
    return {**result, "marker": places[last]} if last < len(places) else result


def _place(transaction: dict[str, Any]) -> dict[str, int]:
    """The position of a transaction in the history, in the form of a marker."""
    # Version 1 has the ledger inside `tx`, version 2 next to `tx_json`.
    ledger_index = transaction["tx"]["ledger_index"] if "tx" in transaction else transaction["ledger_index"]
    return {"ledger": ledger_index, "seq": transaction["meta"]["TransactionIndex"]}
