"""The path of a request from a client's bytes to its record: every step, in order, is in `Gateway.handle`."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from proxy.access.admission import Admission
from proxy.access.fair_share import CHEAP_BYTES, FairShare
from proxy.envelope import Batch, Call, HttpRefusal, RejectedCall, RequestPolicy, read_jsonrpc
from proxy.envelope.methods import COMPRESSIBLE_METHODS
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.http.compression import COMPRESSED_FROM, Compressor, accepts_gzip
from proxy.http.cors import CorsPolicy
from proxy.http.request import Request
from proxy.http.response import TEXT, Response
from proxy.http.upgrade import Upgrade
from proxy.nodes.readiness import Readiness
from proxy.rpc.body import check_head, receive_body
from proxy.rpc.endpoint import JsonRpcEndpoint
from proxy.rpc.identify import ClientIdentifier
from proxy.rpc.refusal import Refused, overloaded
from proxy.telemetry.client_usage import ClientIdentity
from proxy.telemetry.recorder import RequestRecord, RequestRecorder
from proxy.telemetry.tracing import NO_TRACING
from proxy.versions.path import path_version
from proxy.versions.sunset import DeprecationNotices

_REFUSED_SECONDS = 0.1
"""How long a client beyond its rate waits for its refusal, and with it its next request: each refusal costs 40 us."""
_METHODS_WITH_CALLS = frozenset({"GET", "PUT", "PATCH", "DELETE"})
"""HTTP methods other than POST whose body is a call; rippled ignores the method."""


class WebSocketSessions(Protocol):
    """Serves WebSocket clients."""

    async def handle(
        self, upgrade: Upgrade, peer: str, caller: ClientIdentity | None, admission: Admission
    ) -> Response | None:
        """Serve the client at the address `peer` until its session ends, or return a refusal."""

    async def drain(self, seconds: float) -> None:
        """Close all sessions, within `seconds`."""


class ActiveCount:
    """Counts the requests and sessions that use something, each within `with`."""

    def __init__(self) -> None:
        self._count = 0
        self._none: asyncio.Event | None = None

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if not self._count and self._none is not None:
            self._none.set()

    async def wait_idle(self) -> None:
        """Wait until there are none; called when no more can be added."""
        if self._count:
            self._none = self._none or asyncio.Event()
            await self._none.wait()


@dataclass(frozen=True, slots=True)
class ListenerServices:
    """Everything behind one listener, from the active configuration. A reload replaces all of it.

    `request_seconds`: the whole time for one HTTP request. `active`: entered while a request or session uses this.
    """

    identifier: ClientIdentifier
    admission: Admission
    cors: CorsPolicy
    policy: RequestPolicy
    jsonrpc: JsonRpcEndpoint
    websocket: WebSocketSessions
    recorder: RequestRecorder
    notices: DeprecationNotices
    request_seconds: float
    active: ActiveCount
    fair_share: FairShare
    compressor: Compressor | None
    """None if the listener compresses no responses."""
    unsent_bytes: UnsentBytes


class Gateway:
    """The handlers of one listener. Any path is accepted, as on rippled's ports; `/vN` also sets
    the default version.
    """

    def __init__(
        self, services: ListenerServices, readiness: Callable[[], Readiness], draining: Callable[[], bool]
    ) -> None:
        self.services = services
        """For new requests."""
        self.closing = False
        """The listener is being removed: each response closes its connection."""
        self._readiness = readiness
        self._draining = draining
        self._loop = asyncio.get_running_loop()

    async def handle(self, request: Request) -> Response:
        """Respond to one HTTP request, step by step; each check is made once, here.

        WebSocket messages (`websocket/session`) and gRPC calls (`grpc_passthrough/forwarder`) take the same steps.
        Raises nothing that a client could cause.
        """
        services = self.services
        admission, recorder = services.admission, services.recorder
        # Identify
        client = services.identifier.identify_by_head(request.remote, request.head)
        address = client.address
        record = recorder.begin("http", address, client.identity, client.request_id)
        request.id = record.request_id
        # Admit
        has_call = request.method == "POST" or _has_call(request)
        try:
            self._admit(request, record, services, check_origin=has_call)
        except Refused as refused:
            if refused.refusal.reason == "rate":
                await asyncio.sleep(_REFUSED_SECONDS)
            return self._complete(request, self._refuse(refused.refusal, record, services), services)
        if not has_call:
            recorder.metrics.status_request(request.method)
            return self._complete(request, self._respond_without_call(request, services), services)
        recorder.metrics.in_flight.value += 1
        untraced = recorder.tracing is NO_TRACING
        with services.active if untraced else _traced(request, record, services):
            try:
                # Read
                deadline = self._loop.time() + services.request_seconds
                check_head(request, services.policy.request_bytes)
                body = request.body
                if not isinstance(body, bytes):
                    limit = services.policy.request_bytes
                    body = await receive_body(request, body, address, admission, limit, deadline)
                if (reason := admission.acquire_post(address, len(body))) is not None:
                    raise overloaded(reason)
                try:
                    # Negotiate and authorise: while reading the envelope, which has rippled's order of checks
                    try:
                        await services.fair_share.wait_if_necessary(address, deadline)
                    except TimeoutError:
                        raise overloaded("fair_share") from None
                    policy = services.policy
                    if request.head.target != b"/":
                        policy = _policy_of_path(request, record, policy)
                    # The time of a short one need not be measured.
                    short = len(body) < CHEAP_BYTES
                    read = read_jsonrpc(body, policy) if short else _read_measured(body, policy, address, services)
                    if isinstance(read, HttpRefusal):
                        raise Refused(read)
                    if isinstance(read, Batch):
                        _admit_items(read, address, admission)
                    # Dispatch, translate and respond
                    charge = partial(admission.charge, address)
                    response = await services.jsonrpc.respond(read, record, deadline, charge)
                    if len(response.body) >= COMPRESSED_FROM:
                        _compress(request, response, record, services)
                finally:
                    admission.release_post(address, len(body))
            except Refused as refused:
                return self._complete(request, self._refuse(refused.refusal, record, services), services)
            finally:
                recorder.metrics.in_flight.value -= 1
        # Record
        if services.notices.any:
            response.headers.update(services.notices.headers(record.oldest_version))
        recorder.finish(record, response.status)
        return self._complete(request, response, services)

    async def upgrade(self, upgrade: Upgrade) -> Response | None:
        """Serve a client that opens a WebSocket, from its handshake to the end of its session, or refuse it."""
        services = self.services
        with services.active:
            request = upgrade.request
            client = services.identifier.identify(request.remote, request.headers)
            record = services.recorder.begin("ws", client.address, client.identity, client.request_id)
            request.id = record.request_id
            try:
                self._admit(request, record, services, check_origin=True)
            except Refused as refused:
                if refused.refusal.reason == "rate":
                    await asyncio.sleep(_REFUSED_SECONDS)
                response = self._refuse(refused.refusal, record, services)
                response.content_type = TEXT
                return response
            del request, record  # or they would stay in memory for as long as the session lasts
            return await services.websocket.handle(upgrade, client.address, client.identity, services.admission)

    def _admit(
        self, request: Request, record: RequestRecord, services: ListenerServices, *, check_origin: bool
    ) -> None:
        """Raise Refused unless the request's page may use the proxy and its client is within its rate."""
        if check_origin and "origin" in request.headers and services.cors.refuses(request):
            raise Refused(HttpRefusal(403, "Forbidden", "origin"))
        if (reason := services.admission.admit(record.peer)) is not None:
            raise overloaded(reason)

    def _complete(self, request: Request, response: Response, services: ListenerServices) -> Response:
        """Add to a response what every response has."""
        if services.cors.allows_pages:
            services.cors.add_headers(request, response)
        if self.closing or self._draining():
            response.keep_alive = False
        return response

    def _refuse(self, refusal: HttpRefusal, record: RequestRecord, services: ListenerServices) -> Response:
        """Respond with a refusal, and record it."""
        record.method = refusal.method or ""
        services.recorder.refused(record, refusal.reason, refusal.version_refused)
        services.recorder.finish(record, refusal.status)
        return Response(refusal.status, f"{refusal.text}\r\n".encode())

    def _respond_without_call(self, request: Request, services: ListenerServices) -> Response:
        """Requests without a call: readiness for load balancers, and CORS for browsers."""
        if request.method in ("GET", "HEAD"):
            return self._status()
        preflight = services.cors.preflight(request) if request.method == "OPTIONS" else None
        return preflight or Response(405, b"Send the request as a POST\r\n", TEXT, {"Allow": "GET, HEAD, POST"})

    def _status(self) -> Response:
        """200 or 503. rippled's status page has 500 instead, but load balancers know 503."""
        readiness = self._readiness()
        if readiness.ready:
            return Response(200, b"This server is ready.\n", TEXT)
        why = "it is shutting down" if readiness.draining else "no node is available"
        return Response(503, f"This server is not ready: {why}.\n".encode(), TEXT)


@contextmanager
def _traced(request: Request, record: RequestRecord, services: ListenerServices) -> Iterator[None]:
    """Within `services.active`, and a span of the request."""
    with services.active, services.recorder.tracing.request(record, request.headers):
        yield


def _read_measured(
    body: bytes, policy: RequestPolicy, address: str, services: ListenerServices
) -> Call | RejectedCall | Batch | HttpRefusal:
    """Read a body, and charge its client for the time."""
    fair_share = services.fair_share
    began = fair_share.cpu_clock()
    read = read_jsonrpc(body, policy)
    fair_share.spent(address, fair_share.cpu_clock() - began)
    return read


def _policy_of_path(request: Request, record: RequestRecord, policy: RequestPolicy) -> RequestPolicy:
    """The policy with the default version that the path sets, if it sets one; the record notes the path."""
    version = path_version(request.head.target)
    if version is None:
        return policy
    record.path = f"/v{version}"
    return replace(policy, default_version=version)


def _compress(request: Request, response: Response, record: RequestRecord, services: ListenerServices) -> None:
    """Have a large response compressed if its client accepts that, at the cost of the client's share."""
    if services.compressor is None or not accepts_gzip(request.headers.get("accept-encoding", "")):
        return
    if all(each.method in COMPRESSIBLE_METHODS for each in ((record,) if record.items is None else record.items)):
        services.compressor.apply(response, partial(services.fair_share.spent, record.peer))


def _has_call(request: Request) -> bool:
    """Whether a request that is no POST has a call in its body. A POST always has one, perhaps an invalid one."""
    has_body = request.head.content_length > 0 or "transfer-encoding" in request.headers
    return has_body and request.method in _METHODS_WITH_CALLS


def _admit_items(batch: Batch, address: str, admission: Admission) -> None:
    """Charge the items of a batch beyond the one already charged. Raises Refused."""
    more = len(batch.items) - 1
    if more > 0 and (reason := admission.admit(address, more)) is not None:
        raise overloaded(reason, "batch")
