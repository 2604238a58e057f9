"""What the proxy says and reads itself, in every version: written for one version, and passed through the adapters."""

from functools import lru_cache
from typing import Final

from adapters import VERSIONS, Conversation, JsonObject, NodeInfo
from adapters.errors import error_result
from adapters.node import UNKNOWN_NODE

OWN_VERSION: Final = 2
"""The API version that the proxy's own errors and its readers of nodes' responses are written for."""
_ANY_METHOD = ""
"""No adapter is for it: its errors pass what a step has for the errors of any method."""
_MOST_REQUESTS = 10


def own_error(token: str, message: str, client_version: int) -> JsonObject:
    """An error of the proxy's own, of `OWN_VERSION`, as a client of another version has it, with this message."""
    return {**_error_of_version(token, client_version), "error_message": message}


@lru_cache(maxsize=256)
def _error_of_version(token: str, client_version: int) -> JsonObject:
    conversation = VERSIONS.pipeline(client_version, OWN_VERSION, _ANY_METHOD).converse({})
    next(conversation)
    answer: JsonObject = error_result(token)
    try:
        for _ in range(_MOST_REQUESTS):
            conversation.send(answer)
            answer = {}  # there is no node to ask
    except StopIteration as stop:
        converted: JsonObject = stop.value
        return converted
    return error_result(token)


def read_in_own_version(method: str, node_version: int, node: NodeInfo = UNKNOWN_NODE) -> Conversation | None:
    """The conversation that gives the result of `method` in `OWN_VERSION`; None where the node's result is that."""
    pipeline = VERSIONS.pipeline(OWN_VERSION, node_version, method, node)
    return None if pipeline.is_identity else pipeline.converse({})


def request_in_own_version(client_version: int, method: str, params: JsonObject) -> JsonObject:
    """A client's parameters as `OWN_VERSION` has them, for what reads them: the same object where nothing changed."""
    return VERSIONS.pipeline(client_version, OWN_VERSION, method).request(params)
