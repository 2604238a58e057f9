"""account_currencies: a member of another name."""

from adapters.adapter import JsonObject, MethodAdapter


class AccountCurrencies(MethodAdapter):
    """`receive_currencies` became `receive`."""

    method = "account_currencies"

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if "receive" in result:
            result["receive_currencies"] = result.pop("receive")
        return result

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if "receive_currencies" in result:
            result["receive"] = result.pop("receive_currencies")
        return result
