"""Connections to nodes, which no other package opens, their health, and the choice among them."""

from proxy.envelope.methods import KNOWN_METHODS, READING_METHODS
from proxy.nodes.breaker import Breaker
from proxy.nodes.health import NodeHealth
from proxy.nodes.http import FailureKind, HttpNode, NodeFailure
from proxy.nodes.ledger_range import LedgerRange, requested_ledgers
from proxy.nodes.pool import Node, NodePool
from proxy.nodes.response import NodeResponse
from proxy.nodes.status import HealthRules, NodeStatus

__all__ = [
    "KNOWN_METHODS",
    "READING_METHODS",
    "Breaker",
    "FailureKind",
    "HealthRules",
    "HttpNode",
    "LedgerRange",
    "Node",
    "NodeFailure",
    "NodeHealth",
    "NodePool",
    "NodeResponse",
    "NodeStatus",
    "requested_ledgers",
]
