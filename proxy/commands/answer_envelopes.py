"""Takes a result out of any envelope (JSON-RPC, WebSocket, none), and puts another one into the same envelope."""

from collections.abc import Callable

import orjson

from adapters import JsonObject
from proxy.envelope import (
    InvalidAnswer,
    jsonrpc_answer,
    read_jsonrpc_answer,
    read_websocket_answer,
    write_websocket,
)
from proxy.envelope.call import Call

Writing = Callable[[JsonObject], JsonObject]
"""Puts a result into an envelope."""

_OK = 200


def unwrap(answer: JsonObject, method: str, params: JsonObject, version: int) -> tuple[JsonObject, Writing]:
    """The result in a response to `method`, and how a result is put back as the response of API version `version`.

    Raises InvalidAnswer.
    """
    if answer.get("type") == "response":
        result, extras = read_websocket_answer(answer)
        call = _call(answer, answer, method, params, version, ("id", "jsonrpc", "ripplerpc", "api_version"))
        return result, lambda new: orjson.loads(write_websocket(call, new, extras))
    if isinstance(answer.get("result"), dict) or isinstance(answer.get("error"), dict):
        result, extras = read_jsonrpc_answer(_OK, orjson.dumps(answer))
        holder = answer["result"] if "result" in answer else answer["error"]
        call = _call(answer, holder, method, params, version, ("id", "jsonrpc", "ripplerpc"))
        return result, lambda new: jsonrpc_answer(call, new, extras)
    return _bare(answer)


def _call(
    answer: JsonObject, holder: JsonObject, method: str, params: JsonObject, version: int, echoed: tuple[str, ...]
) -> Call:
    """The call that `answer` responds to, as a client of `version` made it."""
    envelope = {name: answer[name] for name in echoed if name in answer}
    if "api_version" in envelope:
        envelope["api_version"] = version
    if not isinstance(envelope.get("ripplerpc", ""), str):
        raise InvalidAnswer("a response whose ripplerpc is not a string")
    request = holder.get("request")
    request = dict(request) if isinstance(request, dict) else {**params, "command": method}
    if "api_version" in request:
        request["api_version"] = version
    return Call(method=method, params=params, version=version, envelope=envelope, request=request)


def _bare(answer: JsonObject) -> tuple[JsonObject, Writing]:
    """A result without an envelope; its `status`, if any, is updated."""
    extras = {name: answer[name] for name in ("status", "request") if name in answer}
    result = {name: value for name, value in answer.items() if name not in extras}

    def put_back(new: JsonObject) -> JsonObject:
        if "status" in extras:
            new = {**new, "status": "error" if "error" in new else "success"}
        return {**new, "request": extras["request"]} if "request" in extras and "error" in new else new

    return result, put_back
