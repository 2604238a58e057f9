"""The error of a server that is out of sync has another name."""

from adapters.adapter import Conversation, ErrorAdapter, JsonObject, NodeRequest, immediate


class Errors(ErrorAdapter):
    """`outOfSync` is what v3 calls `notSynced`."""

    def downgrade_error(self, question: NodeRequest, result: JsonObject) -> Conversation:
        if result["error"] == "outOfSync":
            result["error"] = "notSynced"
        return immediate(result)

    def upgrade_error(self, question: NodeRequest, result: JsonObject) -> Conversation:
        if result["error"] == "notSynced":
            result["error"] = "outOfSync"
        return immediate(result)
