"""The status of one node, and whether it is good enough to send it requests."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from adapters import NodeInfo
from adapters.node import UNKNOWN_NODE

T = TypeVar("T")

_MAX_LEDGER = 2**32 - 1
"""A ledger index is an unsigned number of 32 bits, and the first ledger is 1."""
_LONGEST_TEXT = 100_000
"""Characters of a reported text up to which it is used: status pages and caches would copy a longer one many times."""
INVALID_NETWORK = -1
"""The network of a node that reports one that is not a number: no pool is on it."""
OVERLOAD_ERRORS = frozenset({"slowDown", "tooBusy"})
"""Errors with which a node refuses a health check because it is busy, although it works."""
NOT_READY_ERRORS = frozenset(
    {
        "amendmentBlocked",
        "dbDeserialization",
        "noClosed",
        "noCurrent",
        "noNetwork",
        "notReady",
        "notSynced",
        "unlBlocked",
    }
)
"""Errors of a node that can serve no requests; a Clio without ledgers returns `notReady` to everything."""


@dataclass(frozen=True, slots=True)
class HealthRules:
    """When a node is in rotation: the configuration's section `health`. Seconds, and numbers of ledgers."""

    failures: int = 2
    """Consecutive failures until a node is down."""
    successes: int = 2
    """Consecutive responses until a node that was down is up again."""
    max_validated_age: float = 120
    max_lag: int = 10
    states: frozenset[str] = frozenset({"full", "proposing", "validating"})
    """Accepted server states; empty for any."""
    network_id: int | None = None
    """The network that every node must be on; None for that of the first healthy node."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a node is compared with: the reports of the pool's other nodes."""

    newest: int | None = None
    """The newest plausible validated ledger; None if no healthy node reports one."""
    network_id: int | None = None
    """The network that every node must be on; None while it is not known."""
    implausible: frozenset[str] = frozenset()
    """Names of the nodes whose ledger is further ahead of the others than is possible."""
    standalone: bool = False
    """Every node is standalone and closes ledgers only on request, so that age and lag mean nothing."""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """The status of a node. While it is down, its last reports stay."""

    name: str
    up: bool = False
    """It responds, the API version to use is known, and it does not treat clients as administrators."""
    healthy: bool = False
    """It is up and its ledgers are good enough: it is in rotation."""
    api_version: int | None = None
    """The API version used with it; None until it is detected (`auto`)."""
    problem: str | None = None
    """Why it is out of rotation, or the error in its responses to health checks."""
    websocket_problem: str | None = None
    """Why it gets no WebSocket sessions."""
    grpc_problem: str | None = None
    """Why it gets no gRPC calls."""
    last_answer: float | None = None
    """When it last responded to a health check, in the event loop's time (seconds)."""
    overloaded: bool = False
    """It refused the last health check because it is busy; everything else is as last reported."""
    server_state: str | None = None
    """`full`, `syncing`, …, from `server_info`; Clio has none."""
    validated_ledger: int | None = None
    validated_ledger_age: int | None = None
    """Its age in seconds at the time of the report."""
    reported_at: float | None = None
    """When it last reported its ledgers, in the event loop's time (seconds)."""
    complete_ledgers: str | None = None
    """For example `32570-91234567`, with commas at gaps."""
    network_id: int | None = None
    """The network that it is on; None while that is not known."""
    wrong_network: bool = False
    """It is on another network than the pool."""
    standalone: bool = False
    """It runs without a network (`rippled -a`)."""
    blocked: str | None = None
    """Why it cannot follow the ledger: an unsupported amendment, or a corrupt database."""
    server: NodeInfo = UNKNOWN_NODE
    """Its software and release."""
    uptime: int | None = None
    """Seconds since the node started, at the time of the report."""
    lag: int | None = None
    """How many validated ledgers it is behind the pool's newest."""

    def validated_age(self, now: float) -> float | None:
        """Seconds since its last known validated ledger, at the event loop's time `now`."""
        if self.validated_ledger_age is None or self.reported_at is None:
            return None
        return self.validated_ledger_age + now - self.reported_at


def with_server_info(status: NodeStatus, result: dict[str, Any], now: float) -> NodeStatus:
    """`status` updated from a result of `server_info`; one without `info` (an error) changes nothing."""
    info = result.get("info")
    if not isinstance(info, dict):
        return status
    ledger = info.get("validated_ledger")
    if not isinstance(ledger, dict):
        ledger = {}
    index, age = _typed(ledger.get("seq"), int), _typed(ledger.get("age"), int)
    complete_ledgers = _typed(info.get("complete_ledgers"), str)
    return replace(
        status,
        server_state=_server_state(info),
        validated_ledger=index if index is not None and 0 < index <= _MAX_LEDGER else None,
        validated_ledger_age=None if age is None else max(0, age),
        reported_at=now,
        complete_ledgers=complete_ledgers if len(complete_ledgers or "") <= _LONGEST_TEXT else None,
        network_id=_network_id(info, status.network_id),
        standalone=info.get("validation_quorum") == 0 and info.get("peers", 0) == 0,
        blocked=_blocked(info),
        server=NodeInfo.from_server_info(info),
        uptime=_typed(info.get("uptime"), int),
    )


def _server_state(info: dict[str, Any]) -> str | None:
    """The state that `info` reports, shortened; `invalid` for one that is not text. Clio has none."""
    state = info.get("server_state")
    if state is None:
        return None
    return state[:20] if isinstance(state, str) else "invalid"


def _network_id(info: dict[str, Any], known: int | None) -> int | None:
    """The network that `info` reports.

    A rippled without `[network_id]` in its configuration is on network 0, and some releases (1.12, 3.x) then report
    none. Clio reports its rippled's, and nothing while it cannot reach that.
    """
    reported = info.get("network_id")
    if reported is not None:
        return reported if type(reported) is int and reported >= 0 else INVALID_NETWORK
    return known if "clio_version" in info else 0


def _blocked(info: dict[str, Any]) -> str | None:
    if info.get("amendment_blocked") is True:
        return "is amendment blocked: upgrade its software"
    if info.get("corruption_detected") is True:
        return "reports that its database is corrupt"
    return None


def with_health(status: NodeStatus, rules: HealthRules, others: Comparison, now: float) -> NodeStatus:
    """`status` with `healthy`, `lag`, `wrong_network` and, if it is not healthy, `problem`.

    A node that does not report its ledgers, because `server_info` is an error there, is accepted as it is. An
    overloaded one is judged by its last report as if that had just arrived.
    """
    lag = None
    if others.newest is not None and status.validated_ledger is not None:
        lag = max(0, others.newest - status.validated_ledger)
    wrong_network = status.network_id == INVALID_NETWORK or (
        others.network_id is not None and status.network_id not in (None, others.network_id)
    )
    status = replace(status, lag=lag, wrong_network=wrong_network)
    if not status.up:
        return replace(status, healthy=False)
    reason = _unhealthy_reason(status, rules, others, status.reported_at or now if status.overloaded else now)
    return replace(status, healthy=reason is None, problem=reason or status.problem)


def _unhealthy_reason(status: NodeStatus, rules: HealthRules, others: Comparison, now: float) -> str | None:
    if status.network_id == INVALID_NETWORK:
        return "reports a network_id that is not a number"
    if status.wrong_network:
        return f"is on network {status.network_id}, not {others.network_id} (network_id)"
    if status.problem in NOT_READY_ERRORS:
        return f"returns {status.problem} to server_info"
    if status.reported_at is None:
        return None
    if status.blocked is not None:
        return status.blocked
    if rules.states and status.server_state is not None and status.server_state not in rules.states:
        return f"is in state {status.server_state} (health.states)"
    if status.validated_ledger is None:
        return "has no validated ledger"
    if status.name in others.implausible:
        return f"reports ledger {status.validated_ledger}, which is impossibly far ahead of the other nodes"
    if others.standalone:
        return None
    age = status.validated_age(now)
    if age is not None and age > rules.max_validated_age:
        return f"last validated a ledger {age:.0f} seconds ago (health.max_validated_age)"
    if status.lag is not None and status.lag > rules.max_lag:
        return f"is {status.lag} ledgers behind (health.max_lag)"
    return None


def _typed(value: object, kind: type[T]) -> T | None:
    return value if type(value) is kind else None
