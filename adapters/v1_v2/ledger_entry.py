"""ledger_entry: the error for a request that names no entry."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, Question
from adapters.ledgers import selected_ledger

# Every way of naming an entry, from rippled's ledger_entries.macro and LedgerEntry.cpp.
_ENTRY_NAMES = frozenset(
    (
        "account",
        "account_root",
        "amendments",
        "amm",
        "bridge",
        "check",
        "credential",
        "delegate",
        "deposit_preauth",
        "did",
        "directory",
        "escrow",
        "fee",
        "hashes",
        "index",
        "loan",
        "loan_broker",
        "mpt_issuance",
        "mptoken",
        "nft_offer",
        "nft_page",
        "nunl",
        "offer",
        "oracle",
        "payment_channel",
        "permissioned_domain",
        "ripple_state",
        "signer_list",
        "state",
        "ticket",
        "vault",
        "xchain_owned_claim_id",
        "xchain_owned_create_account_claim_id",
    )
)
_ABOUT_LEDGER = ("ledger_hash", "ledger_index", "ledger_current_index", "validated")


class LedgerEntry(MethodAdapter):
    """A request that names no entry is `invalidParams`, where v1 has `unknownOption`.

    v1 and rippled 2.x at v2 answer it beside the ledger's fields and without a code; from rippled 3.0 on v2 has code,
    message and no ledger, so v1's ledger is looked up.
    """

    method = "ledger_entry"

    def serve_older(self, params: JsonObject) -> Conversation:
        result = yield Question(self.method, params)
        if result.get("error") != "invalidParams" or _names_entry(params):
            return result
        if "validated" not in result:
            # Without a ledger in the request `ledger` answers with two; ledger_entry takes the open one.
            found = yield Question("ledger", selected_ledger(params) or {"ledger_index": "current"})
            if "error" in found:
                return found
            result = found
        unknown: JsonObject = {name: result[name] for name in _ABOUT_LEDGER if name in result}
        unknown["error"] = "unknownOption"
        return unknown

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if result.get("error") == "unknownOption":
            result["error"] = "invalidParams"
        return result


def _names_entry(params: JsonObject) -> bool:
    return not _ENTRY_NAMES.isdisjoint(params)
