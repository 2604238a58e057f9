"""gateway_balances: an account that does not exist, and a hot wallet that is none, have other errors."""

from typing import Any

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.addresses import is_address
from adapters.errors import error_result
from adapters.ledgers import selected_ledger

_BALANCES = ("assets", "balances", "frozen_balances", "locked", "obligations")


class GatewayBalances(MethodAdapter):
    """An unknown account is `actNotFound`, where v1 answers as for one without balances; a bad `hotwallet` is
    `invalidParams`, where v1 has `invalidHotWallet`. v1 sees the hot wallet's fault also where the account is unknown
    (rippled's GatewayBalances.cpp).
    """

    method = "gateway_balances"

    def downgrade_error(self, result: JsonObject, params: JsonObject) -> JsonObject:
        error = result["error"]
        # `account` is in the result from the moment on that ledger and account were found good.
        if error not in ("actNotFound", "invalidParams") or "account" not in result:
            return result
        if not _is_hotwallet(params.get("hotwallet")):
            result.update(error_result("invalidHotWallet"))
        elif error == "actNotFound":
            for name in error_result(error):
                result.pop(name, None)
        return result

    def serve_newer(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        error = result.get("error")
        if error != "invalidHotWallet" and ("error" in result or any(name in result for name in _BALANCES)):
            return result
        # The result's own, as the request may name the account as `ident` too.
        asked = {"account": result.get("account"), **selected_ledger(params)}
        account = yield NodeRequest("account_info", asked)
        if account.get("error") == "actNotFound":
            result.update(error_result("actNotFound"))
        elif error is not None:
            result.update(error_result("invalidParams"))
        return result


def _is_hotwallet(value: Any) -> bool:
    """Whether rippled takes the value: null, an address, or a list of those."""
    wallets = (value or ()) if value is None or isinstance(value, list) else (value,)
    return all(is_address(each) for each in wallets)
