"""One address where clients connect: accepts their connections, enforces their time limits, and closes them."""

import asyncio
import errno
import socket
from contextlib import suppress
from typing import Protocol

import structlog

from proxy.access.client_address import parse_address
from proxy.access.fair_share import FairShare
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.eventloop.write_batcher import WriteBatcher
from proxy.http.bindable import is_dual_stack, naming_address
from proxy.http.connection import NEW_CLIENT_SECONDS, Connection, Handler
from proxy.http.connection_counter import ConnectionCounter
from proxy.http.limits import ClientLimits
from proxy.http.upgrade import UpgradeHandler, WebSocketUpgrader
from proxy.tls import Certificate, CertificateProblem

_BACKLOG = 1024
_ACCEPTED_AT_ONCE = 20
_OUT_OF_SOCKETS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_CHECKS_PER_TIMEOUT = 4
_TLS_CLOSE_SECONDS = 2.0
_HANDSHAKE_SECONDS = 0.0015
"""CPU seconds of a TLS handshake, most of them for a signature with a key of RSA."""
_LAST_SECONDS = 0.5
_UNSENT_IN_SYSTEM = 131_072
"""Size of the kernel's send buffer for unsent bytes (TCP_NOTSENT_LOWAT), which nothing here counts; without it up to 4
MB. Bytes in transit are not limited by this."""
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}

log = structlog.get_logger(__name__)


async def bind(host: str, port: int, *, shared: bool = False) -> list[socket.socket]:
    """Return sockets that listen at every address of `host`, `::` being all of IPv6 and IPv4. Raises OSError.

    `port`: 0 for a free one. `shared`: with other processes; the system distributes connections among them. Clients
    can connect from now on, and wait until a `Listener` accepts them.
    """
    with naming_address(host, port):
        return await _bind(host, port, shared)


async def _bind(host: str, port: int, shared: bool) -> list[socket.socket]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        addresses = dict.fromkeys((entry[0], str(entry[4][0])) for entry in found)
        for family, address in addresses:
            listening = socket.create_server(
                (address, port),
                family=family,
                backlog=_BACKLOG,
                reuse_port=shared,
                dualstack_ipv6=is_dual_stack(family, address) and len(addresses) == 1,
            )
            sockets.append(listening)
            listening.setblocking(False)
            port = listening.getsockname()[1]
    except BaseException:
        for bound in sockets:
            bound.close()
        raise
    return sockets


class ListenerMetrics(Protocol):
    """What a listener reports about its connections."""

    def connected(self, listener: str, change: int = 1) -> None:
        """`change` more connections are open."""

    def refused(self, reason: str) -> None:
        """A connection was closed on accept, or failed its TLS handshake."""

    def ended(self, reason: str) -> None:
        """A connection, or a request on it, was aborted."""

    def certificate(self, listener: str, ends: float | None) -> None:
        """When the certificate in use expires (Unix time); None for no certificate."""


class Listener:
    """Serves clients that connect to `sockets` with `handler`, from `start` to `finish`.

    `upgrade`: serves WebSockets. `name`: its name in metrics and logs. `limits` and `certificate` may be replaced at
    any time. `unsent_bytes`: counts the bytes that wait for all clients. `fair_share`: is charged for TLS handshakes,
    which no other limit counts.
    """

    def __init__(
        self,
        name: str,
        sockets: list[socket.socket],
        handler: Handler,
        upgrade: UpgradeHandler,
        limits: ClientLimits,
        certificate: Certificate | None,
        metrics: ListenerMetrics,
        unsent_bytes: UnsentBytes,
        fair_share: FairShare,
    ) -> None:
        self.name = name
        self.limits = limits
        self.certificate = certificate
        self.port: int = sockets[0].getsockname()[1]
        self._sockets = sockets
        self._metrics = metrics
        self._handler = handler
        self._upgrades = WebSocketUpgrader(upgrade)
        self._writes = WriteBatcher()
        self._unsent_bytes = unsent_bytes
        self._fair_share = fair_share
        self._counter = ConnectionCounter()
        self._addresses: dict[Connection, str] = {}
        self._handshakes: set[asyncio.Task[None]] = set()
        self._checker: asyncio.Task[None] | None = None
        self._accepting: set[socket.socket] = set()
        self._later: set[asyncio.TimerHandle] = set()

    def start(self) -> None:
        """Accept clients from now on."""
        self._checker = asyncio.create_task(self._check(), name=f"connections at {self.name}")
        for listening in self._sockets:
            self._accept_from(listening)

    def stop_accepting(self) -> None:
        """Accept no more clients; connected ones stay, also those that the system has accepted and this has not."""
        for listening in self._sockets:
            if listening in self._accepting:
                self._accept(listening)  # the system would reset them
            if listening in self._accepting:
                asyncio.get_running_loop().remove_reader(listening)
            listening.close()
        for later in self._later:
            later.cancel()
        self._sockets = []
        self._accepting.clear()

    async def finish(self, seconds: float | None) -> None:
        """Close all connections: idle ones immediately, the others when their requests have their responses.

        A client that has just connected has `NEW_CLIENT_SECONDS` to send its request.

        After `seconds` all are closed. None: there is no such limit, and clients may complete the heads of requests.
        """
        self.stop_accepting()
        loop = asyncio.get_running_loop()
        grace_ends = loop.time() + NEW_CLIENT_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._addresses or self._handshakes:
                    if seconds is not None and loop.time() > grace_ends:
                        for task in self._handshakes:
                            task.cancel()
                    for connection in tuple(self._addresses):
                        connection.close_idle(even_in_head=seconds is not None)
                    await asyncio.sleep(0.02)
        for task in tuple(self._handshakes):
            task.cancel()
        await asyncio.gather(*self._handshakes, return_exceptions=True)
        await self._upgrades.shutdown(_LAST_SECONDS)
        await asyncio.gather(*(connection.cancel() for connection in tuple(self._addresses)))
        if self._checker is not None:
            self._checker.cancel()
            await asyncio.gather(self._checker, return_exceptions=True)

    def _accept_from(self, listening: socket.socket) -> None:
        asyncio.get_running_loop().add_reader(listening, self._accept, listening)
        self._accepting.add(listening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                connection, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _OUT_OF_SOCKETS:
                    raise
                log.error("cannot_accept", listener=self.name, problem=error.strerror)
                self._pause(listening)
                return
            # An IPv4 client of a dual-stack socket is `::ffff:192.0.2.1`.
            self._on_accept(connection, str(parse_address(address[0]) or address[0]))

    def _pause(self, listening: socket.socket) -> None:
        """Stop accepting for a second: the system is out of sockets, and would only repeat the error."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening)
        self._accepting.discard(listening)

        def resume() -> None:
            self._later.discard(later)
            self._accept_from(listening)

        later = loop.call_later(1, resume)
        self._later.add(later)

    def _on_accept(self, connection: socket.socket, address: str) -> None:
        limits = self.limits
        full = self._counter.acquire(address, limits.connections, limits.connections_per_address, limits.exempt)
        if full is not None:
            self._metrics.refused(full)
            connection.close()
            return
        self._metrics.connected(self.name)
        task = asyncio.create_task(self._connect(connection, address))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    async def _connect(self, connection: socket.socket, address: str) -> None:
        """Make a connection of the socket, with a TLS handshake if there is a certificate."""
        protocol = Connection(
            address, self._handler, self._upgrades.take, self._lost, self._writes, self._unsent_bytes, self._shed
        )
        tls = {}
        if self.certificate is not None:
            tls = {
                "ssl": self.certificate.identity.context,
                "ssl_handshake_timeout": self.limits.head,
                "ssl_shutdown_timeout": _TLS_CLOSE_SECONDS,
            }
        self._addresses[protocol] = address
        loop = asyncio.get_running_loop()
        try:
            connection.setblocking(False)
            _prepare(connection, self.limits.write)
            if tls:
                await self._fair_share.wait_if_necessary(address, loop.time() + self.limits.head)
                self._fair_share.spent(address, _HANDSHAKE_SECONDS)
            await loop.connect_accepted_socket(lambda: protocol, connection, **tls)  # type: ignore[arg-type]
        except BaseException as problem:
            if protocol.transport is None:
                connection.close()
                self._lost(protocol)
            if not isinstance(problem, OSError):  # the client is gone, or its handshake is invalid or late
                raise
            self._metrics.refused("handshake")

    def _lost(self, connection: Connection) -> None:
        address = self._addresses.pop(connection, None)
        if address is not None:
            self._counter.release(address)
            self._metrics.connected(self.name, -1)
        if connection.took_nothing:
            self._metrics.ended("slow_reader")

    def _shed(self) -> None:
        self._metrics.ended("unsent_bytes")

    async def _check(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            limits = self.limits
            await asyncio.sleep(min(1.0, min(limits.head, limits.body, limits.write) / _CHECKS_PER_TIMEOUT))
            now = loop.time()
            for connection in tuple(self._addresses):
                overdue = connection.check_timeouts(now, limits)
                if overdue is not None:
                    self._metrics.ended(overdue)
            self._refresh_certificate()

    def _refresh_certificate(self) -> None:
        if self.certificate is None or not self._sockets:  # it may not be presented any more
            return
        try:
            if not self.certificate.refresh():
                return
        except CertificateProblem as problem:
            log.error("certificate_reload_failed", listener=self.name, problem=str(problem))
            return
        self.report_certificate()
        log.info("certificate_replaced", listener=self.name)

    def report_certificate(self) -> None:
        """Report in the metrics when the certificate expires."""
        self._metrics.certificate(self.name, None if self.certificate is None else self.certificate.identity.ends)


def _prepare(connection: socket.socket, unheard_seconds: float) -> None:
    """Have the system end connections of clients that have vanished, or acknowledge nothing for `unheard_seconds`.

    The latter matters with TLS, where encrypted data waits in a layer that the connection cannot see.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        **_KEEPALIVE,
        "TCP_USER_TIMEOUT": int(unheard_seconds * 1000),
        "TCP_NOTSENT_LOWAT": _UNSENT_IN_SYSTEM,
    }
    for name, value in options.items():
        if hasattr(socket, name):  # Linux has them all
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
