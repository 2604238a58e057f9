"""Connections to nodes: the only place from which bytes go to a node."""

from proxy.nodes.health import NodeHealth, NodeStatus
from proxy.nodes.http import Asked, FailureKind, HttpNode, NodeFailure, RawAnswer
from proxy.nodes.methods import KNOWN_METHODS, READING_METHODS, SUBMITTING_METHODS

__all__ = [
    "KNOWN_METHODS",
    "READING_METHODS",
    "SUBMITTING_METHODS",
    "Asked",
    "FailureKind",
    "HttpNode",
    "NodeFailure",
    "NodeHealth",
    "NodeStatus",
    "RawAnswer",
]
