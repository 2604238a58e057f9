"""The settings of the client ports: addresses, certificates, what is served there, and CORS."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from adapters import VERSIONS
from proxy.config import extras
from proxy.config.section import Section
from proxy.config.types import AllowedText, Count, FilePath, Flag, Host, MethodName, Origin, Port, Version
from proxy.tls import CertificateProblem, inspect_certificate
from proxy.versions.negotiation import DEFAULT_VERSION


class TlsSettings(Section):
    """The certificate of a listener; without one it serves plain HTTP and WebSocket."""

    certificate: Annotated[FilePath | None, AllowedText("the path of a PEM file, or null for plain HTTP")] = Field(
        None, description="PEM file of the certificate followed by intermediate certificates; null for plain HTTP"
    )
    key: Annotated[FilePath | None, AllowedText("the path of a PEM file, or null for plain HTTP")] = Field(
        None, validate_default=True, description="PEM file of its private key, without passphrase"
    )

    @field_validator("key")
    @classmethod
    def _belongs_to_the_certificate(cls, value: str | None, info: ValidationInfo) -> str | None:
        if "certificate" not in info.data:  # invalid itself
            return value
        certificate = info.data["certificate"]
        if (certificate is None) != (value is None):
            raise PydanticCustomError("problem", "certificate and key belong together: set both, or neither")
        if certificate is not None and value is not None:
            extras.require("tls")
            try:
                inspect_certificate(certificate, value)
            except CertificateProblem as problem:
                raise PydanticCustomError("problem", "{problem}", {"problem": str(problem)}) from None
        return value


class ListenVersionSettings(Section):
    """The API versions of one listener, if fewer than those of `versions`."""

    min: Annotated[Version | None, AllowedText("an API version, or null for versions.min")] = Field(
        None, description="lowest API version here; null means versions.min"
    )
    max: Annotated[Version | None, AllowedText("an API version, or null for versions.max")] = Field(
        None, description="highest API version here; null means versions.max"
    )


class ListenSettings(Section):
    """One address for clients."""

    host: Host = Field("0.0.0.0", description="address to listen on")  # noqa: S104
    port: Port = Field(51233, description="port for JSON-RPC and WebSocket; 0 takes a free one")
    grpc_port: Annotated[Port | None, AllowedText("a TCP port between 0 and 65535, or null for no gRPC")] = Field(
        None,
        description="port for gRPC on the same host with the same certificate; 0 takes a free one, null for no gRPC",
    )
    tls: TlsSettings = Field(TlsSettings(), description="the certificate")
    default_version: Version = Field(
        max(DEFAULT_VERSION, VERSIONS.oldest), description="API version of a request without api_version"
    )
    versions: ListenVersionSettings = Field(ListenVersionSettings(), description="API versions supported here")
    methods: Annotated[tuple[MethodName, ...], AllowedText("a list of methods, such as [account_info, submit]")] = (
        Field((), description="methods allowed here; [] allows all")
    )
    compression: Flag = Field(
        True, description="gzip responses of 64 KiB and more for clients that accept it, but none that may hold secrets"
    )
    requests_per_second: Annotated[
        Count | None, AllowedText("a whole number between 1 and 1000000, or null for limits.requests_per_second")
    ] = Field(None, description="requests per second from one address here; null means limits.requests_per_second")
    connections_per_address: Annotated[
        Count | None, AllowedText("a whole number between 1 and 1000000, or null for limits.connections_per_address")
    ] = Field(None, description="connections from one address here; null means limits.connections_per_address")

    @property
    def ports(self) -> list[int]:
        """The ports it listens on; 0 stands for any free one."""
        return [self.port] if self.grpc_port is None else [self.port, self.grpc_port]

    @field_validator("grpc_port")
    @classmethod
    def _can_be(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None:
            extras.require("grpc")
        if value and value == info.data.get("port"):
            raise PydanticCustomError("problem", "port {port} is already used by port", {"port": value})
        return value


class CorsSettings(Section):
    """Which web pages may use the proxy from a browser."""

    origins: Annotated[
        tuple[Origin, ...], AllowedText('a list of origins, such as [https://wallet.example], or ["*"] for all')
    ] = Field((), description='origins of pages that may read responses; ["*"] for all, [] sends no CORS headers')
    enforce: Flag = Field(
        False, description="refuse requests and WebSocket sessions from pages of other origins, with 403"
    )
