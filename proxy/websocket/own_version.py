"""Subscriptions are read and written in one version, `OWN_VERSION`, whatever client and node have."""

from adapters import JsonObject, NodeRequest
from proxy.envelope import Call
from proxy.versions.own import request_for_node, request_in_own_version, result_in_own_version
from proxy.websocket.node_channel import NodeChannel


def subscription_params(call: Call) -> JsonObject:
    """The parameters of a client's `subscribe`, `unsubscribe` or `path_find` as they are read here."""
    return request_in_own_version(call.version, call.method, call.params)


def in_version_of(channel: NodeChannel, request: NodeRequest) -> NodeRequest:
    """A request of the proxy, written in `OWN_VERSION`, for this node."""
    params = request_for_node(channel.version, request.method, request.params)
    return request if params is request.params else NodeRequest(request.method, params)


def own_result(channel: NodeChannel, method: str, result: JsonObject) -> JsonObject:
    """A result of this node as it is read here, in `OWN_VERSION`; may modify it."""
    return result_in_own_version(method, result, channel.version, channel.node.server)
