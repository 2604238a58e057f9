"""transaction_entry: the shape of the transaction and the name of its metadata."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.ledger_time import iso_time
from adapters.ledgers import header_request, read_header
from adapters.transactions import downgrade_transaction, is_transaction, upgrade_transaction


class TransactionEntry(MethodAdapter):
    """`metadata` became `meta`; `hash` and `close_time_iso` are next to `tx_json` (rippled's
    TransactionEntry.cpp).
    """

    method = "transaction_entry"

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if not is_transaction(result.get("tx_json")):
            return result
        downgrade_transaction(result["tx_json"], result.pop("hash", None))
        result.pop("close_time_iso", None)
        if "meta" in result:
            result["metadata"] = result.pop("meta")
        return result

    def serve_newer(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        if "error" in result or not is_transaction(result.get("tx_json")):
            return result
        _, tx_hash = upgrade_transaction(result["tx_json"])
        if tx_hash is not None:
            result["hash"] = tx_hash
        if "metadata" in result:
            result["meta"] = result.pop("metadata")
        if result.get("validated") and "ledger_index" in result:
            ledger = yield header_request(result["ledger_index"])
            if "error" not in ledger:
                result["close_time_iso"] = iso_time(read_header(ledger).close_time)
            elif ledger["error"] != "lgrNotFound":
                return ledger
        return result
