"""noripple_check: `transactions` must be a boolean."""

from typing import Any

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.clio import refused_by_validation
from adapters.errors import error_result
from adapters.json_values import is_boolean_or_absent, is_empty, is_unsigned, with_boolean


class NoRippleCheck(MethodAdapter):
    """A `transactions` that is not a boolean is refused, where v1 reads it as one.

    The refusal comes after the checks of account, role and limit, before any ledger is looked up (rippled's
    NoRippleCheck.cpp). Valid limits differ between releases, so one that is not a plain number is left for the node to
    check. Clio checks all other parameters before `transactions`.
    """

    method = "noripple_check"

    def upgrade_request(self, params: JsonObject) -> JsonObject:
        return with_boolean(params, "transactions")

    def serve_newer(self, params: JsonObject) -> Conversation:
        if is_boolean_or_absent(params, "transactions"):
            return (yield from super().serve_newer(params))
        if self.node.is_clio:
            result = yield NodeRequest(self.method, params)
            return result if refused_by_validation(result) else self.error("invalidParams")
        if not _passes_earlier_checks(params):
            return (yield NodeRequest(self.method, params))
        if self.node.software == "xrpld" and not (
            params.get("limit") is None or (is_unsigned(params["limit"]) and params["limit"])
        ):
            others = {name: value for name, value in params.items() if name != "transactions"}
            result = yield NodeRequest(self.method, others)
            if _is_about_limit(result):
                return result
        return error_result("invalidParams", "Invalid field 'transactions'.")


def _passes_earlier_checks(params: JsonObject) -> bool:
    limit: Any = params.get("limit")
    # As in its readLimitField; rippled 3.x also refuses an empty one.
    is_limit = is_empty(limit) or is_unsigned(limit)
    return isinstance(params.get("account"), str) and params.get("role") in ("gateway", "user") and is_limit


def _is_about_limit(result: JsonObject) -> bool:
    message = result.get("error_message")
    return result.get("error") == "invalidParams" and isinstance(message, str) and "'limit'" in message
