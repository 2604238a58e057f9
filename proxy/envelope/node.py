"""Requests to nodes, written from calls, and results, taken out of the nodes' responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from proxy.envelope.strict_json import write

_ENVELOPE = frozenset({"id", "jsonrpc", "ripplerpc", "api_version", "status", "type", "request", "result", "error"})
_RESULT_ENVELOPE = _ENVELOPE - {"api_version"}
"""The same for JSON-RPC, where Clio repeats the version of a request that it forwards."""
CLIO_WARNING_FIELD = "clio_warning"
"""The name here for Clio's `warning` next to a JSON-RPC result; rippled's is inside the result."""
_EXTRA_FIELDS = frozenset({"warning", "warnings", "forwarded"})
"""Members next to a result, or next to the members of a WebSocket error, which has no `result`."""


class InvalidAnswer(ValueError):
    """A node's response is invalid. The text says in what way, and quotes nothing of it."""


def node_request(method: str, params: dict[str, Any], api_version: int) -> bytes:
    """The JSON-RPC body of a node request; `params` as in a call."""
    return write({"method": method, "params": [{**params, "api_version": api_version}]})


def node_message(method: str, params: dict[str, Any], api_version: int, message_id: Any) -> bytes:
    """The WebSocket message of a node request; `params` as in a call, `message_id` identifies the response."""
    return write({**params, "id": message_id, "command": method, "api_version": api_version})


def read_jsonrpc_answer(
    status: int, body: bytes, read: Callable[[bytes], Any] = orjson.loads
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result in a node's JSON-RPC response, and the members next to it. `status` is the HTTP status.

    `read` parses the JSON. An error may be inside `result`, at the top as in `ripplerpc` 2.0, or bare, as from an
    overloaded Clio. Raises InvalidAnswer.
    """
    try:
        answer = read(body)
    except orjson.JSONDecodeError:
        raise InvalidAnswer(f"HTTP {status} with {len(body)} bytes that are not JSON") from None
    if not isinstance(answer, dict):
        raise InvalidAnswer(f"HTTP {status} with JSON that is not an object")
    extras = {name: value for name, value in answer.items() if name not in _RESULT_ENVELOPE} if len(answer) > 1 else {}
    if "warning" in extras:
        extras[CLIO_WARNING_FIELD] = extras.pop("warning")
    result, error = answer.get("result"), answer.get("error")
    if isinstance(result, dict):
        pass
    elif isinstance(error, dict) and isinstance(error.get("error"), str):
        result = _of_ripplerpc_2(error)
    elif isinstance(error, str):
        result, extras = _flat_error(answer)
    else:
        raise InvalidAnswer(f"HTTP {status} with an object that has no result")
    if result.get("error") is not None:
        _check_error(result)
    if result.get("status") in ("success", "error"):
        del result["status"]
    if "error" in result:
        result.pop("request", None)
    if result.get("warning") == "load":
        extras["warning"] = result.pop("warning")
    return result, extras


def read_websocket_answer(message: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result in a node's WebSocket response, and the members next to it. Raises InvalidAnswer."""
    if isinstance(message.get("error"), str):
        return _flat_error(message)
    if "error" in message:
        raise InvalidAnswer("a message with an error that is not a string")
    result = message.get("result")
    if not isinstance(result, dict):
        raise InvalidAnswer("a message that has no result")
    _check_error(result)
    if _ENVELOPE.issuperset(message):  # as nearly always
        return result, {}
    return result, {name: value for name, value in message.items() if name not in _ENVELOPE}


def _check_error(result: dict[str, Any]) -> None:
    """Raises InvalidAnswer for an `error` that is not a string: later steps use it as a token."""
    error = result.get("error")
    if error is not None and not isinstance(error, str):
        raise InvalidAnswer("a result with an error that is not a string")


def _flat_error(answer: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """An error whose members are at the top of the response."""
    result = {
        name: value
        for name, value in answer.items()
        if name == "error" or (name not in _ENVELOPE and name not in _EXTRA_FIELDS)
    }
    return result, {name: value for name, value in answer.items() if name in _EXTRA_FIELDS}


def _of_ripplerpc_2(error: dict[str, Any]) -> dict[str, Any]:
    result = {name: value for name, value in error.items() if name not in ("code", "message") and value is not None}
    if error.get("message") is not None:
        result["error_message"] = error["message"]
    return result
