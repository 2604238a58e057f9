"""ledger_entry: the error for a request that names no entry."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.errors import ERRORS, error_result
from adapters.json_values import is_boolean_or_absent
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
# Unknown to rippled 2.x: to it, such a request names no entry.
_NEW_IN_3 = frozenset(
    ("account", "amendments", "fee", "hashes", "loan", "loan_broker", "nft_offer", "nunl", "signer_list")
)


# Known to Clio, by the first release that has them (its LedgerEntry.hpp).
_CLIO_ENTRY_NAMES = {
    **dict.fromkeys(
        (
            "account_root",
            "amm",
            "bridge",
            "check",
            "deposit_preauth",
            "did",
            "directory",
            "escrow",
            "index",
            "nft_page",
            "offer",
            "oracle",
            "payment_channel",
            "ripple_state",
            "ticket",
            "xchain_owned_claim_id",
            "xchain_owned_create_account_claim_id",
        ),
        (2, 0),
    ),
    **dict.fromkeys(("credential", "mpt_issuance", "mptoken"), (2, 3)),
    "permissioned_domain": (2, 4),
    "delegate": (2, 5),
    "vault": (2, 5),
}
_BOOLEANS = ("binary", "include_deleted")


class LedgerEntry(MethodAdapter):
    """Two refusals are `invalidParams`: of a request that names no entry, where v1 has `unknownOption`, and of an entry
    named by JSON of a wrong type (a list for an id), where v1 fails with `internal`.

    v1 and rippled 2.x at v2 have the first next to the ledger's fields and without a code, 2.x at v2 the second too.
    From rippled 3.0 on v2 has code and message and no ledger, so v1's ledger is looked up.

    Clio checks parameters before any look-up: a wrong type is `invalidParams` in both versions, and a request that
    names no known entry is `unknownOption` in v1 (its own code) or `invalidParams`, without a ledger.
    """

    method = "ledger_entry"

    def serve_older(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        if result.get("error") != "invalidParams":
            return result
        if self.node.is_clio:
            return self._downgrade_clio_error(result, params)
        is_of_2 = "error_code" not in result
        if _names_entry(params, is_of_2):
            # A malformed ledger has the same token, but its own message.
            of_type = is_of_2 or result.get("error_message") == ERRORS["invalidParams"].message
            return {**_additions(result), **error_result("internal")} if of_type else result
        additions = _additions(result)
        if "validated" not in result:
            result = yield ledger_of(params)
            if "error" in result:
                return result
        return {**additions, **ledger_fields(result), "error": "unknownOption"}

    def _downgrade_clio_error(self, result: JsonObject, params: JsonObject) -> JsonObject:
        known = any(name in params and self.node.release >= since for name, since in _CLIO_ENTRY_NAMES.items())
        typed = all(is_boolean_or_absent(params, name) for name in _BOOLEANS)
        if known or not typed or result.get("error_message") != ERRORS["invalidParams"].message:
            return result
        return {**result, **self.error("unknownOption")}

    def serve_newer(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        if result.get("error") == "unknownOption":
            return self._no_entry(result)
        if result.get("error") == "internal" and _is_of_wrong_type(params):
            found = yield ledger_of(params)
            if "error" not in found:
                return {**_additions(result), **ledger_fields(found), "error": "invalidParams"}
        return result

    def _no_entry(self, result: JsonObject) -> JsonObject:
        """The error of v2 for a request that names no entry."""
        if self.node.is_clio:
            return {**result, **self.error("invalidParams")}
        if self.node.software == "xrpld":
            return {**_additions(result), **error_result("invalidParams", "No ledger_entry params provided.")}
        result["error"] = "invalidParams"
        return result


def _additions(error: JsonObject) -> JsonObject:
    """An error's members other than its own and the ledger's."""
    own = error_result("invalidParams").keys() | ledger_fields(error).keys()
    return {name: value for name, value in error.items() if name not in own}


def _names_entry(params: JsonObject, is_of_2: bool) -> bool:
    names = _ENTRY_NAMES - _NEW_IN_3 if is_of_2 else _ENTRY_NAMES
    return not names.isdisjoint(params)


def _is_of_wrong_type(params: JsonObject) -> bool:
    """Whether reading the entry's name can fail: a list, or an object that may contain wrong types."""
    return any(isinstance(params[name], (list, dict)) for name in _ENTRY_NAMES.intersection(params))
