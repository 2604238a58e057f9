"""Connections to nodes: the only place from which bytes go to a node."""

from proxy.envelope.methods import KNOWN_METHODS, READING_METHODS, SUBMITTING_METHODS
from proxy.nodes.breaker import Breaker
from proxy.nodes.health import NodeHealth
from proxy.nodes.http import Asked, FailureKind, HttpNode, NodeFailure
from proxy.nodes.ledger_range import LedgerRange, wanted_ledgers
from proxy.nodes.pool import Node, Nodes
from proxy.nodes.response import RawAnswer
from proxy.nodes.status import HealthRules, NodeStatus
from proxy.nodes.tls import node_tls

__all__ = [
    "KNOWN_METHODS",
    "READING_METHODS",
    "SUBMITTING_METHODS",
    "Asked",
    "Breaker",
    "FailureKind",
    "HealthRules",
    "HttpNode",
    "LedgerRange",
    "Node",
    "NodeFailure",
    "NodeHealth",
    "NodeStatus",
    "Nodes",
    "RawAnswer",
    "node_tls",
    "wanted_ledgers",
]
