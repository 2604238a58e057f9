"""One gRPC call: admitted or refused, and forwarded to a node and back, message by message as bytes."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import grpc

from proxy.access.client_address import limit_key
from proxy.access.fair_share import LARGE_RESPONSE_BYTES, FairShare, ResponseDropped
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.grpc_passthrough.garbage import GARBAGE
from proxy.grpc_passthrough.identity import Malformed, with_client_identity
from proxy.grpc_passthrough.metadata import Metadata, for_client, for_node, peer_and_headers
from proxy.grpc_passthrough.methods import IdentityFields, ParsedPath, UnknownMethod, read_path
from proxy.grpc_passthrough.room import Place, ResponseRoom
from proxy.grpc_passthrough.turns import CallTurns, TooManyWaiting
from proxy.nodes import NodePool
from proxy.nodes.grpc import Call, Stream
from proxy.rpc.gateway import ListenerServices
from proxy.telemetry.recorder import RequestRecord
from proxy.versions.negotiation import VersionRange, VersionRefused

Context = grpc.aio.ServicerContext[bytes, bytes]

_ADDRESS = re.compile(r"(ipv4|ipv6|unix|dns):")
"""gRPC's own error details about a connection contain the node's address, which clients must not see."""
_NO_ANSWER = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
_DETAILS = {
    grpc.StatusCode.UNAVAILABLE: "The node is unreachable, or the connection to it was lost.",
    grpc.StatusCode.DEADLINE_EXCEEDED: "The node did not respond in time.",
}
_REFUSAL_CODES = {
    "unreadable": grpc.StatusCode.INVALID_ARGUMENT,
    "invalid_version": grpc.StatusCode.UNIMPLEMENTED,
    "unknown_method": grpc.StatusCode.UNIMPLEMENTED,
}
"""Every other refusal is a limit: RESOURCE_EXHAUSTED."""
_OVERLOADED = "Server is overloaded"


@dataclass(frozen=True, slots=True)
class Rules:
    """The configuration of calls.

    `versions`: of the packages offered. `methods`: forwarded unchanged, in addition to rippled's. `in_flight`: the
    maximum number of concurrent calls. `seconds`: the longest a call may take, whatever its client's deadline.
    `answer_bytes`: of a node's largest message.
    """

    versions: VersionRange
    methods: frozenset[str]
    in_flight: int
    seconds: float
    answer_bytes: int


_COUNTED_BYTES = 4_096
"""Bytes of a message from which on it counts while its client has not taken it."""
_COPY_SECONDS = 2e-9
"""Seconds that gRPC needs to decompress and deliver one byte of a message."""


class _Refused(Exception):
    """The proxy refuses the call. `reason`: the label of the metric; the message is for the client."""

    def __init__(self, reason: str, message: str, version: VersionRefused | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.version = version


class _Status(NamedTuple):
    """How a call ended."""

    code: grpc.StatusCode
    details: str
    trailers: Metadata = ()


class CallForwarder:
    """Serves the calls of one port, after `apply` has given it its services and rules."""

    def __init__(self, nodes: NodePool) -> None:
        self._nodes = nodes
        self._in_flight = 0
        self._turns = CallTurns()
        self._room = ResponseRoom(0)

    def apply(self, services: ListenerServices, rules: Rules) -> None:
        """Serve new calls with these services and rules; calls in flight keep theirs."""
        self._services = services
        self._rules = rules
        if self._room.most_bytes != rules.answer_bytes:
            self._room = ResponseRoom(rules.answer_bytes)

    @property
    def versions(self) -> VersionRange:
        """The versions of the packages offered."""
        return self._rules.versions

    async def admit(self, context: grpc.aio.ServicerContext[Any, Any]) -> bool:
        """Charge a health check to its client, in a turn of it; return False if it has used up its rate."""
        services = self._services
        client = services.identifier.identify(
            *peer_and_headers(context.peer(), tuple(context.invocation_metadata() or ()))
        )
        try:
            await self._turns.take(services.fair_share, client.address, self._rules.seconds)
        except TooManyWaiting:
            return False
        return services.admission.admit(client.address) is None

    async def serve(self, path: str, requests: AsyncIterator[bytes], context: Context) -> None:
        """Serve one call of the method at `path`, to its end."""
        services = self._services
        metadata = tuple(context.invocation_metadata() or ())
        client = services.identifier.identify(*peer_and_headers(context.peer(), metadata))
        served = services.recorder.begin("grpc", client.address, request_id=client.request_id)
        services.recorder.metrics.in_flight.inc()
        try:
            with services.active:
                status = await self._answer(services, path, requests, context, served)
            if status.code is not grpc.StatusCode.OK:
                served.outcome = "failed" if status.code in _NO_ANSWER else "error"
                served.error = status.code.name
                await context.abort(status.code, status.details, status.trailers)
            served.outcome = "success"
            context.set_details(status.details)
            context.set_trailing_metadata(status.trailers)
        except _Refused as refused:
            services.recorder.refused(served, refused.reason, refused.version)
            await context.abort(_REFUSAL_CODES.get(refused.reason, grpc.StatusCode.RESOURCE_EXHAUSTED), str(refused))
        except (asyncio.CancelledError, grpc.aio.InternalError) as ended:
            served.outcome, served.error = "error", grpc.StatusCode.CANCELLED.name
            if isinstance(ended, grpc.aio.InternalError):
                raise asyncio.CancelledError from None  # the client has left during a write; or it would be logged
            if not served.method:  # before it was admitted
                services.recorder.refused(served, "client_gone")
            raise
        finally:
            services.recorder.metrics.in_flight.dec()
            services.recorder.finish(served, None)

    async def _answer(
        self,
        services: ListenerServices,
        path: str,
        requests: AsyncIterator[bytes],
        context: Context,
        served: RequestRecord,
    ) -> _Status:
        rules, admission = self._rules, services.admission
        try:
            await self._turns.take(services.fair_share, served.peer, rules.seconds)
        except TooManyWaiting:
            raise _Refused("fair_share", _OVERLOADED) from None
        refusal = admission.admit(served.peer)
        if refusal is not None:
            raise _Refused(refusal, _OVERLOADED)
        try:
            call = read_path(path, rules.versions, rules.methods)
        except VersionRefused as refused:
            raise _Refused("invalid_version", refused.detail, refused) from None
        except UnknownMethod as unknown:
            raise _Refused("unknown_method", str(unknown)) from None
        served.method, served.client_version = call.method, call.version
        if self._in_flight >= rules.in_flight:
            raise _Refused("in_flight", _OVERLOADED)
        refusal = admission.acquire(served.peer)
        if refusal is not None:
            raise _Refused(refusal, _OVERLOADED)
        self._in_flight += 1
        try:
            return await self._forward(path, call, requests, context, served)
        finally:
            self._in_flight -= 1
            admission.release(served.peer)

    async def _forward(
        self, path: str, parsed: ParsedPath, requests: AsyncIterator[bytes], context: Context, served: RequestRecord
    ) -> _Status:
        node = self._nodes.choose_for_grpc()
        if node is None or node.grpc is None:
            return _Status(grpc.StatusCode.UNAVAILABLE, "No node is available.")
        served.node, served.node_version = node.name, parsed.version
        remaining = cast("float | None", context.time_remaining())  # None without a deadline
        longest = self._rules.seconds
        seconds = longest if remaining is None else min(remaining, longest)
        metadata = for_node(context.invocation_metadata() or (), served.peer)
        began = asyncio.get_running_loop().time()
        sending = place = None
        with node.busy():
            try:
                async with asyncio.timeout(seconds):
                    place = await self._room.take(limit_key(served.peer), parsed.method)
                    if parsed.identity is None:
                        stream = node.grpc.stream(path, metadata, seconds)
                        sending = asyncio.create_task(_send(stream, requests), name="gRPC requests")
                        call: Call = stream
                    else:
                        request = await _one(requests, parsed.identity, served.peer, self._services.fair_share)
                        call = node.grpc.ask(path, request, metadata, seconds)
                    return await _receive(call, context, self._services, served.peer, place)
            except (TimeoutError, ResponseDropped):
                return _Status(grpc.StatusCode.DEADLINE_EXCEEDED, _DETAILS[grpc.StatusCode.DEADLINE_EXCEEDED])
            finally:
                if place is not None:
                    place.release()
                if sending is not None:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
                taken = asyncio.get_running_loop().time() - began
                self._services.recorder.metrics.node_called(node.name, parsed.method, taken)


async def _one(requests: AsyncIterator[bytes], identity: IdentityFields, client: str, fair_share: FairShare) -> bytes:
    """The single request of a call of rippled's methods, with `client` as its client. Raises _Refused."""
    async for message in requests:
        await fair_share.wait_if_necessary(client)
        GARBAGE.count(len(message))
        began = fair_share.cpu_clock()
        try:
            return with_client_identity(message, identity, client)
        except Malformed as problem:
            raise _Refused("unreadable", f"The request is not valid protobuf: {problem}.") from None
        finally:
            # gRPC has decompressed and copied the message.
            fair_share.spent(client, fair_share.cpu_clock() - began + len(message) * _COPY_SECONDS)
    raise _Refused("unreadable", "The call has no request message.")


async def _send(call: Stream, requests: AsyncIterator[bytes]) -> None:
    """Forward the client's messages to the node."""
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # the node has already ended the call
        async for message in requests:
            await call.write(message)
        await call.done_writing()


class _Unsent:
    """The message of one call that its client has not taken yet; `task` serves the call."""

    def __init__(self, unsent_bytes: UnsentBytes, task: "asyncio.Task[Any]") -> None:
        self._unsent_bytes = unsent_bytes
        self._task = task
        self._size = 0

    def report(self, size: int) -> None:
        """Note that `size` bytes wait."""
        self._size = size
        self._unsent_bytes.report(self, size)

    def unsent_bytes(self) -> int:
        """Bytes that wait for the client now."""
        return self._size

    def shed(self) -> None:
        """End the call, because too much waits for all clients and this one is among the slowest."""
        self._size = 0
        self._task.cancel()


async def _receive(call: Call, context: Context, services: ListenerServices, client: str, place: Place) -> _Status:
    """Forward the node's initial metadata and messages, and return its status. Always ends the call.

    `place`: that of the response, which is released when its first message is passed on.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - this is a coroutine
    unsent = _Unsent(services.unsent_bytes, task)
    try:
        await context.send_initial_metadata(for_client(await call.initial_metadata()))
        with suppress(grpc.aio.AioRpcError):  # its status is read below
            async for message in call:
                GARBAGE.count(len(message))
                place.note(len(message))
                if len(message) < _COUNTED_BYTES:
                    place.release()
                    await context.write(message)
                    continue
                if len(message) >= LARGE_RESPONSE_BYTES:
                    await services.fair_share.response_turn(client, len(message), is_translated=False)
                place.release()
                unsent.report(len(message))
                await context.write(message)
                unsent.report(0)
        code, details = await call.code(), await call.details() or ""
        details = _DETAILS.get(code, "") if _ADDRESS.search(details) else details
        return _Status(code, details, for_client(await call.trailing_metadata()))
    except asyncio.CancelledError:
        if task.cancelling():
            raise
        # Not the client or its deadline: the connection to the node was closed, for example by a reload.
        return _Status(grpc.StatusCode.UNAVAILABLE, _DETAILS[grpc.StatusCode.UNAVAILABLE])
    finally:
        unsent.report(0)
        call.cancel()
