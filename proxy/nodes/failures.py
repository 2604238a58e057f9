"""The response when no node gave a usable one: an error in the client's version, and an HTTP status."""

from adapters import JsonObject
from proxy.nodes.http import FailureKind, NodeFailure
from proxy.versions.own import own_error
from proxy.versions.translator import UnexpectedShape

_RESPONSES: dict[FailureKind, tuple[int, str]] = {
    "refused": (503, "The node cannot be reached."),
    "timeout": (504, "The node did not respond in time."),
    "disconnected": (502, "The connection to the node was lost before it responded."),
    "too_large": (502, "The node's response is larger than this server accepts."),
    "invalid_response": (502, "The node's response is invalid."),
    "rejected": (504, "The node is too busy: it rejected one of several requests, without saying which."),
}
_OUTCOME_UNKNOWN = " It is not known whether the node acted on the request."


class NoHealthyNode(Exception):
    """No node is available at the moment."""


Failure = NoHealthyNode | NodeFailure | UnexpectedShape
NODE_ERRORS = (NoHealthyNode, NodeFailure, UnexpectedShape)


def failure_response(failure: Failure, client_version: int, reads_only: bool) -> tuple[int, JsonObject]:
    """The HTTP status and the error result for a client of that version.

    An unreachable node has the error of one that is out of sync. The message says if the node may have acted on the
    request, unless it `reads_only`.
    """
    if isinstance(failure, NoHealthyNode):
        status, message = 503, "No node is available at the moment."
    else:
        status, message = _RESPONSES[failure.kind if isinstance(failure, NodeFailure) else "invalid_response"]
        if not reads_only and not (isinstance(failure, NodeFailure) and not failure.maybe_received):
            message += _OUTCOME_UNKNOWN
    token = {502: "internal", 503: "notSynced", 504: "tooBusy"}[status]
    return status, own_error(token, message, client_version)
