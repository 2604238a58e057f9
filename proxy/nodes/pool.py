"""All nodes of the configuration, and the choice among them."""

import asyncio
import random
import ssl
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import structlog

from adapters import NodeInfo
from proxy.envelope.methods import CLIO_METHODS, RIPPLED_METHODS
from proxy.nodes.breaker import Breaker
from proxy.nodes.comparison import SECONDS_PER_LEDGER, compare
from proxy.nodes.health import NodeHealth
from proxy.nodes.http import HttpNode, NodeFailure
from proxy.nodes.ledger_range import LedgerRange, has_ledgers
from proxy.nodes.preference import Wanted
from proxy.nodes.response import NodeResponse
from proxy.nodes.status import Comparison, HealthRules, NodeStatus, with_health

if TYPE_CHECKING:
    from proxy.nodes.grpc import GrpcNode  # its library is optional

log = structlog.get_logger(__name__)

_CLOSING = 3
"""A node may have this many ledgers beyond its newest known one, and those that can have closed since its report."""


class Connection(Protocol):
    """A WebSocket connection to a node."""

    def abort(self) -> None:
        """Drop it immediately."""


@dataclass(slots=True, eq=False)
class Node:
    """One node: its connections, its health and its load."""

    name: str
    http: HttpNode
    websocket_url: str | None
    health: NodeHealth
    weight: int = 1
    """Its share of the requests, relative to the other nodes' weights."""
    tls: ssl.SSLContext | None = None
    """TLS verification for `https://` and `wss://`; None if neither is used."""
    breaker: Breaker = field(default_factory=Breaker)
    grpc: "GrpcNode | None" = None
    """Its gRPC port; None if it has none."""
    in_flight: int = 0
    connections: set[Connection] = field(default_factory=set)
    """The open WebSocket connections to it."""
    status: NodeStatus = field(init=False)
    """Its status, compared with the other nodes."""
    _newest_seen: int = 0
    _newest_reported: int = 0
    """While it was healthy."""

    def __post_init__(self) -> None:
        self.status = self.health.status
        self.http.add_observer(self._on_request_done)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count a client's request in flight, for the choice among nodes."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    @property
    def api_version(self) -> int | None:
        """The API version used with the node; None while it is not known."""
        return self.health.status.api_version

    @property
    def server(self) -> NodeInfo:
        """Its software and release, as it last reported them."""
        return self.health.status.server

    @property
    def newest_ledger(self) -> int:
        """The newest validated ledger that it is known to have, from its reports, responses and streams."""
        return max(self._newest_seen, self.health.status.validated_ledger or 0)

    def note_ledger(self, ledger_index: object) -> None:
        """Note that a response or a stream message shows that it has this validated ledger; ignores anything but an
        integer.
        """
        if type(ledger_index) is int and ledger_index > self._newest_seen:
            self._newest_seen = ledger_index

    def set_status(self, status: NodeStatus) -> None:
        """Set its status, compared with the other nodes. No session stays with a node that is on another network."""
        was, self.status = self.status, status
        if status.wrong_network and not was.wrong_network:
            for connection in tuple(self.connections):
                connection.abort()
        if status.healthy:
            self._newest_reported = max(self._newest_reported, status.validated_ledger or 0)

    def restarted(self) -> None:
        """Forget its newest ledger and its failures, because it has been down."""
        self._newest_seen = 0
        self.breaker.close()

    def has_fallen_back(self, max_lag: int) -> bool:
        """Whether it has had a ledger that is newer by more than `max_lag` than the one that it reports now."""
        return self._newest_reported - (self.health.status.validated_ledger or 0) > max_lag

    def has(self, ledgers: LedgerRange) -> bool:
        """Whether it is known to have all these ledgers."""
        return has_ledgers(self.status.complete_ledgers, ledgers, self.newest_ledger)

    def may_have(self, ledgers: LedgerRange) -> bool:
        """Whether it has all these ledgers, or may have closed them since it was last heard of."""
        if not self.newest_ledger:
            return True  # it reports none
        now = asyncio.get_running_loop().time()
        closed = _CLOSING + (now - (self.status.reported_at or now)) / SECONDS_PER_LEDGER
        return self.has(ledgers) or 0 < ledgers.last - self.newest_ledger <= closed

    def lacks(self, method: str) -> bool:
        """Whether its software does not have the method: only Clio has some, and only rippled others."""
        return method in (RIPPLED_METHODS if self.server.is_clio else CLIO_METHODS)

    def start(self, changed: Callable[[], None]) -> None:
        """Start health checks; `changed` is called whenever its status may have changed."""
        self.health.watch(changed)
        self.health.start()
        if self.grpc is not None:
            self.grpc.start(changed)

    async def wait_first(self, seconds: float) -> None:
        """Wait at most `seconds` for the first outcome of its health checks."""
        await asyncio.gather(
            self.health.wait_probed(seconds), *([] if self.grpc is None else [self.grpc.wait_first(seconds)])
        )

    async def close(self) -> None:
        """Stop the health checks and close all connections to it."""
        await self.health.close()
        await self.http.close()
        if self.grpc is not None:
            await self.grpc.close()

    def is_available(self, websocket: bool) -> bool:
        """Whether it can be sent a request now, or with `websocket` a session."""
        status = self.status
        if websocket and (self.websocket_url is None or status.websocket_problem is not None):
            return False
        known = self.health.status.api_version is not None
        return status.healthy and known and (not self.breaker.is_open or self.breaker.allows())

    def _on_request_done(
        self, method: str, for_client: bool, seconds: float, outcome: NodeResponse | NodeFailure
    ) -> None:
        if not for_client:
            return
        if not isinstance(outcome, NodeFailure):
            self.breaker.succeeded()
        elif not outcome.client_fault:
            was_open = self.breaker.is_open
            self.breaker.failed()
            if self.breaker.is_open and not was_open:
                log.warning("node_paused", node=self.name, failure=outcome.kind)


class NodePool:
    """The nodes, with health checks from `start` to `close`; `rules` say which are healthy."""

    def __init__(self, nodes: Iterable[Node], rules: HealthRules | None = None) -> None:
        self._nodes = tuple(nodes)
        self._rules = rules or HealthRules()
        self._network_id: int | None = None  # detected; valid for the life of the process
        self._started = False

    async def start(self, wait: float) -> None:
        """Start health checks; wait at most `wait` seconds for the first outcome of each."""
        for node in self._nodes:
            node.start(self._reevaluate)
        await asyncio.gather(*(node.wait_first(wait) for node in self._nodes))
        self._started = True
        self._reevaluate()

    async def replace(self, nodes: Sequence[Node], rules: HealthRules, wait: float) -> list[Node]:
        """Switch to `nodes`, some of which may be here already, and to `rules`, for all users of this pool.

        Health checks of new nodes are started; waits at most `wait` seconds for the first outcome of each. Returns the
        removed nodes, for the caller to close when their requests have ended.
        """
        new = [node for node in nodes if node not in self._nodes]
        for node in new:
            node.start(self._reevaluate)
        try:
            await asyncio.gather(*(node.wait_first(wait) for node in new))
        except BaseException:
            await NodePool(new).close()
            raise
        gone = [node for node in self._nodes if node not in nodes]
        if not {node.http.url for node in nodes} & {node.http.url for node in self._nodes}:
            self._network_id = None  # all nodes were replaced: they may be on another network
        self._nodes, self._rules, self._started = tuple(nodes), rules, True
        self._reevaluate()
        return gone

    async def close(self) -> None:
        """Stop the health checks and close all connections."""
        await asyncio.gather(*(node.close() for node in self._nodes))

    def select(
        self,
        client_version: int,
        *,
        websocket: bool = False,
        reads_only: bool = True,
        method: str | None = None,
        ledger_index: LedgerRange | None = None,
        min_ledger: int = 0,
        exclude: Collection[Node] = (),
    ) -> Node | None:
        """The node for a client's request; None if none is available.

        In this order: one whose software has the `method`; that has the ledgers in `ledger_index`, and is not behind
        `min_ledger`, the newest ledger that the client has seen; that is not overloaded; that is used in the client's
        version, so that nothing has to be translated; the least busy by weight, and among equals a random one.
        Requests that are sent only once (not `reads_only`, or a session) are never used as breaker trials.
        """
        able = [node for node in self._nodes if node.is_available(websocket) and node not in exclude]
        if not able:
            return None
        if len(able) == 1:
            chosen = able[0]
        else:
            asked_once = websocket or not reads_only
            wanted = Wanted(client_version, asked_once, method, ledger_index, min_ledger)
            chosen = min(able, key=wanted.order)
        if chosen.breaker.is_open:
            chosen.breaker.start_trial()
        return chosen

    def may_have(self, ledgers: LedgerRange | None, exclude: Collection[Node]) -> bool:
        """Whether an available node other than these may have `ledgers`: it is known to, or is about to close them.

        `ledgers` is None for what is not named by a ledger's number, which any node may have.
        """
        others = (node for node in self._nodes if node not in exclude and node.is_available(websocket=False))
        return any(ledgers is None or node.may_have(ledgers) for node in others)

    def any_has(self, method: str) -> bool:
        """Whether there is an available node whose software has the method."""
        return any(not node.lacks(method) for node in self._nodes if node.is_available(websocket=False))

    def choose_for_grpc(self) -> Node | None:
        """The node for a gRPC call: the least busy of those with a connected gRPC port; None if there is none."""

        def order(node: Node) -> tuple[float, float]:
            return node.in_flight / node.weight, -(random.random() ** (1 / node.weight))  # noqa: S311 - no secret

        able = (node for node in self._nodes if node.grpc and node.status.healthy and not node.grpc.problem)
        return min(able, key=order, default=None)

    @property
    def any_websocket(self) -> bool:
        """Whether any node has a WebSocket URL, up or not."""
        return any(node.websocket_url is not None for node in self._nodes)

    def statuses(self) -> tuple[NodeStatus, ...]:
        """The status of each node."""
        return tuple(node.status for node in self._nodes)

    def tripped(self) -> frozenset[str]:
        """The names of the nodes whose circuit breaker is open: they get no requests, or one trial request."""
        return frozenset(node.name for node in self._nodes if node.breaker.is_open)

    def _reevaluate(self) -> None:
        """Compare the nodes again, because the status of one may have changed."""
        now = asyncio.get_running_loop().time()
        statuses = [node.health.status for node in self._nodes]
        fallen_back = [node.name for node in self._nodes if node.has_fallen_back(self._rules.max_lag)]
        others = compare(statuses, self._rules, self._required_network(statuses, now), now, fallen_back)
        for node in self._nodes:
            known = replace(node.health.status, grpc_problem=node.grpc.problem if node.grpc else None)
            was, is_now = node.status, with_health(known, self._rules, others, now)
            node.set_status(is_now)
            if is_now.up and not was.up:
                node.restarted()
            if is_now.healthy and not was.healthy:
                log.info("node_healthy", node=node.name)
            elif is_now.up and not is_now.healthy and (was.healthy or not was.up):
                log.warning("node_unhealthy", node=node.name, problem=is_now.problem)

    def _required_network(self, statuses: Sequence[NodeStatus], now: float) -> int | None:
        """The network that every node must be on: the configured one, or that of the first healthy node, once known.

        At the start all nodes are probed together; the first is the first in the configuration, not the fastest.
        """
        if self._rules.network_id is not None:
            return self._rules.network_id
        if self._network_id is None and self._started:
            for status in statuses:
                if status.network_id is not None and with_health(status, self._rules, Comparison(), now).healthy:
                    self._network_id = status.network_id
                    log.info("network_detected", network_id=status.network_id, node=status.name)
                    break
        return self._network_id
