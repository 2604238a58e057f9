"""`grpc.health.v1` for load balancers: whether new calls should be sent here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer

_WATCH_INTERVAL = 1.0
"""Seconds between two checks for a changed status that watchers must receive."""

_Context = grpc.aio.ServicerContext[HealthCheckRequest, HealthCheckResponse]


class Health(HealthServicer):
    """Reports the status of the whole server (the service ``) and of each service.

    `ready`: whether a node is available for calls. `services`: the full names of the current services. `admit`: charges
    a check to its client; False if the client may have no more.
    """

    def __init__(
        self,
        ready: Callable[[], bool],
        services: Callable[[], frozenset[str]],
        admit: Callable[[grpc.aio.ServicerContext[Any, Any]], Awaitable[bool]],
    ) -> None:
        self._ready = ready
        self._services = services
        self._admit = admit

    async def Check(  # noqa: N802 - the protocol's name
        self, request: HealthCheckRequest, context: _Context
    ) -> HealthCheckResponse:
        """The current status; NOT_FOUND for an unknown service, RESOURCE_EXHAUSTED beyond the client's rate."""
        await self._charge(context)
        if request.service and request.service not in self._services():
            await context.abort(grpc.StatusCode.NOT_FOUND, "Unknown service")
        return HealthCheckResponse(status=self._status(request.service))

    async def Watch(  # noqa: N802
        self, request: HealthCheckRequest, context: _Context
    ) -> AsyncIterator[HealthCheckResponse]:
        """The current status, then every change; RESOURCE_EXHAUSTED beyond the client's rate."""
        await self._charge(context)
        reported = None
        while True:
            status = self._status(request.service)
            if status != reported:
                reported = status
                yield HealthCheckResponse(status=status)
            await asyncio.sleep(_WATCH_INTERVAL)

    async def _charge(self, context: _Context) -> None:
        if not await self._admit(context):
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server is overloaded")

    def _status(self, service: str) -> int:
        if service and service not in self._services():
            return HealthCheckResponse.SERVICE_UNKNOWN
        return HealthCheckResponse.SERVING if self._ready() else HealthCheckResponse.NOT_SERVING
