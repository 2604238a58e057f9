"""sign, sign_for, submit and submit_multisigned: the shape of the transaction, in the request and in the result."""

from typing import Any

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.errors import error_result
from adapters.json_values import same_json
from adapters.transactions import downgrade_transaction, is_transaction, upgrade_transaction

_NO_AMOUNT = "Missing field 'tx_json.Amount'."
_UNKNOWN_FIELD = "Field 'tx_json.DeliverMax' is unknown."
_DIFFERENT_AMOUNTS = "Cannot specify differing 'Amount' and 'DeliverMax'"


class _Signing(MethodAdapter):
    """`hash` is next to `tx_json`, and a Payment's amount is `DeliverMax` only (rippled's TransactionSign.cpp).

    A rippled before 2.0 does not support `DeliverMax`, so it gets `Amount` instead. A payment with both is sent with
    `Amount` alone if they are equal; if they differ it is sent unchanged, and that rippled's refusal of the unknown
    field, which comes after its other checks, becomes v2's. A node of an unknown release first gets the request
    unchanged: an older one refuses it without having signed anything.
    """

    def serve_newer(self, params: JsonObject) -> Conversation:
        if self._signs(params):
            with_amount = {**params, "tx_json": _with_amount(params["tx_json"])}
            result = yield NodeRequest(self.method, with_amount if self.node.predates_v2 else params)
            is_older = result.get("error_message") in (_NO_AMOUNT, _UNKNOWN_FIELD)
            if is_older and not self.node.predates_v2 and with_amount != params:
                result = yield NodeRequest(self.method, with_amount)
        else:
            result = yield NodeRequest(self.method, params)
        return self.upgrade_error(result, params) if "error" in result else self.upgrade_result(result, params)

    def _signs(self, params: JsonObject) -> bool:
        """Whether the request has a transaction in JSON."""
        return "tx_json" in params

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if is_transaction(result.get("tx_json")):
            downgrade_transaction(result["tx_json"], result.pop("hash", None))
        return result

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if is_transaction(result.get("tx_json")):
            _, tx_hash = upgrade_transaction(result["tx_json"])
            if tx_hash is not None:
                result["hash"] = tx_hash
        return result

    def upgrade_error(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if result.get("error_message") == _UNKNOWN_FIELD and _is_payment(params.get("tx_json")):
            result.update(error_result("invalidParams", _DIFFERENT_AMOUNTS))
        return result


def _is_payment(value: Any) -> bool:
    return isinstance(value, dict) and value.get("TransactionType") == "Payment"


def _with_amount(value: Any) -> Any:
    """A copy of a transaction, with every payment's amount under `Amount`, also in inner transactions of a Batch;
    payments with two different amounts retain both.
    """
    if isinstance(value, list):
        return [_with_amount(item) for item in value]
    if not isinstance(value, dict):
        return value
    copied = {name: _with_amount(item) for name, item in value.items()}
    if _is_payment(copied) and "DeliverMax" in copied:
        amount = copied.setdefault("Amount", copied["DeliverMax"])
        if same_json(amount, copied["DeliverMax"]):
            del copied["DeliverMax"]
    return copied


class Sign(_Signing):
    """The transaction, signed."""

    method = "sign"


class SignFor(_Signing):
    """The transaction, with one of several signatures."""

    method = "sign_for"


class SubmitMultisigned(_Signing):
    """The transaction, sent with several signatures."""

    method = "submit_multisigned"


class Submit(_Signing):
    """Only if it signs as well: the response to a `tx_blob` is the same in both versions (rippled's Submit.cpp)."""

    method = "submit"

    def _signs(self, params: JsonObject) -> bool:
        return "tx_blob" not in params and "tx_json" in params

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return result if "tx_blob" in params else super().downgrade_result(result, params)

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return result if "tx_blob" in params else super().upgrade_result(result, params)
