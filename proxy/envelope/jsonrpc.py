"""JSON-RPC requests and batches to calls, and results back, with rippled's checks in rippled's order.

The source is `ServerHandler::processRequest` of rippled's `ServerHandler.cpp`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from adapters.errors import http_status
from proxy.envelope.call import (
    ECHOED,
    ENVELOPE_FIELDS,
    Batch,
    BatchRefusal,
    Call,
    HttpRefusal,
    RejectedCall,
    RequestPolicy,
    make_call,
)
from proxy.envelope.node import CLIO_WARNING_FIELD
from proxy.envelope.secrets import masked
from proxy.envelope.strict_json import RequestUnreadable, TooManyElements, normalize_echo, read, write, write_line
from proxy.versions.negotiation import MISSING, VersionRefused, negotiate
from proxy.versions.own import own_error

_METHOD_NOT_FOUND, _FORBIDDEN, _WRONG_VERSION = -32601, -32605, -32606
"""Codes of the errors that stand for an item of a batch."""

_NO_PARAMS: tuple[Any, ...] = (None, "", [], {}, [None], [{}])
_NOT_ITEMS_PARAMS = ENVELOPE_FIELDS | {"params"}
"""A batch's item is flat; its `params` are read for the version and administrator credentials only."""


_ERROR_BYTES = 32_768
"""Bytes at the beginning of a node's response that are searched for an error. What rippled, which sorts members by
name, and Clio write before it is short, and both have `"status":"error"` at the end. To search a megabyte takes longer
than to read and write it."""
_HEAD_BYTES, _TAIL_BYTES = 64, 1024
"""Bytes at either end of a node's response that are searched for an echo of the request's version: Clio has one there.
"""


def read_jsonrpc(body: bytes, policy: RequestPolicy) -> Call | RejectedCall | Batch | HttpRefusal:
    """The call or calls in the body of a POST, or the refusal. Raises nothing."""
    if len(body) > policy.request_bytes:
        return refuse_size(policy.request_bytes)
    try:
        request = read(body, depth=policy.depth, params_have_ids=True, max_elements=policy.elements)
    except TooManyElements as error:
        return _unable_to_parse(str(error), "too_large")
    except RequestUnreadable as error:
        return _unable_to_parse(str(error), "unreadable")
    if not isinstance(request, dict) or not request:
        return _unable_to_parse("", "unreadable")
    if request.get("method") == "batch":
        return _read_batch(request.get("params"), policy)
    try:
        return _read_call(request, policy)
    except VersionRefused as refused:
        return HttpRefusal(400, refused.message, "version", _method_of(request), refused)
    except _NoCall as refused:
        status = 403 if refused.code == _FORBIDDEN else 400
        return HttpRefusal(status, refused.text, refused.reason, _method_of(request))


def refuse_size(limit: int) -> HttpRefusal:
    """The refusal of a body of more than `limit` bytes."""
    return _unable_to_parse(f"larger than {limit} bytes", "too_large")


def jsonrpc_answer(call: Call, result: dict[str, Any], extras: dict[str, Any] | None = None) -> dict[str, Any]:
    """The response to `call`, to be written alone or in a batch. Does not modify its arguments."""
    if "api_version" in result:
        result = _with_own_version(call, result)
    extras = _with_own_version(call, extras) if extras else {}
    if "warning" in extras:  # rippled's, about the client's load: it belongs inside the result
        result = {**result, "warning": extras["warning"]}
        extras = {name: value for name, value in extras.items() if name != "warning"}
    if CLIO_WARNING_FIELD in extras:
        extras = {("warning" if name == CLIO_WARNING_FIELD else name): value for name, value in extras.items()}
    if "error" not in result:
        body = {"result": {**result, "status": "success"}}
    elif call.envelope.get("ripplerpc", "1.0") >= "2.0":
        code, message = result.get("error_code"), result.get("error_message")
        error = {**result, "error_code": code, "code": code, "message": message, "status": "error"}
        error.pop("error_message", None)
        body = {"error": error}
    else:
        request = normalize_echo(masked({**call.request, "command": call.method}))
        body = {"result": {**result, "request": request, "status": "error"}}
    return {**extras, **body, **call.envelope}


def _with_own_version(call: Call, echoed: dict[str, Any]) -> dict[str, Any]:
    """What Clio echoes of a request that it forwards, with the client's `api_version` instead of the proxy's."""
    if "api_version" not in echoed:
        return echoed
    others = {name: value for name, value in echoed.items() if name != "api_version"}
    return {**others, "api_version": call.version} if "api_version" in call.request else others


def write_jsonrpc(call: Call, result: dict[str, Any], extras: dict[str, Any] | None = None) -> tuple[int, bytes]:
    """The HTTP status and body of the response to `call`."""
    answer = jsonrpc_answer(call, result, extras)
    status = 200
    if "error" in answer and call.envelope["ripplerpc"] >= "3.0":
        status = http_status(answer["error"]["error_code"])
    return status, write_line(answer)


def write_batch(answers: Sequence[dict[str, Any] | orjson.Fragment]) -> bytes:
    """The body of the response to a batch; its HTTP status is always 200.

    `answers`: those of `jsonrpc_answer`, which may already be bytes, and those of refused items, in the items' order.
    """
    return write_line(answers)


def splice_jsonrpc(call: Call, node_body: bytes) -> bytes | None:
    """A node's successful response as the response to `call`, without parsing it; None if it has to be parsed.

    The node request had no `id`, `jsonrpc` and `ripplerpc`, so that these can be inserted at the front.
    """
    if (
        node_body.find(b'"api_version"', 0, _HEAD_BYTES) >= 0
        or node_body.rfind(b'"api_version"', -_TAIL_BYTES) >= 0
        or not node_body.startswith(b'{"')
        or not node_body[-8:].rstrip().endswith(b"}")
        or node_body.find(b'"result":{', 0, _ERROR_BYTES) < 0
        # A match inside a string is impossible: its quotation marks would be escaped.
        or node_body.rfind(b'"error"', 0, _ERROR_BYTES) >= 0  # `find` takes three times as long
        or (len(node_body) > _ERROR_BYTES and node_body.rfind(b'"error"', -_TAIL_BYTES) >= 0)
    ):
        return None
    if not call.envelope:
        return node_body
    return b"".join((write(call.envelope)[:-1], b",", memoryview(node_body)[1:]))


class _NoCall(Exception):
    """The request is refused before it becomes a call."""

    def __init__(self, text: str, reason: str, code: int = _METHOD_NOT_FOUND) -> None:
        super().__init__(reason)
        self.text = text
        self.reason = reason
        self.code = code


def _read_batch(items: Any, policy: RequestPolicy) -> Batch | HttpRefusal:
    if not isinstance(items, list):
        return HttpRefusal(400, "Malformed batch request", "batch_malformed", "batch")
    if len(items) > policy.batch_items:
        text = f"Malformed batch request: {len(items)} items, of which {policy.batch_items} are allowed"
        return HttpRefusal(400, text, "batch_too_long", "batch")
    return Batch([_read_item(item, policy) for item in items])


def _read_item(item: Any, policy: RequestPolicy) -> Call | RejectedCall | BatchRefusal:
    if not isinstance(item, dict):
        error = _item_error(_METHOD_NOT_FOUND, "Method not found")
        return BatchRefusal({"request": normalize_echo(item), "error": error}, "no_object")
    try:
        return _read_call(item, policy, in_batch=True)
    except VersionRefused as refused:
        answer = {"request": _masked_item(item), "error": _item_error(_WRONG_VERSION, "invalid_API_version")}
        return BatchRefusal(answer, "version", _method_of(item), refused)
    except _NoCall as refused:
        answer = {**_masked_item(item), "error": _item_error(refused.code, refused.text)}
        return BatchRefusal(answer, refused.reason, _method_of(item))


def _read_call(request: dict[str, Any], policy: RequestPolicy, *, in_batch: bool = False) -> Call | RejectedCall:
    """Raises VersionRefused and _NoCall."""
    method = request.get("method")
    params: Any = request.get("params")
    first: dict[str, Any] = params[0] if type(params) is list and params and type(params[0]) is dict else {}
    asked = first.get("api_version", MISSING)
    if in_batch and (asked is MISSING or (asked == 1 and type(asked) is int)):
        asked = request.get("api_version", asked)
    version = negotiate(asked, policy.versions, policy.default_version)
    verdict = policy.guard.check(method, request if in_batch else first)
    if verdict == "forbidden" or (in_batch and policy.guard.check(method, first) == "forbidden"):
        raise _NoCall("Forbidden", "forbidden", _FORBIDDEN)
    if method is None:
        raise _NoCall("Null method", "null_method")
    if not isinstance(method, str):
        raise _NoCall("method is not string", "method_no_string")
    if not method:
        raise _NoCall("method is empty", "method_empty")
    # Absent, null or an empty container means no parameters; else it must be an array of one object or null.
    if not ((first and len(params) == 1) or in_batch or params in _NO_PARAMS):
        raise _NoCall("params unparseable", "params_unparseable")
    given = request if in_batch else first
    if "ripplerpc" in given and not isinstance(given["ripplerpc"], str):
        raise _NoCall("ripplerpc is not a string", "ripplerpc_no_string")
    call = make_call(method, given, version, ECHOED, _NOT_ITEMS_PARAMS if in_batch else ENVELOPE_FIELDS)
    # `method` and `command` name the same thing, and rippled checks both; a batch within a batch is not a method.
    if given.get("method", method) != method or method == "batch":
        return RejectedCall(call, own_error("unknownCmd", None, version), "unknown_method")
    if verdict == "no_permission":
        return RejectedCall(call, own_error("noPermission", None, version), "no_permission")
    return call


def _method_of(request: dict[str, Any]) -> str | None:
    method = request.get("method")
    return method if isinstance(method, str) else None


def _masked_item(item: dict[str, Any]) -> dict[str, Any]:
    """A batch's item as it is echoed: with secrets masked, including any inside `params`."""
    answer: dict[str, Any] = normalize_echo(masked(item))
    if isinstance(params := item.get("params"), list):
        answer["params"] = normalize_echo([masked(param) if isinstance(param, dict) else param for param in params])
    return answer


def _item_error(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _unable_to_parse(why: str, reason: str) -> HttpRefusal:
    return HttpRefusal(400, f"Unable to parse request: {why}", reason)
