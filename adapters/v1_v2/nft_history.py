"""nft_history (Clio): the shape of its transactions."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.v1_v2.transaction_list import downgrade_transactions, upgrade_transactions


class NftHistory(MethodAdapter):
    """Entries have `tx_json`, `hash`, `ledger_hash` and `close_time_iso`, or `meta_blob`, as those of account_tx."""

    method = "nft_history"

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return downgrade_transactions(result)

    def serve_newer(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        return (yield from upgrade_transactions(result))
