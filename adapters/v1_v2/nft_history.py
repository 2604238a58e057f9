"""nft_history and mptoken_issuance_history (Clio): the shape of their transactions."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.v1_v2.transaction_list import downgrade_transactions, upgrade_transactions


class _History(MethodAdapter):
    """Entries have `tx_json`, `hash`, `ledger_hash` and `close_time_iso`, or `meta_blob`, as those of account_tx. In v1
    they have no `inLedger`, unlike those.
    """

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return downgrade_transactions(result, in_ledger=False)

    def serve_newer(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        return result if "error" in result else (yield from upgrade_transactions(result, self.node))


class NftHistory(_History):
    """The transactions of an NFT."""

    method = "nft_history"


class MptokenIssuanceHistory(_History):
    """The transactions of an issuance of multi-purpose tokens."""

    method = "mptoken_issuance_history"
