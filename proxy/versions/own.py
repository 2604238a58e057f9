"""The proxy's own errors, and its own reading of responses: written for one version and passed through the adapters."""

from functools import lru_cache
from typing import Final

from adapters import MISSHAPEN, VERSIONS, Conversation, JsonObject, NodeInfo
from adapters.errors import error_result
from adapters.node import UNKNOWN_NODE

OWN_VERSION: Final = 2
"""The API version that the proxy's own errors and its readers of nodes' responses are written for."""
_ANY_METHOD = ""
"""A method without adapters: only the adapters for errors of any method apply."""
_MOST_REQUESTS = 10
_LONGEST_TOKEN = 64


def own_error(token: str, message: str | None, client_version: int) -> JsonObject:
    """An error of the proxy in `OWN_VERSION`, converted to the client's version, with its usual message or this one."""
    converted = dict(_error_of_version(token, client_version))
    if message is None:
        return converted
    if "error_message" not in converted:  # that version has it elsewhere
        return _converted(_ANY_METHOD, error_result(token, message), client_version, OWN_VERSION)
    converted["error_message"] = message
    return converted


@lru_cache(maxsize=256)
def _error_of_version(token: str, client_version: int) -> JsonObject:
    return _converted(_ANY_METHOD, error_result(token), client_version, OWN_VERSION)


def own_token(error: object, version: int) -> str | None:
    """The token of an error of that version as `OWN_VERSION` has it; None for no error, `other` for no token."""
    if error is None:
        return None
    return _token_of_version(error[:_LONGEST_TOKEN], version) if isinstance(error, str) else "other"


@lru_cache(maxsize=256)
def _token_of_version(token: str, version: int) -> str:
    converted = _converted(_ANY_METHOD, {"error": token}, OWN_VERSION, version).get("error")
    return converted if isinstance(converted, str) else token


def error_for_client(result: JsonObject, client_version: int, node_version: int) -> JsonObject:
    """A node's error that no adapter of a method has seen, in the client's version."""
    return _converted(_ANY_METHOD, result, client_version, node_version)


def result_in_own_version(
    method: str, result: JsonObject, node_version: int, node: NodeInfo = UNKNOWN_NODE
) -> JsonObject:
    """A node's result in `OWN_VERSION`, as far as that takes no other request to the node; may modify it."""
    return _converted(method, result, OWN_VERSION, node_version, node)


def _converted(
    method: str, result: JsonObject, client_version: int, node_version: int, node: NodeInfo = UNKNOWN_NODE
) -> JsonObject:
    """A result of the node's version in the client's, by a conversation that gets empty results for more requests."""
    pipeline = VERSIONS.pipeline(client_version, node_version, method, node)
    if pipeline.same_version or (pipeline.is_identity and "error" not in result):
        return result
    conversation = pipeline.converse({})
    answer = result
    try:
        next(conversation)
        for _ in range(_MOST_REQUESTS):
            conversation.send(answer)
            answer = {}  # there is no node
    except StopIteration as stop:
        converted: JsonObject = stop.value
        return converted
    except MISSHAPEN:
        pass
    return result


def read_in_own_version(method: str, node_version: int, node: NodeInfo = UNKNOWN_NODE) -> Conversation | None:
    """The conversation that produces the result of `method` in `OWN_VERSION`; None if the node's result is in it
    already.
    """
    pipeline = VERSIONS.pipeline(OWN_VERSION, node_version, method, node)
    return None if pipeline.is_identity else pipeline.converse({})


def request_for_node(node_version: int, method: str, params: JsonObject) -> JsonObject:
    """Parameters in `OWN_VERSION` as a node of another version expects them; the same object if nothing changes."""
    return VERSIONS.pipeline(OWN_VERSION, node_version, method).request(params)


def request_in_own_version(client_version: int, method: str, params: JsonObject) -> JsonObject:
    """A client's parameters in `OWN_VERSION`; the same object if nothing changes."""
    return VERSIONS.pipeline(client_version, OWN_VERSION, method).request(params)
