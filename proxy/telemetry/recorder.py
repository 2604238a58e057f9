"""What is counted and logged of one request, whichever transport it came by."""

import itertools
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

from proxy.envelope import Call
from proxy.telemetry.client_usage import ClientIdentity, ClientUsage
from proxy.telemetry.logs import AccessLog
from proxy.telemetry.metrics import Metrics, Outcome
from proxy.telemetry.tracing import NO_TRACING, Tracing
from proxy.versions.negotiation import VersionRefused


@dataclass(slots=True)
class RequestRecord:
    """One request being served; filled in on its way."""

    transport: Literal["http", "ws", "grpc"]
    peer: str
    request_id: str
    method: str = ""
    client_version: int | None = None
    node_version: int | None = None
    node: str | None = None
    outcome: Outcome = "refused"
    error: str | None = None
    caller: ClientIdentity | None = None
    """Who asked, where callers are remembered."""
    call: Call | None = None
    """The request, once it is read; with `answer` only of those that a node answered."""
    answer: bytes | None = field(default=None, repr=False)
    """The text that the client is sent, of a request that is not part of a batch."""
    began: float = field(default_factory=time.perf_counter)


FinishObserver = Callable[[RequestRecord], None]
"""Is called with each request that was answered by a node, once it is recorded."""


class RequestRecorder:
    """Counts and logs requests, and whom they came from.

    `dry_run_refuse`: the versions whose requests are counted as if they were refused.
    """

    def __init__(
        self,
        metrics: Metrics,
        access_log: AccessLog,
        callers: ClientUsage,
        dry_run_refuse: Collection[int] = (),
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self.metrics = metrics
        self.tracing = tracing
        self.callers = callers
        self._access_log = access_log
        self._dry_run_refuse = frozenset(dry_run_refuse)
        self._process = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._observers: list[FinishObserver] = []

    def add_observer(self, observer: FinishObserver) -> None:
        """Calls `observer` with each finished request that has an answer of a node."""
        self._observers.append(observer)

    def request_id(self) -> str:
        """An id that no other request has, of this process or of another."""
        return f"{self._process}-{next(self._numbers)}"

    def refused(self, served: RequestRecord, reason: str, version_refused: VersionRefused | None = None) -> None:
        """Say of a request, before it is `ended`, that the proxy refused it, and why."""
        served.outcome = "refused"
        served.error = reason
        self.metrics.refused(reason)
        if version_refused is not None:
            self.metrics.version_refused(served.transport, version_refused.reason)

    def finish(self, served: RequestRecord, status: int | None) -> None:
        """Count and log a request whose answer is ready; `status` is its HTTP status, None by another transport."""
        seconds = time.perf_counter() - served.began
        self.metrics.request(
            served.transport, served.method, served.client_version, served.node_version, served.outcome, seconds
        )
        if served.caller is not None and (served.client_version is not None or served.error == "version"):
            self.callers.record(served.caller, served.transport, served.client_version, served.method)
        if served.client_version in self._dry_run_refuse and served.transport != "grpc":
            self.metrics.version_would_refuse(served.transport, served.client_version)
        if served.answer is not None:
            for observer in self._observers:
                observer(served)
        if not self._access_log.should_log(served.outcome, served.request_id):
            return
        self._access_log.request(
            transport=served.transport,
            method=served.method,
            client_version=served.client_version,
            node_version=served.node_version,
            outcome=served.outcome,
            error=served.error,
            status=status,
            seconds=seconds,
            peer=served.peer,
            request_id=served.request_id,
            node=served.node,
        )
