"""One gRPC call: let in or refused, and passed on to a node and back, message by message as bytes."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, cast

import grpc

from proxy.grpc_passthrough.identity import Malformed, with_client_identity
from proxy.grpc_passthrough.metadata import Metadata, client_of, for_client, for_node
from proxy.grpc_passthrough.methods import IdentityFields, ParsedPath, UnknownMethod, read_path
from proxy.nodes import NodePool
from proxy.nodes.grpc import Call, Stream
from proxy.rpc.gateway import ListenerServices
from proxy.telemetry.recorder import RequestRecord
from proxy.versions.negotiation import VersionRange, VersionRefused

Context = grpc.aio.ServicerContext[bytes, bytes]

_PLACE = re.compile(r"(ipv4|ipv6|unix|dns):")
"""What gRPC's library says itself of a connection to a node names the node's address."""
_NO_ANSWER = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
_TOLD = {
    grpc.StatusCode.UNAVAILABLE: "The node cannot be reached, or the connection to it was lost.",
    grpc.StatusCode.DEADLINE_EXCEEDED: "The node did not answer in time.",
}
_REFUSED_WITH = {
    "rate": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "rate_in_all": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "in_flight_per_address": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "in_flight": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "unreadable": grpc.StatusCode.INVALID_ARGUMENT,
    "invalid_version": grpc.StatusCode.UNIMPLEMENTED,
    "unknown_method": grpc.StatusCode.UNIMPLEMENTED,
}
_OVERLOADED = "Server is overloaded"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says of calls.

    `versions`: of the packages served. `methods`: passed through besides rippled's, untouched. `in_flight`: calls under
    way at once. `seconds`: for a whole call, whatever deadline its client gave.
    """

    versions: VersionRange
    methods: frozenset[str]
    in_flight: int
    seconds: float


class _Refused(Exception):  # noqa: N818 - what has happened
    """The proxy refuses the call, for a `reason` of its own words; the message is for the client."""

    def __init__(self, reason: str, words: str, version: VersionRefused | None = None) -> None:
        super().__init__(words)
        self.reason = reason
        self.version = version


class _Status(NamedTuple):
    """How a call ended."""

    code: grpc.StatusCode
    details: str
    trailers: Metadata = ()


class CallForwarder:
    """Serves the calls of one port, once it has been told how by `go_over_to`."""

    def __init__(self, nodes: NodePool) -> None:
        self._nodes = nodes
        self._in_flight = 0

    def go_over_to(self, door: ListenerServices, rules: Rules) -> None:
        """Serves the calls that come from now on as `rules` say, and counts them with those that use the `door`."""
        self._door = door
        self._rules = rules

    @property
    def versions(self) -> VersionRange:
        """Of the packages that are served."""
        return self._rules.versions

    async def serve(self, path: str, requests: AsyncIterator[bytes], context: Context) -> None:
        """Serves one call of the method at `path`, to its end."""
        door = self._door
        metadata = tuple(context.invocation_metadata() or ())
        served = RequestRecord(
            "grpc", client_of(context.peer(), metadata, door.trusted_proxies), door.account.request_id()
        )
        door.account.metrics.in_flight.inc()
        self._in_flight += 1
        try:
            with door.users:
                status = await self._answer(door, path, requests, context, served)
            if status.code is not grpc.StatusCode.OK:
                served.outcome = "failed" if status.code in _NO_ANSWER else "error"
                served.error = status.code.name
                await context.abort(status.code, status.details, status.trailers)
            served.outcome = "success"
            context.set_details(status.details)
            context.set_trailing_metadata(status.trailers)
        except _Refused as refused:
            door.account.refused(served, refused.reason, refused.version)
            await context.abort(_REFUSED_WITH[refused.reason], str(refused))
        except asyncio.CancelledError:
            served.outcome, served.error = "error", grpc.StatusCode.CANCELLED.name
            raise
        finally:
            self._in_flight -= 1
            door.account.metrics.in_flight.dec()
            door.account.finish(served, None)

    async def _answer(
        self, door: ListenerServices, path: str, requests: AsyncIterator[bytes], context: Context, served: RequestRecord
    ) -> _Status:
        rules, admission = self._rules, door.admission
        refusal = admission.admit(served.peer)
        if refusal is not None:
            raise _Refused(refusal, _OVERLOADED)
        try:
            asked = read_path(path, rules.versions, rules.methods)
        except VersionRefused as refused:
            raise _Refused("invalid_version", refused.detail, refused) from None
        except UnknownMethod as unknown:
            raise _Refused("unknown_method", str(unknown)) from None
        served.method, served.client_version = asked.method, asked.version
        if self._in_flight > rules.in_flight:
            raise _Refused("in_flight", _OVERLOADED)
        refusal = admission.acquire(served.peer)
        if refusal is not None:
            raise _Refused(refusal, _OVERLOADED)
        try:
            return await self._pass(path, asked, requests, context, served)
        finally:
            admission.release(served.peer)

    async def _pass(
        self, path: str, asked: ParsedPath, requests: AsyncIterator[bytes], context: Context, served: RequestRecord
    ) -> _Status:
        node = self._nodes.choose_for_grpc()
        if node is None or node.grpc is None:
            return _Status(grpc.StatusCode.UNAVAILABLE, "No node can be asked at the moment.")
        served.node, served.node_version = node.name, asked.version
        remaining = cast("float | None", context.time_remaining())  # None without a deadline
        most = self._rules.seconds
        seconds = most if remaining is None else min(remaining, most)
        metadata = for_node(context.invocation_metadata() or (), served.peer)
        began = asyncio.get_running_loop().time()
        sending = None
        with node.busy():
            try:
                async with asyncio.timeout(seconds):
                    if asked.identity is None:
                        stream = node.grpc.stream(path, metadata, seconds)
                        sending = asyncio.create_task(_send(stream, requests), name="gRPC requests")
                        call: Call = stream
                    else:
                        request = await _one(requests, asked.identity, served.peer)
                        call = node.grpc.ask(path, request, metadata, seconds)
                    return await _receive(call, context)
            except TimeoutError:
                return _Status(grpc.StatusCode.DEADLINE_EXCEEDED, _TOLD[grpc.StatusCode.DEADLINE_EXCEEDED])
            finally:
                if sending is not None:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
                taken = asyncio.get_running_loop().time() - began
                self._door.account.metrics.node_called(node.name, asked.method, taken)


async def _one(requests: AsyncIterator[bytes], identity: IdentityFields, client: str) -> bytes:
    """The one request of a call of rippled's, as of the client at that address. Raises _Refused."""
    async for message in requests:
        try:
            return with_client_identity(message, identity, client)
        except Malformed as problem:
            raise _Refused("unreadable", f"This is no request in protobuf: {problem}.") from None
    raise _Refused("unreadable", "There is no request in this call.")


async def _send(call: Stream, requests: AsyncIterator[bytes]) -> None:
    """Passes the client's messages on."""
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # the node has answered, whatever else was to come
        async for message in requests:
            await call.write(message)
        await call.done_writing()


async def _receive(call: Call, context: Context) -> _Status:
    """Passes the node's initial metadata and messages on, until its status. Leaves nothing of the call."""
    try:
        await context.send_initial_metadata(for_client(await call.initial_metadata()))
        with suppress(grpc.aio.AioRpcError):  # its status is asked for below
            async for message in call:
                await context.write(message)
        code, details = await call.code(), await call.details() or ""
        told = _TOLD.get(code, "") if _PLACE.search(details) else details
        return _Status(code, told, for_client(await call.trailing_metadata()))
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # Not the client, nor its deadline: the connection to the node was closed, as a reload may.
        return _Status(grpc.StatusCode.UNAVAILABLE, _TOLD[grpc.StatusCode.UNAVAILABLE])
    finally:
        call.cancel()
