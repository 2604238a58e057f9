"""The proxy's own errors, and its own reading of responses: written for one version and passed through the adapters."""

from functools import lru_cache
from typing import Final

from adapters import VERSIONS, Conversation, JsonObject, NodeInfo
from adapters.errors import error_result
from adapters.node import UNKNOWN_NODE

OWN_VERSION: Final = 2
"""The API version that the proxy's own errors and its readers of nodes' responses are written for."""
_ANY_METHOD = ""
"""A method without adapters: only the adapters for errors of any method apply."""
_MOST_REQUESTS = 10


def own_error(token: str, message: str, client_version: int) -> JsonObject:
    """An error of the proxy in `OWN_VERSION`, converted to the client's version, with this message."""
    return {**_error_of_version(token, client_version), "error_message": message}


@lru_cache(maxsize=256)
def _error_of_version(token: str, client_version: int) -> JsonObject:
    conversation = VERSIONS.pipeline(client_version, OWN_VERSION, _ANY_METHOD).converse({})
    next(conversation)
    answer: JsonObject = error_result(token)
    try:
        for _ in range(_MOST_REQUESTS):
            conversation.send(answer)
            answer = {}  # there is no node
    except StopIteration as stop:
        converted: JsonObject = stop.value
        return converted
    return error_result(token)


def read_in_own_version(method: str, node_version: int, node: NodeInfo = UNKNOWN_NODE) -> Conversation | None:
    """The conversation that produces the result of `method` in `OWN_VERSION`; None if the node's result is in it
    already.
    """
    pipeline = VERSIONS.pipeline(OWN_VERSION, node_version, method, node)
    return None if pipeline.is_identity else pipeline.converse({})


def request_in_own_version(client_version: int, method: str, params: JsonObject) -> JsonObject:
    """A client's parameters in `OWN_VERSION`; the same object if nothing changes."""
    return VERSIONS.pipeline(client_version, OWN_VERSION, method).request(params)
