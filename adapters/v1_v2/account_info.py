"""account_info: the signer lists moved out of the account's data."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.clio import refused_by_validation
from adapters.errors import error_result
from adapters.json_values import is_boolean_or_absent, with_boolean

_NO_ACCOUNT = "Missing field 'account'."


class AccountInfo(MethodAdapter):
    """`signer_lists` moved from `account_data` to the top of the result, and the request's must be a boolean.

    v1 reads any value of the request's `signer_lists` as a boolean. v2 refuses other values with `invalidParams`, next
    to the account's data, but only if the account exists (rippled's AccountInfo.cpp). Clio refuses them before it looks
    up the account, without its data.
    """

    method = "account_info"

    def upgrade_request(self, params: JsonObject) -> JsonObject:
        return with_boolean(params, "signer_lists")

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if "signer_lists" in result and isinstance(result.get("account_data"), dict):
            result["account_data"]["signer_lists"] = result.pop("signer_lists")
        return result

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        account_data = result.get("account_data")
        if isinstance(account_data, dict) and "signer_lists" in account_data:
            result["signer_lists"] = account_data.pop("signer_lists")
        return result

    def serve_newer(self, params: JsonObject) -> Conversation:
        if is_boolean_or_absent(params, "signer_lists"):
            return (yield from super().serve_newer(params))
        if self.node.is_clio:
            result = yield NodeRequest(self.method, params)
            # That no account is named is noticed after the validation.
            is_validation = refused_by_validation(result) and result.get("error_message") != _NO_ACCOUNT
            return result if is_validation else self.error("invalidParams")
        asked = {name: value for name, value in params.items() if name != "signer_lists"}
        result = yield NodeRequest(self.method, asked)
        if "error" not in result:
            result.pop("queue_data", None)
            result.update(error_result("invalidParams"))
        return result
