"""account_info: the signer lists moved out of the account's own data."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.errors import error_result
from adapters.json_values import as_boolean


class AccountInfo(MethodAdapter):
    """`signer_lists` left `account_data` for the top of the result, and must be asked for with a boolean.

    v1 reads any value of the request's `signer_lists` as a boolean. v2 refuses what is none, with `invalidParams`
    beside the account's data, but only where there is such an account (rippled's AccountInfo.cpp).
    """

    method = "account_info"

    def upgrade_request(self, params: JsonObject) -> JsonObject:
        if isinstance(params.get("signer_lists", True), bool):
            return params
        return {**params, "signer_lists": as_boolean(params["signer_lists"])}

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
        if isinstance(params.get("signer_lists", True), bool):
            return (yield from super().serve_newer(params))
        asked = {name: value for name, value in params.items() if name != "signer_lists"}
        result = yield NodeRequest(self.method, asked)
        if "error" not in result:
            result.pop("queue_data", None)
            result.update(error_result("invalidParams"))
        return result
