"""The gRPC ports of all listeners: had, gone over to other settings, and ended."""

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

_Place = tuple[str, int, int, bool, ServerLimits]
"""Host, port, which of those with the same (port 0 may come more than once); and what cannot change: TLS, bounds."""


class GrpcListeners:
    """The ports of the process.

    `nodes`: whom calls are passed on to. `staying`: whether the process is to go on. `shared`: with other processes of
    the same proxy.
    """

    def __init__(self, nodes: NodePool, staying: Callable[[], bool], *, shared: bool) -> None:
        self._nodes = nodes
        self._shared = shared
        self._staying = staying
        self._open: dict[_Place, GrpcServer] = {}
        self._leaving: set[GrpcServer] = set()

    async def bind(self, settings: Settings, certificates: Sequence[Certificate | None]) -> dict[_Place, GrpcServer]:
        """Has the ports that `settings` want and that are not open, one certificate for each listener: for `go_over_to`
        or `release`.

        Raises OSError: then none of them is held.
        """
        bound: dict[_Place, GrpcServer] = {}
        try:
            for place, _, certificate in _places(settings, certificates):
                if place not in self._open:
                    calls = CallForwarder(self._nodes)
                    server = GrpcServer(
                        place[0], place[1], calls, self._ready, certificate, place[4], shared=self._shared
                    )
                    server.bind()
                    bound[place] = server
        except BaseException:
            await self.release(bound)
            raise
        return bound

    async def release(self, bound: dict[_Place, GrpcServer]) -> None:
        """Gives back ports that were had by `bind`, where nothing comes of it."""
        for server in bound.values():
            await server.release()

    async def apply(
        self,
        settings: Settings,
        doors: Sequence[ListenerServices],
        certificates: Sequence[Certificate | None],
        bound: dict[_Place, GrpcServer],
        later: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """Serves at the ports that `settings` want, `bound` among them, and leaves the others, `later`."""
        wanted = _places(settings, certificates)
        for place, number, certificate in wanted:
            server = bound.get(place) or self._open[place]
            server.certificate = certificate
            server.calls.go_over_to(doors[number], _rules(settings))
            if place in bound:
                self._open[place] = server
                await server.start()
        for place in self._open.keys() - {place for place, _, _ in wanted}:
            later(self._leave(self._open.pop(place), settings.grpc.timeout))

    @property
    def ports(self) -> list[int]:
        """The real ports, in the order in which they were opened."""
        return [server.port for server in self._open.values()]

    async def stop(self, seconds: float) -> None:
        """Takes no more calls, and gives those under way `seconds`."""
        servers = {*self._open.values(), *self._leaving}
        await asyncio.gather(*(server.stop(seconds) for server in servers))

    async def _leave(self, server: GrpcServer, seconds: float) -> None:
        self._leaving.add(server)
        await server.stop(seconds)
        self._leaving.discard(server)

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


def _places(
    settings: Settings, certificates: Sequence[Certificate | None]
) -> list[tuple[_Place, int, Certificate | None]]:
    """The ports that are wanted, each with the number of its listener, and the certificate of that."""
    bounds = ServerLimits(settings.grpc.request_bytes, settings.limits.connections, settings.timeouts.request_head)
    seen = Counter[tuple[str, int]]()
    places = []
    for number, (listen, certificate) in enumerate(zip(settings.listeners, certificates, strict=True)):
        if listen.grpc_port is not None:
            key = (listen.host, listen.grpc_port)
            places.append(((*key, seen[key], certificate is not None, bounds), number, certificate))
            seen[key] += 1
    return places
