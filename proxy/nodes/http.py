"""One node over HTTP: a request's bytes out, the whole answer or a named failure back, within a time and a size."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import aiohttp
import orjson

from proxy.nodes.forwarded import forwarded_for

FailureKind = Literal["refused", "timeout", "disconnected", "too_large", "nonsense"]

_FAILURES: dict[FailureKind, str] = {
    "refused": "no connection could be made",
    "timeout": "no answer came in time",
    "disconnected": "the connection was lost before the whole answer came",
    "too_large": "the answer was larger than is taken from a node",
    "nonsense": "the answer was not one a node gives",
}


class NodeFailure(Exception):  # noqa: N818 - a failure of a node, and said so everywhere
    """A node gave no usable answer. Holds nothing of the request or the answer.

    `kind`: `refused` (no connection), `timeout`, `disconnected` (lost before the whole answer came), `too_large`,
    `nonsense` (not HTTP, badly framed, a redirect, an encoding nobody asked for).
    `node`: its name.
    `reached`: False if the node cannot have seen the request, so that even one that submits may be asked elsewhere.
    `detail`: more of the cause, for the operator, as what is wrong with its certificate; "" where there is no more.
    """

    def __init__(self, kind: FailureKind, node: str, *, reached: bool = True, detail: str = "") -> None:
        super().__init__(f"node {node}: {_FAILURES[kind]}")
        self.kind: FailureKind = kind
        self.node = node
        self.reached = reached
        self.detail = detail


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A node's whole answer, as it came: HTTP status, `Content-Type` ("" if it gave none), body."""

    status: int
    content_type: str
    body: bytes


class Asked(NamedTuple):
    """A question that has ended: told to those who watch a node."""

    node: str
    method: str
    for_client: bool
    """False for a question of the proxy's own."""
    seconds: float
    outcome: RawAnswer | NodeFailure


Watcher = Callable[[Asked], None]


@dataclass(slots=True)
class _Progress:
    """How far one attempt came, as aiohttp tells it."""

    connected: bool = False
    reused: bool = False
    answering: bool = False


class HttpNode:
    """A node's JSON-RPC port, and the connections that are kept open to it. Make it where an event loop runs.

    `name`: what the configuration calls it. `url`: its `http://` or `https://` address.
    `connect_timeout`, `answer_timeout`: seconds for making a connection, and for a whole question, waiting for a
    free connection included.
    `idle_timeout`: seconds after which an idle connection is given up; less than the node's own (rippled's is 3 s
    for a peer on loopback, 30 s for others).
    `connections`: questions for clients under way at once; more wait. `answer_bytes`: the largest body taken.
    `tls`: how a node at `https://` proves who it is; None for the system's way.
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
    ) -> None:
        self.name = name
        self.url = url
        self._connect_timeout = connect_timeout
        self._answer_timeout = answer_timeout
        self._answer_bytes = answer_bytes
        self._places = asyncio.Semaphore(connections)
        self._watchers: list[Watcher] = []
        self._under_way: set[asyncio.Timeout] = set()
        self._closed = False
        # The semaphore bounds all three pools together, so the pools need no bounds of their own.
        secure = tls or True
        self._reading = self._pool(aiohttp.TCPConnector(limit=0, keepalive_timeout=idle_timeout, ssl=secure))
        # A request that is never repeated must not meet a connection that the node is about to close, so it only takes
        # one that was in use a moment ago.
        kept = min(0.5, idle_timeout)
        self._submitting = self._pool(aiohttp.TCPConnector(limit=0, keepalive_timeout=kept, ssl=secure))
        self._fresh = self._pool(aiohttp.TCPConnector(limit=0, force_close=True, ssl=secure))

    def _pool(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        trace: aiohttp.TraceConfig = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(_connection_made)
        trace.on_connection_reuseconn.append(_connection_reused)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # Nodes do not compress. Asking them not to keeps an answer's size on the wire its size in memory.
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
            skip_auto_headers=("User-Agent", "Accept"),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
            trace_configs=[trace],
            trust_env=False,
        )

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` after every question, answered or failed (not for one that was cancelled)."""
        self._watchers.append(watcher)

    async def ask(
        self, body: bytes, *, client: str | None, method: str, reads_only: bool, deadline: float
    ) -> RawAnswer:
        """POST `body` and return the whole answer, whatever its status.

        `client`: the IP address that the node is to charge; None for a question of the proxy's own.
        `method`: for those who watch. `deadline`: the event loop's time at which the client's request ends.
        `reads_only`: the request may be asked again, once and at once, if the node closed a kept connection just as
        the request was written to it. Any other request is written at most once.

        Raises NodeFailure; ValueError if `client` is not an IP address.
        """
        loop = asyncio.get_running_loop()
        headers = {} if client is None else {"X-Forwarded-For": forwarded_for(client)}
        began = loop.time()
        progress = _Progress()
        limit = asyncio.timeout_at(min(deadline, began + self._answer_timeout))
        try:
            async with limit:
                self._under_way.add(limit)
                # The proxy's own few do not wait behind clients: a busy node is not one that is down.
                place: AbstractAsyncContextManager[None] = nullcontext() if client is None else self._places
                async with place:
                    answer = await self._ask(body, headers, progress, reads_only)
        except (NodeFailure, aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            failure = self._failure(error, progress)
            self._tell(Asked(self.name, method, client is not None, loop.time() - began, failure))
            raise failure from None  # the cause may quote what the node sent
        finally:
            self._under_way.discard(limit)
        self._tell(Asked(self.name, method, client is not None, loop.time() - began, answer))
        return answer

    async def _ask(self, body: bytes, headers: dict[str, str], progress: _Progress, reads_only: bool) -> RawAnswer:
        try:
            return await self._exchange(self._reading if reads_only else self._submitting, body, headers, progress)
        except (aiohttp.ClientConnectionError, OSError) as error:
            caught_by_idle_close = progress.reused and not progress.answering and not isinstance(error, TimeoutError)
            if not (reads_only and caught_by_idle_close):
                raise
        progress.connected = progress.reused = False
        return await self._exchange(self._fresh, body, headers, progress)

    async def _exchange(
        self, pool: aiohttp.ClientSession, body: bytes, headers: dict[str, str], progress: _Progress
    ) -> RawAnswer:
        if self._closed:
            raise NodeFailure("refused", self.name, reached=False)
        response = await pool.post(
            self.url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=progress
        )
        progress.answering = True
        try:
            return await self._read(response)
        except BaseException:
            response.close()  # a connection with half an answer on it is not used again
            raise

    async def _read(self, response: aiohttp.ClientResponse) -> RawAnswer:
        if 300 <= response.status < 400 or response.headers.get("Content-Encoding", "identity") != "identity":
            raise NodeFailure("nonsense", self.name)
        if (response.content_length or 0) > self._answer_bytes:
            raise NodeFailure("too_large", self.name)
        chunks = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self._answer_bytes:
                raise NodeFailure("too_large", self.name)
            chunks.append(chunk)
        body = b"".join(chunks)
        framed = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
        if not framed and not _is_json(body):
            # Ended by closing: only what the body says can tell whether it is whole.
            raise NodeFailure("disconnected", self.name)
        return RawAnswer(response.status, response.headers.get("Content-Type", ""), body)

    def _failure(self, error: Exception, progress: _Progress) -> NodeFailure:
        if isinstance(error, NodeFailure):
            return error
        kind: FailureKind
        detail = ""
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
            detail = _tls_fault(error)
        if isinstance(error, TimeoutError) and not self._closed:
            kind = "timeout"
        elif isinstance(error, aiohttp.ClientConnectorError) or not progress.connected:
            kind = "refused"
        elif isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | OSError):
            kind = "disconnected"
        else:
            kind = "nonsense"
        return NodeFailure(kind, self.name, reached=progress.connected, detail=detail)

    def _tell(self, asked: Asked) -> None:
        for watcher in self._watchers:
            watcher(asked)

    async def close(self) -> None:
        """Close all connections; questions under way fail."""
        self._closed = True
        for limit in self._under_way:  # aiohttp alone leaves a reader of half a body waiting
            if not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())
        for pool in (self._reading, self._submitting, self._fresh):
            await pool.close()


async def _connection_made(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
    context.trace_request_ctx.connected = True


async def _connection_reused(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
    context.trace_request_ctx.connected = context.trace_request_ctx.reused = True


def _tls_fault(error: aiohttp.ClientSSLError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted: {getattr(error.certificate_error, 'verify_message', '')}"
    return "no TLS connection could be made"


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True
