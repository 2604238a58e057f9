"""Nodes' responses to the proxy's own requests, taken out of their envelope."""

from typing import Any

import orjson

from proxy.nodes.response import NodeResponse
from proxy.nodes.status import OVERLOAD_ERRORS


def result_of(answer: NodeResponse) -> dict[str, Any] | None:
    """The `result` of a JSON-RPC response, None if that is not an object; the response itself if it has none, like the
    bare errors of Clio.
    """
    try:
        message = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(message, dict):
        return None
    result = message.get("result", message)
    return result if isinstance(result, dict) else None


def error_of(result: dict[str, Any]) -> str | None:
    """The token of a result that is an error, shortened; None if it is not an error."""
    error = result.get("error")
    return error[:64] if isinstance(error, str) else None


def refuses_version(answer: NodeResponse) -> bool:
    """Whether the node does not support the API version of the request."""
    return answer.status == 400 and answer.body.startswith(b"invalid_API_version")


def refuses_as_overloaded(answer: NodeResponse) -> bool:
    """Whether the node refuses the request because it is busy, or because the sender's address is throttled.

    rippled does so with a line of text and HTTP 503, Clio with a bare error, a proxy in front of a node with 429.
    """
    if answer.status not in (429, 503):
        return False
    result = result_of(answer)
    return error_of(result) in OVERLOAD_ERRORS if result is not None else not answer.body.lstrip().startswith(b"<")


def describe_invalid(answer: NodeResponse, api_version: int | None) -> str:
    """Describe a response without a result to a request in `api_version`."""
    if refuses_version(answer):
        return f"refuses API version {api_version}"
    is_json = answer.body.lstrip()[:1] in (b"{", b"[")
    return f"returns HTTP {answer.status} without {'a valid result' if is_json else 'JSON'}"
