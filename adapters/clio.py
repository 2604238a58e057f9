"""What is Clio's own: its errors, which it gives before any look-up, and the warning on each of its responses."""

from typing import Any

from adapters.errors import error_result

CLIO_WARNING: dict[str, Any] = {
    "id": 2001,
    "message": (
        "This is a clio server. clio only serves validated data. If you want to talk to rippled, include "
        "'ledger_index':'current' in your request"
    ),
}
"""Stands in the `warnings` of every response (its rpc/Errors.cpp)."""

_OWN_ERRORS = {"unknownOption": (5005, "Unknown option.")}
_NOT_FROM_VALIDATION = frozenset({"actNotFound", "lgrNotFound", "txnNotFound", "entryNotFound", "objectNotFound"})


def clio_error(token: str, message: str | None = None) -> dict[str, Any]:
    """The result that Clio gives for an error, with its own message unless another is given.

    Raises KeyError for a token that neither it nor rippled has.
    """
    if token not in _OWN_ERRORS:
        return {**error_result(token, message), "type": "response"}
    code, own_message = _OWN_ERRORS[token]
    return {"error": token, "error_code": code, "error_message": message or own_message, "type": "response"}


def refused_by_validation(result: dict[str, Any]) -> bool:
    """Whether Clio refused a request for its parameters, which it checks before it looks anything up."""
    return "error" in result and result["error"] not in _NOT_FROM_VALIDATION
