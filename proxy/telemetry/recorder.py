"""The record of one request, over any transport, and its path into metrics, access log and traces."""

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

Transport = Literal["http", "ws", "grpc"]


@dataclass(slots=True)
class RequestRecord:
    """One request, from its arrival to its response. Each step of the pipeline adds to it."""

    transport: Transport
    peer: str
    """The client's address."""
    request_id: str
    caller: ClientIdentity | None = None
    """The key under which the client's usage is recorded, if it is."""
    method: str = ""
    client_version: int | None = None
    node_version: int | None = None
    node: str | None = None
    outcome: Outcome = "refused"
    error: str | None = None
    """The error's token, or the reason of a refusal."""
    trace_id: str | None = None
    """Of its trace, if it is traced: 32 hexadecimal digits."""
    path: str = ""
    """The URL's path, if it sets the version of requests without `api_version`: `/v2`."""
    call: Call | None = None
    """The request, with `answer`, if a node answered it and it is not part of a batch."""
    answer: bytes | None = field(default=None, repr=False)
    """The text that is sent to the client."""
    items: "list[RequestRecord] | None" = None
    """The records of the items of a batch, which replace its own."""
    began: float = field(default_factory=time.perf_counter)
    ended: float | None = None

    def end(self) -> None:
        """The response is ready, though it is sent later."""
        self.ended = time.perf_counter()

    @property
    def oldest_version(self) -> int | None:
        """The client's version; of a batch the oldest of its items."""
        if self.items is None:
            return self.client_version
        return min((item.client_version for item in self.items if item.client_version is not None), default=None)


FinishObserver = Callable[[RequestRecord], None]
"""Called with each request that a node answered, once it is recorded."""


class RequestRecorder:
    """Makes the records of requests, and writes each to the metrics, the access log and the clients' usage.

    `dry_run_refuse`: versions whose requests are counted as if they were refused.
    """

    def __init__(
        self,
        metrics: Metrics,
        access_log: AccessLog,
        usage: ClientUsage,
        dry_run_refuse: Collection[int] = (),
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self.metrics = metrics
        self.tracing = tracing
        self._usage = usage
        self._access_log = access_log
        self._dry_run_refuse = frozenset(dry_run_refuse)
        self._process = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._observers: list[FinishObserver] = []

    def add_observer(self, observer: FinishObserver) -> None:
        """Call `observer` with each finished request that has the response of a node."""
        self._observers.append(observer)

    def begin(
        self, transport: Transport, address: str, caller: ClientIdentity | None = None, request_id: str | None = None
    ) -> RequestRecord:
        """The record of a new request of the client at `address`, with an id that is unique across processes.

        `request_id`: its id, if it already has one.
        """
        return RequestRecord(transport, address, request_id or f"{self._process}-{next(self._numbers)}", caller)

    def begin_item(self, batch: RequestRecord) -> RequestRecord:
        """The record of the next item of a batch, which has the batch's id."""
        item = RequestRecord(batch.transport, batch.peer, batch.request_id, batch.caller, path=batch.path)
        if batch.items is None:
            batch.items = []
        batch.items.append(item)
        return item

    def refused(self, record: RequestRecord, reason: str, version_refused: VersionRefused | None = None) -> None:
        """Record a refusal; call it before `finish`."""
        record.outcome = "refused"
        record.error = reason
        self.metrics.refused(reason)
        if version_refused is not None:
            self.metrics.version_refused(record.transport, version_refused.reason)

    def finish(self, record: RequestRecord, status: int | None) -> None:
        """Record a request whose response is ready; `status` is its HTTP status, None over another transport."""
        if record.items is not None:
            for item in record.items:
                self.finish(item, status)
            return
        seconds = (time.perf_counter() if record.ended is None else record.ended) - record.began
        self.metrics.request(
            record.transport,
            record.method,
            record.client_version,
            record.node_version,
            record.outcome,
            seconds,
            record.trace_id,
        )
        if record.caller is not None and (record.client_version is not None or record.error == "version"):
            self._usage.record(record.caller, record.transport, record.client_version, record.method, record.path)
        if record.client_version in self._dry_run_refuse and record.transport != "grpc":
            self.metrics.version_would_refuse(record.transport, record.client_version)
        if record.answer is not None:
            for observer in self._observers:
                observer(record)
        if not self._access_log.should_log(record.outcome, record.request_id):
            return
        self._access_log.request(
            transport=record.transport,
            method=record.method,
            client_version=record.client_version,
            node_version=record.node_version,
            outcome=record.outcome,
            error=record.error,
            status=status,
            seconds=seconds,
            peer=record.peer,
            request_id=record.request_id,
            node=record.node,
        )
