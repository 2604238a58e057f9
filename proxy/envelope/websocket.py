"""WebSocket messages to calls, and results back, with rippled's checks in rippled's order.

The source is `ServerHandler::onWSMessage` and `ServerHandler::processSession` of rippled's `ServerHandler.cpp`.
"""

from __future__ import annotations

from typing import Any

from proxy.envelope.call import ECHOED, Call, RejectedCall, RequestPolicy, WebSocketRefusal, make_call
from proxy.envelope.secrets import masked
from proxy.envelope.strict_json import RequestUnreadable, TooManyElements, normalize_echo, read, write
from proxy.versions.negotiation import MISSING, VersionRefused, negotiate
from proxy.versions.own import own_error

_ECHOED = (*ECHOED, "api_version")
_ECHO_BYTES = 1_000
"""Bytes of a message that is not JSON to echo, so that a small compressed message cannot cause a large one."""


def read_websocket(message: bytes | str, policy: RequestPolicy) -> Call | RejectedCall | WebSocketRefusal:
    """The call in a client's message, or the refusal. Raises nothing."""
    body = message.encode(errors="surrogatepass") if isinstance(message, str) else message
    if len(body) > policy.request_bytes:
        return _unreadable(body, "unreadable")
    try:
        request = read(body, depth=policy.depth, max_elements=policy.elements)
    except TooManyElements as problem:
        return _unreadable(body, "too_large", error_message=str(problem))
    except RequestUnreadable:
        request = None
    if not isinstance(request, dict):
        return _unreadable(body, "unreadable")
    method = _method_of(request)
    try:
        version = negotiate(request.get("api_version", MISSING), policy.versions, policy.default_version)
    except VersionRefused as refused:
        answer = _error_answer(request, error="invalid_API_version", error_message=refused.detail)
        return WebSocketRefusal(answer, "version", method, refused)
    if method is None:
        return WebSocketRefusal(_error_answer(request, error="missingCommand"), "missing_command")
    call = make_call(method, request, version, _ECHOED)
    verdict = policy.guard.check(method, request)
    if verdict == "forbidden":
        return RejectedCall(call, own_error("forbidden", None, version), "forbidden")
    # Not methods over WebSocket, but a node would interpret them over HTTP.
    if method in ("batch", ""):
        return RejectedCall(call, own_error("unknownCmd", None, version), "unknown_method")
    if verdict == "no_permission":
        return RejectedCall(call, own_error("noPermission", None, version), "no_permission")
    return call


def write_websocket(call: Call, result: dict[str, Any], extras: dict[str, Any] | None = None) -> bytes:
    """The response message to `call`: an error's members at the top, next to the request."""
    if "error" in result:
        body = {**result, "request": normalize_echo(masked(call.request)), "status": "error"}
    elif not extras:
        return write({"result": result, "status": "success", "type": "response", **call.envelope})
    else:
        body = {"result": result, "status": "success"}
    return write({**body, **(extras or {}), "type": "response", **call.envelope})


def splice_websocket(call: Call, node_message: bytes) -> bytes | None:
    """A node's successful response as the response to `call`, without parsing it; None if it has to be parsed.

    Formatted as rippled formats it, with the echoed members before the result.
    """
    at = node_message.find(b'"result":{')
    # A match inside a string is impossible: its quotation marks would be escaped.
    if at < 0 or b'"error"' in node_message:
        return None
    echoed = write(call.envelope)[1:-1]
    return b"".join((b"{", echoed, b"," if echoed else b"", memoryview(node_message)[at:]))


def _method_of(request: dict[str, Any]) -> str | None:
    """`command` or `method`; None if both are missing, not strings, or different."""
    command = request.get("command", request.get("method"))
    return command if isinstance(command, str) and request.get("method", command) == command else None


def _unreadable(body: bytes, reason: str, **why: str) -> WebSocketRefusal:
    """The refusal of a message that is not a request. It echoes the message, as rippled does, but not all of it."""
    value = body[:_ECHO_BYTES].decode(errors="replace")
    return WebSocketRefusal(write({"type": "error", "error": "jsonInvalid", **why, "value": value}) + b"\n", reason)


def _error_answer(request: dict[str, Any], **error: str) -> bytes:
    shown = normalize_echo(masked(request))
    extras = {name: shown[name] for name in _ECHOED if name in shown}
    return write({**error, "request": shown, "status": "error", "type": "response", **extras})
