"""ledger_header: a method of v1 only, served by `ledger`."""

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest, immediate
from adapters.errors import error_result
from adapters.json_values import is_empty
from adapters.ledgers import downgrade_ledger_index, selected_ledger, serialised_header, unvalidated_ledger


class LedgerHeader(MethodAdapter):
    """Removed; its result is that of `ledger`, with the header's serialisation as `ledger_data`.

    The open ledger and the closed one before it change between two requests, so both are derived from one request for
    the closed one, as rippled makes the open ledger's header from that (its LedgerHeader.cpp).

    Clio does not have it in either version. It is served all the same, because v1 clients know it from rippled.
    """

    method = "ledger_header"

    def serve_older(self, params: JsonObject) -> Conversation:
        if self.node.software == "xrpld" and _names_null(params):
            return error_result("invalidParams", "Invalid field 'ledger_index', not string or number.")
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


def _names_null(params: JsonObject) -> bool:
    """Whether the request has a `ledger_index` of null, which rippled refuses from 3.0 on."""
    is_null = "ledger_index" in params and params["ledger_index"] is None
    return is_null and params.get("ledger_hash") is None and is_empty(params.get("ledger"))


def _open_ledger(closed: JsonObject) -> JsonObject:
    """The result for the open ledger that follows `closed`."""
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
