"""The ports that clients connect to: opened, handed to the next generation on a reload, closed when it drops them."""

import socket
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.access.fair_share import FairShare
from proxy.config import Settings, TlsSettings
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.http.listener import Listener, bind
from proxy.nodes.readiness import Readiness
from proxy.rpc.gateway import Gateway, ListenerServices
from proxy.server.builders import build_client_limits
from proxy.telemetry.metrics import Metrics
from proxy.tls import Certificate

ListenerKey = tuple[str, int, int]
"""Host, port, and a number that distinguishes listeners with equal ones: port 0 may be configured more than once."""

BoundSockets = dict[ListenerKey, list[socket.socket]]
"""Listening sockets that no `Listener` serves yet."""


@dataclass(slots=True)
class _ActiveListener:
    listener: Listener
    gateway: Gateway


class ClientListeners:
    """The HTTP and WebSocket listeners of this process.

    `spawn`: runs a coroutine until it ends or the proxy stops. `shared`: whether other processes of the same proxy
    listen on the same ports.
    """

    def __init__(
        self,
        readiness: Callable[[], Readiness],
        draining: Callable[[], bool],
        metrics: Metrics,
        unsent_bytes: UnsentBytes,
        fair_share: FairShare,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        *,
        shared: bool,
    ) -> None:
        self._readiness = readiness
        self._draining = draining
        self._metrics = metrics.connections
        self._unsent_bytes = unsent_bytes
        self._fair_share = fair_share
        self._spawn = spawn
        self._shared = shared
        self._open: dict[ListenerKey, _ActiveListener] = {}
        self._closing: set[Listener] = set()

    async def bind(self, settings: Settings) -> BoundSockets:
        """Listen on the ports of `settings` that are not open yet; `apply` or `release` takes the sockets.

        Raises OSError: then none of them is left open.
        """
        bound: BoundSockets = {}
        try:
            for key in _listener_keys(settings):
                if key not in self._open:
                    bound[key] = await bind(key[0], key[1], shared=self._shared)
        except BaseException:
            release(bound)
            raise
        return bound

    def apply(
        self,
        settings: Settings,
        services: Sequence[ListenerServices],
        certificates: Sequence[Certificate | None],
        bound: BoundSockets,
    ) -> None:
        """Serve `settings.listeners` with `services` and `certificates`, both in the same order; close all others."""
        keys = _listener_keys(settings)
        for key, listen, certificate, service in zip(keys, settings.listeners, certificates, services, strict=True):
            limits = build_client_limits(listen, settings)
            active = self._open.get(key)
            if active is None:
                gateway = Gateway(service, self._readiness, self._draining)
                name = f"{listen.host}:{bound[key][0].getsockname()[1]}"
                listener = Listener(
                    name,
                    bound[key],
                    gateway.handle,
                    gateway.upgrade,
                    limits,
                    certificate,
                    self._metrics,
                    self._unsent_bytes,
                    self._fair_share,
                )
                self._open[key] = active = _ActiveListener(listener, gateway)
                listener.start()
            else:
                active.gateway.services = service
                active.listener.limits = limits
                active.listener.certificate = certificate
            active.listener.report_certificate()
        for key in self._open.keys() - set(keys):
            self._retire(self._open.pop(key))

    def urls(self, settings: Settings) -> list[str]:
        """The URL of each listener in the order of `settings`, with its real port. Raises RuntimeError before
        `apply`.
        """
        urls = []
        for key, listen in zip(_listener_keys(settings), settings.listeners, strict=True):
            if key not in self._open:
                raise RuntimeError("the proxy has not been started")
            host = f"[{listen.host}]" if ":" in listen.host else listen.host
            scheme = "http" if listen.tls.certificate is None else "https"
            urls.append(f"{scheme}://{host}:{self._open[key].listener.port}/")
        return urls

    @property
    def all(self) -> list[Listener]:
        """All listeners that may have clients: the open ones, and closed ones whose clients have not disconnected."""
        return [*(active.listener for active in self._open.values()), *self._closing]

    def _retire(self, removed: _ActiveListener) -> None:
        """Free the address of a listener now, and close it when its last client has disconnected."""
        removed.gateway.closing = True
        removed.listener.stop_accepting()
        self._closing.add(removed.listener)
        self._spawn(self._finish(removed.listener))

    async def _finish(self, listener: Listener) -> None:
        await listener.finish(None)
        self._closing.discard(listener)
        # A later reload may have opened a listener with the same name; the metrics are its own then.
        if listener.name not in {other.name for other in self.all}:
            self._metrics.listener_gone(listener.name)


def release(bound: BoundSockets) -> None:
    """Close sockets that `ClientListeners.bind` opened and that are not needed after all."""
    for sockets in bound.values():
        for listening in sockets:
            listening.close()


def load_certificates(settings: Settings) -> list[Certificate | None]:
    """Read the certificate of each listener, None for plain HTTP. Raises CertificateProblem."""
    return [_certificate(listen.tls) for listen in settings.listeners]


def _certificate(tls: TlsSettings) -> Certificate | None:
    return Certificate(tls.certificate, tls.key) if tls.certificate and tls.key else None


def _listener_keys(settings: Settings) -> list[ListenerKey]:
    seen = Counter[tuple[str, int]]()
    keys = []
    for listen in settings.listeners:
        address = (listen.host, listen.port)
        keys.append((*address, seen[address]))
        seen[address] += 1
    return keys
