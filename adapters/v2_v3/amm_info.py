"""amm_info: the error of a request with several mistakes."""

from typing import Any

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.addresses import is_address
from adapters.errors import error_result
from adapters.ledgers import ledger_fields, ledger_of, selected_ledger
from adapters.v2_v3.issues import is_issue

_ABOUT_LEDGER = ("ledger_current_index", "ledger_hash")
_ACCOUNTS = ("amm_account", "account")
_NAMED_FAULTS = ("issueMalformed", "actMalformed", "actNotFound")


class AmmInfo(MethodAdapter):
    """The combination of parameters is checked last, where v2 checks it first (rippled's AMMInfo.cpp).

    An AMM is named by `asset` and `asset2` or by `amm_account`. v2 returns `invalidParams` for every other combination;
    v3 reports what is wrong with the given assets and accounts, and `invalidParams` only if nothing is. So v3's error
    follows from the request and from the accounts in its ledger.

    An account that is a list or an object fails with `internal`, before v3 checks the combination.

    Loss: in `amm_account` and `account` rippled also accepts a public key, a seed and a passphrase of an existing
    account. With a wrong combination these are `actMalformed` here.
    """

    method = "amm_info"

    def serve_older(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        if not _is_wrong_combination(params):
            return result
        if result.get("error") == "internal" and any(_is_no_value(params.get(name)) for name in _ACCOUNTS):
            found = yield ledger_of(params)
            result = found if "error" in found else {**result, **ledger_fields(found), **error_result("invalidParams")}
        elif _past_the_ledger(result) and result.get("error") in _NAMED_FAULTS:
            result.update(error_result("invalidParams"))
        return result

    def serve_newer(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        if result.get("error") != "invalidParams" or not (_is_wrong_combination(params) and _past_the_ledger(result)):
            return result
        if not all(is_issue(params[name]) for name in ("asset", "asset2") if name in params):
            result.update(error_result("issueMalformed"))
            return result
        for name in _ACCOUNTS:
            if _is_no_value(params.get(name)):
                return error_result("internal")
            if name in params:
                fault = yield from _account_fault(name, params)
                if fault:
                    result.update(fault)
                    break
        return result


def _account_fault(name: str, params: JsonObject) -> Conversation:
    """v3's error for the account in the request's member `name`, or an empty object."""
    if not is_address(params[name]):
        return error_result("actMalformed")
    found = yield NodeRequest("account_info", {"account": params[name], **selected_ledger(params)})
    if found.get("error") in ("actNotFound", "actMalformed"):
        return error_result("actMalformed")
    if "error" in found:
        return found
    if name == "amm_account" and "AMMID" not in found.get("account_data", {}):
        return error_result("actNotFound")
    return {}


def _is_no_value(value: Any) -> bool:
    return isinstance(value, (list, dict))


def _is_wrong_combination(params: JsonObject) -> bool:
    return ("asset" in params) != ("asset2" in params) or ("asset" in params) == ("amm_account" in params)


def _past_the_ledger(result: JsonObject) -> bool:
    """Whether the requested ledger was found, which is checked first: its members are then next to an error."""
    return any(name in result for name in _ABOUT_LEDGER)
