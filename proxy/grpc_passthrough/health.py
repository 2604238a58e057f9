"""`grpc.health.v1`, as load balancers ask: whether new calls should be sent here."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer

_LOOKS_EVERY = 1.0
"""Seconds between two looks at whether there is something new to tell those who watch."""

_Context = grpc.aio.ServicerContext[HealthCheckRequest, HealthCheckResponse]


class Health(HealthServicer):
    """Answers for the whole server (the service ``) and for each service that it has.

    `ready`: whether a call would have a node. `services`: their full names, as they are now.
    """

    def __init__(self, ready: Callable[[], bool], services: Callable[[], frozenset[str]]) -> None:
        self._ready = ready
        self._services = services

    async def Check(  # noqa: N802 - the protocol's name
        self, request: HealthCheckRequest, context: _Context
    ) -> HealthCheckResponse:
        """How it is now; NOT_FOUND for a service that there is not."""
        if request.service and request.service not in self._services():
            await context.abort(grpc.StatusCode.NOT_FOUND, "Unknown service")
        return HealthCheckResponse(status=self._status(request.service))

    async def Watch(  # noqa: N802
        self, request: HealthCheckRequest, context: _Context
    ) -> AsyncIterator[HealthCheckResponse]:
        """How it is now, and whenever that changes."""
        told = None
        while True:
            status = self._status(request.service)
            if status != told:
                told = status
                yield HealthCheckResponse(status=status)
            await asyncio.sleep(_LOOKS_EVERY)

    def _status(self, service: str) -> int:
        if service and service not in self._services():
            return HealthCheckResponse.SERVICE_UNKNOWN
        return HealthCheckResponse.SERVING if self._ready() else HealthCheckResponse.NOT_SERVING
