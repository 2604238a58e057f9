"""What is known of a node, and whether that is good enough to give it work."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from adapters import NodeInfo
from adapters.node import UNKNOWN_NODE

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HealthRules:
    """When a node is given work, as the configuration's section `health` has it. Seconds, and numbers of ledgers."""

    failures: int = 2
    """Failures one after the other until it is down."""
    successes: int = 2
    """Answers one after the other until it is up again, once it was down."""
    max_validated_age: float = 120
    max_lag: int = 10
    states: frozenset[str] = frozenset({"full", "proposing", "validating"})
    """Server states that will do; empty for any."""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What is known of a node. What it told of itself stays as it last told it, also while it is down."""

    name: str
    up: bool = False
    """It answers, the API version to speak to it in is known, and it takes nobody for an administrator."""
    healthy: bool = False
    """It is up, and what it tells of its ledgers is good enough: it is given work."""
    api_version: int | None = None
    """The version it is spoken to in; None until `auto` has found out."""
    problem: str | None = None
    """Why it is not given work, or which error it answers its health question with."""
    websocket_problem: str | None = None
    """Why it is given no WebSocket sessions."""
    grpc_problem: str | None = None
    """Why it is given no gRPC calls."""
    last_answer: float | None = None
    """When it last answered its health question, in the event loop's time (seconds)."""
    server_state: str | None = None
    """`full`, `syncing`, …, as `server_info` has it; a Clio has none."""
    validated_ledger: int | None = None
    validated_ledger_age: int | None = None
    """Seconds, when it was told."""
    reported_at: float | None = None
    """When it last told of its ledgers, in the event loop's time (seconds)."""
    complete_ledgers: str | None = None
    """For example `32570-91234567`, with commas where there are gaps."""
    server: NodeInfo = UNKNOWN_NODE
    """Its software and release."""
    uptime: int | None = None
    """Seconds since the node started, when it was told."""
    lag: int | None = None
    """Validated ledgers that it is behind the best of the nodes."""

    def validated_age(self, now: float) -> float | None:
        """Seconds since its last validated ledger as far as is known, at the event loop's time `now`."""
        if self.validated_ledger_age is None or self.reported_at is None:
            return None
        return self.validated_ledger_age + now - self.reported_at


def with_server_info(status: NodeStatus, result: dict[str, Any], now: float) -> NodeStatus:
    """`status` with what a result of `server_info` tells; one without `info` (an error) tells nothing."""
    info = result.get("info")
    if not isinstance(info, dict):
        return status
    ledger = info.get("validated_ledger")
    if not isinstance(ledger, dict):
        ledger = {}
    return replace(
        status,
        server_state=_typed(info.get("server_state"), str),
        validated_ledger=_typed(ledger.get("seq"), int),
        validated_ledger_age=_typed(ledger.get("age"), int),
        reported_at=now,
        complete_ledgers=_typed(info.get("complete_ledgers"), str),
        server=NodeInfo.from_server_info(info),
        uptime=_typed(info.get("uptime"), int),
    )


def with_health(status: NodeStatus, rules: HealthRules, best: int | None, now: float) -> NodeStatus:
    """`status` with `healthy`, `lag` and, where it is not healthy, `problem`. `best`: the nodes' newest ledger.

    A node that tells nothing of its ledgers, because it answers `server_info` with an error, is taken as it is.
    """
    lag = None
    if best is not None and status.validated_ledger is not None:
        lag = max(0, best - status.validated_ledger)
    if not status.up:
        return replace(status, healthy=False, lag=lag)
    unfit = _unhealthy_reason(status, rules, lag, now) if status.reported_at is not None else None
    return replace(status, healthy=unfit is None, lag=lag, problem=unfit or status.problem)


def _unhealthy_reason(status: NodeStatus, rules: HealthRules, lag: int | None, now: float) -> str | None:
    if rules.states and status.server_state is not None and status.server_state not in rules.states:
        return f"is in state {status.server_state[:20]} (health.states)"
    if status.validated_ledger is None:
        return "has no validated ledger"
    age = status.validated_age(now)
    if age is not None and age > rules.max_validated_age:
        return f"has a validated ledger of {age:.0f} seconds ago (health.max_validated_age)"
    if lag is not None and lag > rules.max_lag:
        return f"is {lag} ledgers behind (health.max_lag)"
    return None


def _typed(value: object, kind: type[T]) -> T | None:
    return value if type(value) is kind else None
