"""ledger_entry: the error for a request that names no entry."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.errors import ERRORS, error_result
from adapters.ledgers import ledger_fields, ledger_of

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
# Those that rippled 2.x does not know: it answers such a request as one that names no entry.
_NEW_IN_3 = frozenset(
    ("account", "amendments", "fee", "hashes", "loan", "loan_broker", "nft_offer", "nunl", "signer_list")
)


class LedgerEntry(MethodAdapter):
    """Two refusals are `invalidParams`: of a request that names no entry, where v1 has `unknownOption`, and of an entry
    named by JSON of a wrong type (a list for an id), where v1 fails with `internal`.

    v1 and rippled 2.x at v2 answer the first beside the ledger's fields and without a code, 2.x at v2 the second too;
    from rippled 3.0 on v2 has code, message and no ledger, so v1's ledger is looked up.
    """

    method = "ledger_entry"

    def serve_older(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        if result.get("error") != "invalidParams":
            return result
        is_of_2 = "error_code" not in result
        if _names_entry(params, is_of_2):
            # A ledger that is named wrongly has the same token, and a message of its own.
            of_type = is_of_2 or result.get("error_message") == ERRORS["invalidParams"].message
            return error_result("internal") if of_type else result
        if "validated" not in result:
            result = yield ledger_of(params)
            if "error" in result:
                return result
        return {**ledger_fields(result), "error": "unknownOption"}

    def serve_newer(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        if result.get("error") == "unknownOption":
            result["error"] = "invalidParams"
        elif result.get("error") == "internal" and _is_of_wrong_type(params):
            found = yield ledger_of(params)
            if "error" not in found:
                result = {**ledger_fields(found), "error": "invalidParams"}
        return result


def _names_entry(params: JsonObject, is_of_2: bool) -> bool:
    names = _ENTRY_NAMES - _NEW_IN_3 if is_of_2 else _ENTRY_NAMES
    return not names.isdisjoint(params)


def _is_of_wrong_type(params: JsonObject) -> bool:
    """Whether reading the entry's name can fail: a list, or an object that may hold what is wrong."""
    return any(isinstance(params[name], (list, dict)) for name in _ENTRY_NAMES.intersection(params))
