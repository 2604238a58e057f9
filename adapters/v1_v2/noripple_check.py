"""noripple_check: `transactions` must be a boolean."""

from typing import Any

from adapters.adapter import Conversation, JsonObject, MethodAdapter
from adapters.errors import error_result
from adapters.json_values import as_boolean, is_empty, is_ledger_number


class NoRippleCheck(MethodAdapter):
    """A `transactions` that is no boolean is refused, where v1 reads it as one.

    The refusal comes after the checks of account, role and limit, before any ledger is looked up (rippled's
    NoRippleCheck.cpp).
    """

    method = "noripple_check"

    def upgrade_request(self, params: JsonObject) -> JsonObject:
        if isinstance(params.get("transactions", True), bool):
            return params
        return {**params, "transactions": as_boolean(params["transactions"])}

    def serve_newer(self, params: JsonObject) -> Conversation:
        if not isinstance(params.get("transactions", True), bool) and _passes_earlier_checks(params):
            return error_result("invalidParams", "Invalid field 'transactions'.")
        return (yield from super().serve_newer(params))


def _passes_earlier_checks(params: JsonObject) -> bool:
    limit: Any = params.get("limit")
    # As its readLimitField has it.
    is_limit = is_empty(limit) or is_ledger_number(limit)
    return isinstance(params.get("account"), str) and params.get("role") in ("gateway", "user") and is_limit
