"""tx: the transaction moved out of the result itself."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.ledger_time import iso_time, ledger_seconds
from adapters.ledgers import look_up_header
from adapters.transactions import downgrade_transaction, is_transaction_field, upgrade_transaction

_ALSO_IN_TX_JSON = ("ctid", "date", "ledger_index")


class Tx(MethodAdapter):
    """The transaction is `tx_json`, or `tx_blob` and `meta_blob`, with what is known of its ledger beside it; v1 has
    all of it in the result itself, and a binary one as `tx` and `meta` (rippled's Tx.cpp).

    Loss: of a binary transaction in a ledger that is not validated yet, v2 does not tell the ledger, which v1 does.
    """

    method = "tx"

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        close_time = result.pop("close_time_iso", None)
        if "tx_json" in result:
            result.pop("ledger_hash", None)
            result.pop("ledger_index", None)
            transaction = downgrade_transaction(result.pop("tx_json"), result.pop("hash", None))
            result.update(transaction)
        elif "tx_blob" in result:
            result.pop("ledger_hash", None)
            result["tx"] = result.pop("tx_blob")
            if "meta_blob" in result:
                result["meta"] = result.pop("meta_blob")
            if "ledger_index" in result:
                result["inLedger"] = result["ledger_index"]
            if close_time is not None:
                result["date"] = ledger_seconds(close_time)
        return result

    def serve_newer(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        if "error" in result:
            return result
        if isinstance(result.get("tx"), str):
            upgraded = _upgrade_binary(result)
        elif "TransactionType" in result:
            upgraded = _upgrade_inlined(result)
        else:
            return result
        return (yield from _with_ledger(upgraded, result))


def _upgrade_binary(result: JsonObject) -> JsonObject:
    names = {"tx": "tx_blob", "meta": "meta_blob"}
    left_out = ("inLedger", "ledger_index", "date")
    return {names.get(name, name): value for name, value in result.items() if name not in left_out}


def _upgrade_inlined(result: JsonObject) -> JsonObject:
    fields = {name: value for name, value in result.items() if is_transaction_field(name) or name in _ALSO_IN_TX_JSON}
    left_out = ("inLedger", "ledger_index", "date")
    beside = {k: v for k, v in result.items() if not is_transaction_field(k) and k not in left_out}
    return {"tx_json": upgrade_transaction(fields)[0], **beside}


def _with_ledger(upgraded: JsonObject, result: JsonObject) -> Conversation:
    """Adds what v2 tells of the ledger that the transaction is in; v1 never told that ledger's hash."""
    ledger_index = result.get("ledger_index", result.get("inLedger"))
    if ledger_index is None:
        return upgraded
    header = yield from look_up_header(ledger_index)
    if header is not None:
        upgraded["ledger_hash"] = header.ledger_hash
    if result.get("validated"):
        upgraded["ledger_index"] = ledger_index
        if "date" in result:
            upgraded["close_time_iso"] = iso_time(result["date"])
    return upgraded
