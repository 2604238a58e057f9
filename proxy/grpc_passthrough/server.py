"""One gRPC port: listens, presents the listener's certificate, passes calls to a forwarder, and stops."""

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
"""Idle connections are closed after this; clients reconnect by themselves."""
_PING_MS, _PONG_MS = 60_000, 20_000
"""Keepalive pings detect clients that have vanished."""
_STREAMS = 100
"""Concurrent calls on one connection; further ones wait at the client. RFC 9113 (6.5.2) recommends no fewer."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Limits of a port that cannot change while it is open: bytes of a message, connections, and seconds."""

    request_bytes: int
    connections: int
    handshake_seconds: float


class GrpcServer:
    """Serves `calls` at `host` and `port` (0 for any free one), from `bind` to `stop`.

    `ready`: whether a node is available for calls. `certificate`: the one presented, None for a port without TLS; it
    may be replaced. `shared`: whether other processes may bind the same port.
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
                # On by default, which would let any other process bind the same port and receive some of the calls.
                ("grpc.so_reuseport", int(shared)),
                ("grpc.max_receive_message_length", bounds.request_bytes),
                ("grpc.max_allowed_incoming_connections", bounds.connections),
                ("grpc.server_handshake_timeout_ms", int(bounds.handshake_seconds * 1000)),
                ("grpc.max_send_message_length", -1),  # bounded where it arrived
                ("grpc.max_concurrent_streams", _STREAMS),
                ("grpc.max_connection_idle_ms", _IDLE_MS),
                ("grpc.keepalive_time_ms", _PING_MS),
                ("grpc.keepalive_timeout_ms", _PONG_MS),
            )
        )
        add_HealthServicer_to_server(Health(ready, self._services, calls.admit), self._server)
        self._server.add_generic_rpc_handlers((_Handler(calls),))

    def bind(self) -> None:
        """Bind the port. Raises OSError if it is unavailable."""
        address = f"{self._host}:{self.port}"
        try:
            if self.certificate is None:
                self.port = self._server.add_insecure_port(address)
            else:
                self.port = self._server.add_secure_port(address, self._credentials())
        except RuntimeError as error:
            raise OSError(f"cannot bind the gRPC port {address}") from error

    async def release(self) -> None:
        """Release a port that was bound and never served."""
        await self._server.start()  # the library does not close the port of a server that was not started
        await self._server.stop(None)

    async def start(self) -> None:
        """Start serving."""
        await self._server.start()

    async def stop(self, seconds: float) -> None:
        """Accept no more calls, and give those in flight `seconds`."""
        await self._server.stop(seconds)

    def _services(self) -> frozenset[str]:
        versions = self.calls.versions
        return frozenset(f"{package(version)}.{SERVICE}" for version in range(versions.min, versions.max + 1))

    def _credentials(self) -> grpc.ServerCredentials:
        first = self._certificate_in_force()
        assert first is not None  # noqa: S101 - this port has TLS, and its certificate has not been presented yet
        return grpc.dynamic_ssl_server_credentials(first, self._certificate_in_force)  # type: ignore[arg-type]

    def _certificate_in_force(self) -> grpc.ServerCertificateConfiguration | None:
        """The certificate to present, which the library requests at each handshake; None if it is unchanged."""
        certificate = self.certificate
        if certificate is None or certificate.identity is self._shown:
            return None
        self._shown = certificate.identity
        chain, key = (Path(file).read_bytes() for file in certificate.files)
        return grpc.ssl_server_certificate_configuration([(key, chain)])


class _Handler(grpc.GenericRpcHandler):
    """Accepts every call, whatever its path, as a bidirectional stream, which every call is on the wire."""

    def __init__(self, calls: CallForwarder) -> None:
        self._calls = calls

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        path = handler_call_details.method

        async def serve(requests: AsyncIterator[bytes], context: Context) -> None:
            await self._calls.serve(path, requests, context)

        return grpc.stream_stream_rpc_method_handler(serve)
