"""ledger_header: a method of v1 only, served from `ledger`."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest, immediate
from adapters.errors import error_result
from adapters.ledgers import downgrade_ledger_index, selected_ledger, serialised_header, unvalidated_ledger


class LedgerHeader(MethodAdapter):
    """Gone; its answer is that of `ledger` and the header's serialisation as `ledger_data`.

    The open ledger and the closed one before it move on while they are asked about, so both are told from one look at
    the closed one: rippled makes the open ledger's header from that (its LedgerHeader.cpp).
    """

    method = "ledger_header"

    def serve_older(self, params: JsonObject) -> Conversation:
        moving = unvalidated_ledger(params)
        asked = selected_ledger(params)
        if moving is not None:
            closed = yield NodeRequest("ledger_closed", {})
            if "error" in closed:
                return closed
            asked = {"ledger_hash": closed.get("ledger_hash")}
        result = yield NodeRequest("ledger", asked)
        ledger = result.get("ledger")
        if "error" in result or not isinstance(ledger, dict):
            return result
        if moving == "current":
            return _open_ledger(ledger)
        result["ledger_data"] = serialised_header(ledger)
        downgrade_ledger_index(ledger)
        return result

    def serve_newer(self, params: JsonObject) -> Conversation:
        return immediate(error_result("unknownCmd"))


def _open_ledger(closed: JsonObject) -> JsonObject:
    """The answer for the open ledger that follows `closed`."""
    index = int(closed["ledger_index"]) + 1
    return {
        "ledger": {"closed": False, "ledger_index": str(index), "parent_hash": closed["ledger_hash"]},
        "ledger_current_index": index,
        "ledger_data": serialised_header(
            {
                **closed,
                "ledger_index": index,
                "parent_hash": closed["ledger_hash"],
                "parent_close_time": closed["close_time"],
            }
        ),
        "validated": False,
    }
