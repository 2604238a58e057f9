"""sign, sign_for, submit and submit_multisigned: the shape of the transaction that they return."""

from adapters.adapter import JsonObject, MethodAdapter
from adapters.transactions import downgrade_transaction, is_transaction, upgrade_transaction


class _Signing(MethodAdapter):
    """`hash` stands beside `tx_json`, a Payment's amount is `DeliverMax` only (rippled's TransactionSign.cpp)."""

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
    """Only where it signs as well: the answer to a `tx_blob` is the same in both versions (rippled's Submit.cpp)."""

    method = "submit"

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return result if "tx_blob" in params else super().downgrade_result(result, params)

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return result if "tx_blob" in params else super().upgrade_result(result, params)
