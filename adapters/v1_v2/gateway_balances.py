"""gateway_balances: the errors for an account that does not exist and for a bad hot wallet."""

from typing import Any

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.addresses import is_address
from adapters.errors import error_result
from adapters.ledgers import selected_ledger

_CLIO_MESSAGES = ("hotwalletMalformed", "hotwalletNotStringOrArray")
_BALANCES = ("assets", "balances", "frozen_balances", "locked", "obligations")


class GatewayBalances(MethodAdapter):
    """An unknown account is `actNotFound`, where v1 answers as for one without balances; a bad `hotwallet` is
    `invalidParams`, where v1 has `invalidHotWallet`. v1 reports the bad hot wallet even if the account is unknown
    (rippled's GatewayBalances.cpp).

    Clio has `actNotFound` in v1 too, and the two errors for a hot wallet, before any look-up, from release 2.4 on.
    """

    method = "gateway_balances"

    def downgrade_error(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if self.node.is_clio:
            return self._clio_error(result, "invalidParams", "invalidHotWallet")
        # `account` is in the result once ledger and account are valid.
        if result["error"] not in ("actNotFound", "invalidParams") or "account" not in result:
            return result
        if not _is_hotwallet(params.get("hotwallet")):
            result.update(error_result("invalidHotWallet"))
        elif result["error"] == "actNotFound":
            for name in error_result("actNotFound"):
                result.pop(name, None)
        return result

    def _clio_error(self, result: JsonObject, found: str, wanted: str) -> JsonObject:
        message = result.get("error_message")
        if result["error"] == found and message in _CLIO_MESSAGES and not self.node.is_clio_before(2, 4):
            result.update(error_result(wanted, message))
        return result

    def serve_newer(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        error = result.get("error")
        if self.node.is_clio:
            return result if error is None else self._clio_error(result, "invalidHotWallet", "invalidParams")
        if error != "invalidHotWallet" and ("error" in result or any(name in result for name in _BALANCES)):
            return result
        # From the result, because the request may also name the account as `ident`.
        asked = {"account": result.get("account"), **selected_ledger(params)}
        account = yield NodeRequest("account_info", asked)
        if account.get("error") == "actNotFound":
            result.update(error_result("actNotFound"))
        elif error is not None:
            result.update(error_result("invalidParams"))
        return result


def _is_hotwallet(value: Any) -> bool:
    """Whether rippled accepts the value: null, an address, or a list of addresses."""
    wallets = (value or ()) if value is None or isinstance(value, list) else (value,)
    return all(is_address(each) for each in wallets)
