"""The gRPC ports of all listeners: bound, moved to new settings, and closed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from proxy.config import Settings
from proxy.grpc_passthrough.forwarder import CallForwarder, Rules
from proxy.grpc_passthrough.server import GrpcServer, ServerLimits
from proxy.nodes import NodePool
from proxy.rpc.gateway import ListenerServices
from proxy.tls import Certificate
from proxy.versions.negotiation import VersionRange

_PortKey = tuple[str, int, int, bool, ServerLimits]
"""Host, port, index among equal pairs (port 0 may occur more than once), and what cannot change: TLS and limits."""


class GrpcListeners:
    """The gRPC ports of the process.

    `nodes`: the nodes that calls are forwarded to. `staying`: whether the process is not shutting down. `shared`:
    whether other worker processes bind the same ports.
    """

    def __init__(self, nodes: NodePool, staying: Callable[[], bool], *, shared: bool) -> None:
        self._nodes = nodes
        self._shared = shared
        self._staying = staying
        self._open: dict[_PortKey, GrpcServer] = {}
        self._closing: set[GrpcServer] = set()

    async def bind(self, settings: Settings, certificates: Sequence[Certificate | None]) -> dict[_PortKey, GrpcServer]:
        """Bind the ports of `settings` that are not open yet, for `apply` or `release`; one certificate per listener.

        Raises OSError; then none of them is bound.
        """
        bound: dict[_PortKey, GrpcServer] = {}
        try:
            for key, _, certificate in _port_keys(settings, certificates):
                if key not in self._open:
                    calls = CallForwarder(self._nodes)
                    server = GrpcServer(key[0], key[1], calls, self._ready, certificate, key[4], shared=self._shared)
                    server.bind()
                    bound[key] = server
        except BaseException:
            await self.release(bound)
            raise
        return bound

    async def release(self, bound: dict[_PortKey, GrpcServer]) -> None:
        """Release ports that `bind` bound, if they will not be used."""
        for server in bound.values():
            await server.release()

    async def apply(
        self,
        settings: Settings,
        services: Sequence[ListenerServices],
        certificates: Sequence[Certificate | None],
        bound: dict[_PortKey, GrpcServer],
        later: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """Serve the ports of `settings`, including `bound`, and close the others, by `later`."""
        wanted = _port_keys(settings, certificates)
        for key, number, certificate in wanted:
            server = bound.get(key) or self._open[key]
            server.certificate = certificate
            server.calls.apply(services[number], _rules(settings))
            if key in bound:
                self._open[key] = server
                await server.start()
        for key in self._open.keys() - {key for key, _, _ in wanted}:
            later(self._close(self._open.pop(key), settings.grpc.timeout))

    @property
    def ports(self) -> list[int]:
        """The actual ports, in the order in which they were opened."""
        return [server.port for server in self._open.values()]

    async def stop(self, seconds: float) -> None:
        """Accept no more calls, and give those in flight `seconds`."""
        servers = {*self._open.values(), *self._closing}
        await asyncio.gather(*(server.stop(seconds) for server in servers))

    async def _close(self, server: GrpcServer, seconds: float) -> None:
        self._closing.add(server)
        await server.stop(seconds)
        self._closing.discard(server)

    def _ready(self) -> bool:
        return self._staying() and self._nodes.choose_for_grpc() is not None


def _rules(settings: Settings) -> Rules:
    grpc = settings.grpc
    return Rules(
        versions=VersionRange(grpc.versions.min, grpc.versions.max),
        methods=frozenset(grpc.methods),
        in_flight=grpc.in_flight,
        seconds=grpc.timeout,
    )


def _port_keys(
    settings: Settings, certificates: Sequence[Certificate | None]
) -> list[tuple[_PortKey, int, Certificate | None]]:
    """The ports to serve, each with the index of its listener and the listener's certificate."""
    bounds = ServerLimits(settings.grpc.request_bytes, settings.limits.connections, settings.timeouts.request_head)
    seen = Counter[tuple[str, int]]()
    keys = []
    for number, (listen, certificate) in enumerate(zip(settings.listeners, certificates, strict=True)):
        if listen.grpc_port is not None:
            address = (listen.host, listen.grpc_port)
            keys.append(((*address, seen[address], certificate is not None, bounds), number, certificate))
            seen[address] += 1
    return keys
