"""The errors of a server that is out of sync, which any method may return."""

from adapters.adapter import Conversation, ErrorAdapter, JsonObject, NodeRequest, immediate
from adapters.errors import error_result

_OLDER = ("noNetwork", "noCurrent", "noClosed")
# Methods without a condition (NO_CONDITION in its Handler.cpp), which check one thing themselves.
_SIGNING = ("sign", "sign_for")
_PATHS = ("ripple_path_find",)
_BELOW_SYNCING = ("disconnected", "connected")
# In seconds: rippled does not consider an older validated ledger current (its Tuning.h).
_OLDEST_CURRENT_LEDGER = 120


class SyncErrors(ErrorAdapter):
    """One error, `notSynced`, where v1 names the condition that is unmet: `noNetwork`, `noCurrent` or `noClosed`.

    Loss: v2 does not say which, so it is derived from the server's `server_info`; signing and path finding have only
    one. A look-up of a ledger has its own message in either version ("InsufficientNetworkMode", "notSynced"). Such an
    error from a Clio is that of its rippled, whose `server_info` it forwards for requests about the current ledger.
    """

    def downgrade_error(self, request: NodeRequest, result: JsonObject) -> Conversation:
        if result.get("error") != "notSynced":
            return result
        if result.get("error_message") == "notSynced":
            result.update(error_result("noNetwork", "InsufficientNetworkMode"))
        elif request.method in _SIGNING:
            result.update(error_result("noCurrent"))
        elif request.method in _PATHS:
            result.update(error_result("noNetwork"))
        else:
            server = yield NodeRequest("server_info", {"ledger_index": "current"} if self.node.is_clio else {})
            result.update(error_result(_unmet_condition(server)))
        return result

    def upgrade_error(self, request: NodeRequest, result: JsonObject) -> Conversation:
        if result.get("error") in _OLDER:
            looked_up = result.get("error_message") == "InsufficientNetworkMode"
            result.update(error_result("notSynced", "notSynced" if looked_up else None))
        return immediate(result)


def _unmet_condition(server: JsonObject) -> str:
    """Which of v1's conditions is unmet according to the server's `server_info`, in rippled's order."""
    info = server.get("info")
    if not isinstance(info, dict) or info.get("server_state") in _BELOW_SYNCING:
        return "noNetwork"
    validated = info.get("validated_ledger")
    age = validated.get("age") if isinstance(validated, dict) else None
    if not isinstance(age, int) or age > _OLDEST_CURRENT_LEDGER:
        return "noCurrent"
    return "noClosed"
