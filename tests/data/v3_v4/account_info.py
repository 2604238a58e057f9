"""account_info: the flags moved into the account's data."""

from adapters.adapter import JsonObject, MethodAdapter


class AccountInfo(MethodAdapter):
    """`account_flags` moved to `account_data.flags`."""

    method = "account_info"

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if "flags" in result["account_data"]:
            result["account_flags"] = result["account_data"].pop("flags")
        return result

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if "account_flags" in result:
            result["account_data"]["flags"] = result.pop("account_flags")
        return result

    def upgrade_error(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return self._moved(result, self.upgrade_result)

    def downgrade_error(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return self._moved(result, self.downgrade_result)

    def _moved(self, result: JsonObject, move: object) -> JsonObject:
        """An error may stand next to the account's data."""
        return move(result, {}) if callable(move) and "account_data" in result else result
