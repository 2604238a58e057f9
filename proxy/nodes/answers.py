"""What a node answers to the proxy's own questions, taken out of its envelope."""

from typing import Any

import orjson

from proxy.nodes.http import RawAnswer


def result_of(answer: RawAnswer) -> dict[str, Any] | None:
    """The `result` of a JSON-RPC answer, `{}` if it has none, None if the answer is not a JSON object."""
    try:
        message = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(message, dict):
        return None
    result = message.get("result")
    return result if isinstance(result, dict) else {}


def error_of(result: dict[str, Any]) -> str | None:
    """The token of a result that is an error, cut short, None of one that is none."""
    error = result.get("error")
    return error[:64] if isinstance(error, str) else None


def refuses_version(answer: RawAnswer) -> bool:
    """Whether the node does not speak the API version that it was asked in."""
    return answer.status == 400 and answer.body.startswith(b"invalid_API_version")


def not_json(answer: RawAnswer, api_version: int | None) -> str:
    """Words for an answer without JSON to a question asked in `api_version`."""
    if refuses_version(answer):
        return f"refuses API version {api_version}"
    return f"answers HTTP {answer.status} without JSON"
