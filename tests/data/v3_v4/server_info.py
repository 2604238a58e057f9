"""server_info: what the proxy reads itself, to know of a node's health."""

from adapters.adapter import JsonObject, MethodAdapter


class ServerInfo(MethodAdapter):
    """`info.validated_ledger.seq` became `ledger_index`."""

    method = "server_info"

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        ledger = result["info"].get("validated_ledger", {})
        if "ledger_index" in ledger:
            ledger["seq"] = ledger.pop("ledger_index")
        return result

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        ledger = result["info"].get("validated_ledger", {})
        if "seq" in ledger:
            ledger["ledger_index"] = ledger.pop("seq")
        return result
