"""One node over HTTP: sends a request, returns the complete response or a failure, within limits of time and size."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import orjson

from proxy.access.client_address import limit_key
from proxy.eventloop.deadline_timer import DeadlineTimer
from proxy.eventloop.read_rotation import ReadRotation
from proxy.eventloop.write_batcher import WriteBatcher
from proxy.nodes.connection_pool import ConnectionPool
from proxy.nodes.fair_queue import FairQueue
from proxy.nodes.http_connection import AnswerMalformed, AnswerTooLarge, HttpConnection
from proxy.nodes.large_responses import LargeResponses
from proxy.nodes.request_head import client_lines, request_head
from proxy.nodes.response import NodeResponse
from proxy.telemetry.tracing import NO_TRACING, Tracing

FailureKind = Literal["refused", "timeout", "disconnected", "too_large", "invalid_response", "rejected"]

_FAILURES: dict[FailureKind, str] = {
    "refused": "no connection could be made",
    "timeout": "no response came in time",
    "disconnected": "the connection was lost before the complete response came",
    "too_large": "the response was larger than limits.answer_bytes",
    "invalid_response": "the response was invalid",
    "rejected": "the node rejected one of several requests without saying which",
}

_MIN_BLAMEABLE_SECONDS = 1.0
"""A node that had less time than this, and less than half of its timeout, is not blamed for a missing response."""
_LARGEST_AT_A_TIME = 4
"""Responses of `answer_bytes` for which there is room at a time; see LargeResponses."""
MAX_REQUEST_BYTES = 1_000_000
"""The largest request that rippled accepts (`maxRequestSize`); it resets the connection of a larger one."""


class NodeFailure(Exception):
    """A node gave no usable response. Contains nothing of the request or the response.

    `kind`: `refused` (no connection), `timeout`, `disconnected` (lost before the complete response came), `too_large`,
    `invalid_response` (not HTTP, badly framed, a redirect, an unrequested encoding).
    `node`: its name.
    `maybe_received`: False if the node cannot have seen the request, so that even a submission may be retried.
    `detail`: more about the cause, for the operator, such as what is wrong with its certificate; else "".
    `client_fault`: the node is not to blame. The client's time ran out too soon, the request waited behind others in
    the proxy, or the response is larger than `limits.answer_bytes`.
    """

    def __init__(
        self,
        kind: FailureKind,
        node: str,
        *,
        maybe_received: bool = True,
        detail: str = "",
        client_fault: bool = False,
    ) -> None:
        super().__init__(f"node {node}: {_FAILURES[kind]}")
        self.kind: FailureKind = kind
        self.node = node
        self.maybe_received = maybe_received
        self.detail = detail
        self.client_fault = client_fault or kind == "too_large"


class Watcher(Protocol):
    """Learns the outcome of each request to a node."""

    def __call__(self, method: str, for_client: bool, seconds: float, outcome: NodeResponse | NodeFailure, /) -> None:
        """A request has ended after so many seconds. `for_client`: it was not one of the proxy's own."""


class HttpNode:
    """A node's JSON-RPC port, and the connections to it. Create it within an event loop.

    `name`: its name in the configuration. `url`: its `http://` or `https://` address.
    `connect_timeout`, `answer_timeout`: seconds for connecting, and for a whole request, including the
    wait for a free connection.
    `idle_timeout`: seconds until an idle connection is closed; less than the node's own (rippled's is 3 s
    for a peer on loopback, 30 s for others).
    `connections`: clients' requests in flight; more wait, and addresses take turns (see FairQueue). `answer_bytes`: the
    largest response body accepted.
    `tls`: TLS verification for `https://`; None for the system's trust store. `tracing`: of clients' requests.
    `headers`: sent with every request and WebSocket handshake, in addition to the proxy's.
    `forwarded`: whether to send the client's address in `Forwarded` as well; None: only to a Clio.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        connect_timeout: float,
        answer_timeout: float,
        idle_timeout: float,
        connections: int,
        answer_bytes: int,
        tls: ssl.SSLContext | None = None,
        tracing: Tracing = NO_TRACING,
        headers: Mapping[str, str] = MappingProxyType({}),
        forwarded: bool | None = None,
    ) -> None:
        self.name = name
        self.url = url
        self.headers = headers
        self.forwarded = bool(forwarded)
        """Whether the client's address is also sent in `Forwarded`."""
        self._forwarded_follows_software = forwarded is None
        self._connect_timeout = connect_timeout
        self._answer_timeout = answer_timeout
        self._loop = asyncio.get_running_loop()
        self._places = FairQueue(connections)
        self._watchers: list[Watcher] = []
        self._deadlines = DeadlineTimer()
        self._waiting: set[asyncio.Timeout] = set()
        self._closed = False
        self._tracing = tracing
        self._head = request_head(urlsplit(url), headers)
        write_batcher, read_rotation = WriteBatcher(), ReadRotation()
        self.large_responses = LargeResponses(_LARGEST_AT_A_TIME * answer_bytes)
        """The room for those of the node, also over WebSocket."""
        # The places bound the connections, so that their pools need no bound.
        self._reading = ConnectionPool(
            urlsplit(url),
            write_batcher,
            read_rotation,
            self.large_responses,
            idle_seconds=idle_timeout,
            most_bytes=answer_bytes,
            tls=tls,
        )
        # A request that is never repeated must not meet a connection that the node is about to close, so it only takes
        # one that another of its kind used a moment ago.
        self._submitting = ConnectionPool(
            urlsplit(url),
            write_batcher,
            read_rotation,
            self.large_responses,
            idle_seconds=min(0.5, idle_timeout),
            most_bytes=answer_bytes,
            tls=tls,
        )

    def learn_software(self, software: str) -> None:
        """Send the client's address in the form that this software reads."""
        if self._forwarded_follows_software:
            self.forwarded = software == "clio"

    def add_observer(self, watcher: Watcher) -> None:
        """Call `watcher` after every request, successful or failed, but not if it was cancelled."""
        self._watchers.append(watcher)

    def ask(
        self, body: bytes, *, client: str | None, method: str, reads_only: bool, deadline: float
    ) -> Coroutine[Any, Any, NodeResponse]:
        """POST `body` and return the complete response, whatever its status.

        `client`: the IP address that the node charges; None for the proxy's own requests.
        `method`: for the observers. `deadline`: the event loop's time at which the client's request ends.
        `reads_only`: the request may be sent again, once, if the node closed an idle connection just as the request
        was written. Any other request is written at most once.

        Raises NodeFailure; ValueError if `client` is not an IP address.
        """
        head = self._head + client_lines(client, self.forwarded)
        if client is None or self._tracing is NO_TRACING:
            return self._ask_in_time(head, body, client, method, reads_only, deadline)
        return self._traced(head, body, client, method, reads_only, deadline)

    async def _traced(
        self, head: bytes, body: bytes, client: str, method: str, reads_only: bool, deadline: float
    ) -> NodeResponse:
        with self._tracing.node_request(self.name, method) as lines:
            return await self._ask_in_time(head + lines, body, client, method, reads_only, deadline)

    async def _ask_in_time(
        self, head: bytes, body: bytes, client: str | None, method: str, reads_only: bool, deadline: float
    ) -> NodeResponse:
        began = self._loop.time()
        if began >= deadline:
            raise NodeFailure(
                "timeout", self.name, maybe_received=False
            )  # not for the observers: the node is not to blame
        ends = min(deadline, began + self._answer_timeout)
        request = b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
        pool = self._reading if reads_only else self._submitting
        has_place = connected = waited = False
        place = ""
        answer: NodeResponse | None = None
        try:
            # The proxy's own few requests do not wait behind clients, or a busy node would appear to be down.
            if client is not None:
                if not self._places.take(place := limit_key(client)):
                    await self._wait_for_place(place, ends)
                    waited = True
                has_place = True
            connection = None if self._closed else pool.acquire()
            while answer is None:
                may_be_stale = reads_only and connection is not None
                connected = connection is not None
                if connection is None:
                    connection = await self._connect(pool, ends)
                    connected = True
                self._deadlines.set(connection, ends)
                connection.client = place
                try:
                    answer = await connection.ask(request)
                except BaseException as error:
                    connection.abort()
                    if not (may_be_stale and isinstance(error, ConnectionError)) or connection.answer_started:
                        raise
                finally:
                    waited = waited or connection.has_waited
                    self._deadlines.clear(connection)
                    pool.release(connection)
                connection = None
            if answer.status >= 300 or answer.content_encoding or not answer.has_length:
                self._check(answer)
            outcome: NodeResponse | NodeFailure = answer
        except (NodeFailure, AnswerMalformed, AnswerTooLarge, OSError) as error:  # TimeoutError is an OSError
            # The time that a request waited behind others does not count as the node's.
            has_waited = waited or (client is not None and not has_place)
            hurried = has_waited or deadline < began + min(self._answer_timeout / 2, _MIN_BLAMEABLE_SECONDS)
            outcome = self._failure(error, connected, hurried=hurried)
        finally:
            if has_place:
                self._places.give_back(place)
        seconds = self._loop.time() - began
        for watcher in self._watchers:
            watcher(method, client is not None, seconds, outcome)
        if isinstance(outcome, NodeFailure):
            # Here, so that it has no context: that may quote the node's response, and that of a timeout holds the task.
            try:
                raise outcome
            finally:
                del outcome  # its traceback has this frame, which would hold it until the garbage collector runs
        return outcome

    async def _wait_for_place(self, place: str, ends: float) -> None:
        async with self._limit(ends):
            await self._places.wait(place)

    @asynccontextmanager
    async def _limit(self, ends: float) -> AsyncIterator[None]:
        """Raises TimeoutError at `ends`, and on close."""
        limit = asyncio.timeout_at(ends)
        self._waiting.add(limit)
        try:
            async with limit:
                yield
        finally:
            self._waiting.discard(limit)

    async def _connect(self, pool: ConnectionPool, ends: float) -> HttpConnection:
        if self._closed:
            raise NodeFailure("refused", self.name, maybe_received=False)
        async with self._limit(min(ends, self._loop.time() + self._connect_timeout)):
            return await pool.connect()

    def _check(self, answer: NodeResponse) -> None:
        """Raises NodeFailure for an invalid response."""
        if 300 <= answer.status < 400 or (answer.content_encoding and answer.content_encoding.lower() != "identity"):
            raise NodeFailure("invalid_response", self.name)
        if not answer.has_length and not _is_json(answer.body):
            # It ended with the connection: only its content shows whether it is complete.
            raise NodeFailure("disconnected", self.name)

    def _failure(self, error: Exception, connected: bool, *, hurried: bool) -> NodeFailure:
        if isinstance(error, NodeFailure):
            return error
        kind: FailureKind
        if isinstance(error, TimeoutError) and not self._closed:
            kind = "timeout"
        elif not connected:
            kind = "refused"
        elif isinstance(error, AnswerTooLarge):
            kind = "too_large"
        elif isinstance(error, AnswerMalformed):
            kind = "invalid_response"
        else:
            kind = "disconnected"
        detail = _tls_fault(error) if isinstance(error, ssl.SSLError) else ""
        return NodeFailure(
            kind,
            self.name,
            maybe_received=connected,
            detail=detail,
            client_fault=hurried and kind == "timeout",
        )

    async def close(self) -> None:
        """Close all connections; requests in flight fail."""
        self._closed = True
        for limit in self._waiting:  # for a free place, or while connecting
            if not limit.expired():
                limit.reschedule(self._loop.time())
        await asyncio.gather(self._reading.close(), self._submitting.close())
        self._deadlines.close()


def _tls_fault(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return "no TLS connection could be made"


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True
