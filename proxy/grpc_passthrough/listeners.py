"""The gRPC ports of all listeners: bound, moved to new settings, and closed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from proxy.config import Settings
from proxy.grpc_passthrough.forwarder import CallForwarder, Rules
from proxy.grpc_passthrough.server import GrpcServer, ServerLimits
from proxy.nodes import NodePool
from proxy.rpc.gateway import ListenerServices
from proxy.tls import Certificate
from proxy.versions.negotiation import VersionRange


class _PortKey(NamedTuple):
    """An open port. TLS and limits cannot change while it is."""

    host: str
    port: int
    number: int
    """Among those with an equal host and port: port 0 may occur more than once."""
    is_tls: bool
    limits: ServerLimits


_LIMIT_KEYS = {
    "grpc.request_bytes": "request_bytes",
    "limits.connections": "connections",
    "timeouts.request_head": "handshake_seconds",
}
"""The configuration's key of each of the limits."""


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
            for key, _, certificate in self._port_keys(settings, certificates):
                if key not in self._open:
                    self._check_tls(key)
                    calls = CallForwarder(self._nodes)
                    server = GrpcServer(
                        key.host, key.port, calls, self._ready, certificate, key.limits, shared=self._shared
                    )
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
        wanted = self._port_keys(settings, certificates)
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

    def keys_for_a_restart(self, settings: Settings) -> list[str]:
        """The keys whose values in `settings` are not in force at an open port."""
        wanted = _limits(settings)
        stale = [key.limits for key in self._open if key.limits != wanted]
        return [
            f"{name} (of gRPC ports)"
            for name, value in _LIMIT_KEYS.items()
            if any(getattr(limits, value) != getattr(wanted, value) for limits in stale)
        ]

    async def stop(self, seconds: float) -> None:
        """Accept no more calls, and give those in flight `seconds`."""
        servers = {*self._open.values(), *self._closing}
        await asyncio.gather(*(server.stop(seconds) for server in servers))

    async def _close(self, server: GrpcServer, seconds: float) -> None:
        self._closing.add(server)
        await server.stop(seconds)
        self._closing.discard(server)

    def _port_keys(
        self, settings: Settings, certificates: Sequence[Certificate | None]
    ) -> list[tuple[_PortKey, int, Certificate | None]]:
        """The ports to serve, each with the index of its listener and the listener's certificate.

        Among several workers, a port is opened again for other limits; a single process has it in use, so its limits
        stay.
        """
        limits, seen = _limits(settings), Counter[tuple[str, int]]()
        in_force = {} if self._shared else {key[:4]: key.limits for key in self._open}
        keys = []
        for number, (listen, certificate) in enumerate(zip(settings.listeners, certificates, strict=True)):
            if listen.grpc_port is not None:
                address = (listen.host, listen.grpc_port)
                key = (*address, seen[address], certificate is not None)
                keys.append((_PortKey(*key, in_force.get(key, limits)), number, certificate))
                seen[address] += 1
        return keys

    def _check_tls(self, key: _PortKey) -> None:
        """Raise OSError if the port is open with TLS and is to be without, or the reverse, which takes a restart."""
        if not self._shared and any(each[:3] == key[:3] and each.is_tls != key.is_tls for each in self._open):
            raise OSError(f"gRPC port {key.host}:{key.port}: adding or removing listen.tls needs a restart")

    def _ready(self) -> bool:
        return self._staying() and self._nodes.choose_for_grpc() is not None


def _rules(settings: Settings) -> Rules:
    grpc = settings.grpc
    return Rules(
        versions=VersionRange(grpc.versions.min, grpc.versions.max),
        methods=frozenset(grpc.methods),
        in_flight=grpc.in_flight,
        seconds=grpc.timeout,
        answer_bytes=grpc.answer_bytes,
    )


def _limits(settings: Settings) -> ServerLimits:
    return ServerLimits(settings.grpc.request_bytes, settings.limits.connections, settings.timeouts.request_head)
