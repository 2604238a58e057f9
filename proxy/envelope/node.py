"""What a node is asked, written anew, and what it answers, taken out of its envelope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from proxy.envelope.strict_json import write

_ENVELOPE = frozenset({"id", "jsonrpc", "ripplerpc", "api_version", "status", "type", "request", "result", "error"})
_RESULT_ENVELOPE = _ENVELOPE - {"api_version"}
"""The same for JSON-RPC, where a Clio repeats the version of a request that it forwards."""
CLIO_WARNING_FIELD = "clio_warning"
"""Stands for a `warning` next to a JSON-RPC result, where Clio has it; that of rippled is inside the result."""
_EXTRA_FIELDS = frozenset({"warning", "warnings", "forwarded"})
"""What stands beside a result, also beside an error that a WebSocket answer has no result around."""


class InvalidAnswer(ValueError):  # noqa: N818 - what has happened, not what is wrong with us
    """A node's answer is none. The text says how, and quotes nothing of it."""


def node_request(method: str, params: dict[str, Any], api_version: int) -> bytes:
    """The JSON-RPC body that asks a node; `params` as in a call."""
    return write({"method": method, "params": [{**params, "api_version": api_version}]})


def node_message(method: str, params: dict[str, Any], api_version: int, message_id: Any) -> bytes:
    """The WebSocket message that asks a node; `params` as in a call, `message_id` what the answer is known by."""
    return write({**params, "id": message_id, "command": method, "api_version": api_version})


def read_jsonrpc_answer(
    status: int, body: bytes, read: Callable[[bytes], Any] = orjson.loads
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result in a node's JSON-RPC answer, and what stands beside it. `status` is the HTTP status it came with.

    `read` reads the JSON of it.

    An error is understood inside `result`, at the top as `ripplerpc` 2.0 has it, and bare, as Clio writes it when it
    is overloaded. Raises AnswerUnreadable.
    """
    try:
        answer = read(body)
    except orjson.JSONDecodeError:
        raise InvalidAnswer(f"HTTP {status} with {len(body)} bytes that are not JSON") from None
    if not isinstance(answer, dict):
        raise InvalidAnswer(f"HTTP {status} with JSON that is not an object")
    beside = {name: value for name, value in answer.items() if name not in _RESULT_ENVELOPE} if len(answer) > 1 else {}
    if "warning" in beside:
        beside[CLIO_WARNING_FIELD] = beside.pop("warning")
    result, error = answer.get("result"), answer.get("error")
    if isinstance(result, dict):
        pass
    elif isinstance(error, dict) and isinstance(error.get("error"), str):
        result = _of_ripplerpc_2(error)
    elif isinstance(error, str):
        result, beside = _flat_error(answer)
    else:
        raise InvalidAnswer(f"HTTP {status} with an object that has no result")
    _check_error(result)
    if result.get("status") in ("success", "error"):
        del result["status"]
    if "error" in result:
        result.pop("request", None)
    if result.get("warning") == "load":
        beside["warning"] = result.pop("warning")
    return result, beside


def read_websocket_answer(message: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result in a node's answer by WebSocket, and what stands beside it. Raises AnswerUnreadable."""
    if isinstance(message.get("error"), str):
        return _flat_error(message)
    if "error" in message:
        raise InvalidAnswer("a message with an error that is not a string")
    result = message.get("result")
    if not isinstance(result, dict):
        raise InvalidAnswer("a message that has no result")
    _check_error(result)
    return result, {name: value for name, value in message.items() if name not in _ENVELOPE}


def _check_error(result: dict[str, Any]) -> None:
    """Raises InvalidAnswer for an `error` that is not a token: everything after this looks it up as one."""
    if not isinstance(result.get("error"), str | None):
        raise InvalidAnswer("a result with an error that is not a string")


def _flat_error(answer: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """An error whose members are the answer's own."""
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
