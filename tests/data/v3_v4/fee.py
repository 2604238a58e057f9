"""fee: drops are numbers, and the open ledger is not named any more."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest


class Fee(MethodAdapter):
    """`drops` has numbers, where v3 has strings; `ledger_current_index` was removed."""

    method = "fee"

    def serve_older(self, params: JsonObject) -> Conversation:
        result = yield NodeRequest(self.method, params)
        if "error" in result:
            return result
        current = yield NodeRequest("ledger_current", {})
        if "error" in current:
            return current
        result["ledger_current_index"] = current["ledger_current_index"]
        result["drops"] = {name: str(value) for name, value in result["drops"].items()}
        return result

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        result.pop("ledger_current_index", None)
        result["drops"] = {name: int(value) for name, value in result["drops"].items()}
        return result
