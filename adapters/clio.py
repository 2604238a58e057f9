"""Clio's peculiarities: its errors, which it returns before any look-up, and the warning in each of its responses."""

from typing import Any

from adapters.errors import error_result

CLIO_WARNING: dict[str, Any] = {
    "id": 2001,
    "message": (
        "This is a clio server. clio only serves validated data. If you want to talk to rippled, include "
        "'ledger_index':'current' in your request"
    ),
}
"""An entry in the `warnings` of every response (its rpc/Errors.cpp)."""

_OWN_ERRORS = {"unknownOption": (5005, "Unknown option.")}
_NOT_FROM_VALIDATION = {
    "actNotFound",
    "entryNotFound",
    "lgrNotFound",
    "objectNotFound",
    "txnNotFound",
    "excessiveLgrRange",
    "invalidLgrRange",
    "lgrIdxMalformed",
    "lgrIdxsInvalid",
    "wrongNetwork",
}
_FORWARDED = {
    "channel_authorize",
    "channel_verify",
    "fee",
    "ledger_closed",
    "ledger_current",
    "manifest",
    "ripple_path_find",
    "server_definitions",
    "server_state",
    "simulate",
    "submit",
    "submit_multisigned",
}
_NEVER_FORWARDED = {
    "ledger_index",
    "mpt_holders",
    "mptoken_issuance_history",
    "nft_history",
    "nft_info",
    "nfts_by_issuer",
    "subscribe",
    "unsubscribe",
}


def clio_error(token: str, message: str | None = None) -> dict[str, Any]:
    """Clio's result for an error, with its own message unless another is given.

    Raises KeyError for a token that neither Clio nor rippled has.
    """
    if token not in _OWN_ERRORS:
        return {**error_result(token, message), "type": "response"}
    code, own_message = _OWN_ERRORS[token]
    return {"error": token, "error_code": code, "error_message": message or own_message, "type": "response"}


def is_forwarded(method: str, params: dict[str, Any]) -> bool:
    """Whether Clio sends a request on to its rippled, which then answers as any rippled (its ForwardingProxy.hpp)."""
    if method in _NEVER_FORWARDED:
        return False
    asks_for_queue = method in ("account_info", "ledger") and params.get("queue") is True
    return asks_for_queue or method in _FORWARDED or params.get("ledger_index") in ("current", "closed")


def refused_by_validation(result: dict[str, Any]) -> bool:
    """Whether Clio refused a request because of its parameters, which it checks before any look-up."""
    return "error" in result and result["error"] not in _NOT_FROM_VALIDATION
