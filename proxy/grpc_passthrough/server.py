"""One gRPC port: listens, shows the listener's certificate, hands calls on, and ends."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from proxy.grpc_passthrough.forwarder import CallForwarder, Context
from proxy.grpc_passthrough.health import Health
from proxy.grpc_passthrough.methods import SERVICE, package
from proxy.tls import Certificate, Identity

_IDLE_MS = 300_000
"""A connection without a call is closed after this; clients connect again by themselves."""
_PING_MS, _PONG_MS = 60_000, 20_000
"""A client that has vanished is found out by a ping."""
_STREAMS = 1000
"""Calls under way at once on one connection; more wait with the client."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What holds for a port as long as it is served. Bytes of a client's message, and seconds."""

    request_bytes: int
    connections: int
    handshake_seconds: float


class GrpcServer:
    """Serves `calls` at `host` and `port` (0 for any free one), from `bind` to `stop`.

    `ready`: whether there is a node for calls. `certificate`: what is shown, None for a port without TLS; it may be
    replaced by another. `shared`: whether other processes may have the same port.
    """

    def __init__(
        self,
        host: str,
        port: int,
        calls: CallForwarder,
        ready: Callable[[], bool],
        certificate: Certificate | None,
        bounds: ServerLimits,
        *,
        shared: bool,
    ) -> None:
        self.calls = calls
        self.port = port
        self.certificate = certificate
        self._host = f"[{host}]" if ":" in host else host
        self._shown: Identity | None = None
        self._server = grpc.aio.server(
            options=(
                # On, as it is by default, any other process would take the same port, and some of its calls.
                ("grpc.so_reuseport", int(shared)),
                ("grpc.max_receive_message_length", bounds.request_bytes),
                ("grpc.max_allowed_incoming_connections", bounds.connections),
                ("grpc.server_handshake_timeout_ms", int(bounds.handshake_seconds * 1000)),
                ("grpc.max_send_message_length", -1),  # has been bounded where it came in
                ("grpc.max_concurrent_streams", _STREAMS),
                ("grpc.max_connection_idle_ms", _IDLE_MS),
                ("grpc.keepalive_time_ms", _PING_MS),
                ("grpc.keepalive_timeout_ms", _PONG_MS),
            )
        )
        add_HealthServicer_to_server(Health(ready, self._services), self._server)
        self._server.add_generic_rpc_handlers((_Handler(calls),))

    def bind(self) -> None:
        """Takes the port. Raises OSError where it cannot be had."""
        address = f"{self._host}:{self.port}"
        try:
            if self.certificate is None:
                self.port = self._server.add_insecure_port(address)
            else:
                self.port = self._server.add_secure_port(address, self._credentials())
        except RuntimeError as error:
            raise OSError(f"the gRPC port {address} cannot be had") from error

    async def release(self) -> None:
        """Gives the port back, having served nobody."""
        await self._server.start()  # the library closes no port of a server that was not started
        await self._server.stop(None)

    async def start(self) -> None:
        """Serves from now on."""
        await self._server.start()

    async def stop(self, seconds: float) -> None:
        """Takes no more calls, and gives those under way `seconds`."""
        await self._server.stop(seconds)

    def _services(self) -> frozenset[str]:
        versions = self.calls.versions
        return frozenset(f"{package(version)}.{SERVICE}" for version in range(versions.min, versions.max + 1))

    def _credentials(self) -> grpc.ServerCredentials:
        first = self._certificate_in_force()
        assert first is not None  # noqa: S101 - there was one when this was made, and it is shown for the first time
        return grpc.dynamic_ssl_server_credentials(first, self._certificate_in_force)  # type: ignore[arg-type]

    def _certificate_in_force(self) -> grpc.ServerCertificateConfiguration | None:
        """What is to be shown, for the library, which asks at each handshake; None where that is as before."""
        certificate = self.certificate
        if certificate is None or certificate.identity is self._shown:
            return None
        self._shown = certificate.identity
        chain, key = (Path(file).read_bytes() for file in certificate.files)
        return grpc.ssl_server_certificate_configuration([(key, chain)])


class _Handler(grpc.GenericRpcHandler):
    """Takes every call, whatever its path: of streams both ways, which on the wire is what every call is."""

    def __init__(self, calls: CallForwarder) -> None:
        self._calls = calls

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        path = handler_call_details.method

        async def serve(requests: AsyncIterator[bytes], context: Context) -> None:
            await self._calls.serve(path, requests, context)

        return grpc.stream_stream_rpc_method_handler(serve)
