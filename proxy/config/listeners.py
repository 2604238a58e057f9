"""The settings of where clients connect: addresses, certificates, what is taken there, and from which web pages."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from proxy.config import grpc
from proxy.config.section import Section
from proxy.config.types import AllowedText, Count, FilePath, Flag, Host, MethodName, Origin, Port, Version
from proxy.tls import CertificateProblem, inspect_certificate


class TlsSettings(Section):
    """The certificate that a listener shows; without one it speaks plain HTTP and WebSocket."""

    certificate: Annotated[FilePath | None, AllowedText("the path of a PEM file, or null for plain HTTP")] = Field(
        None, description="PEM file of the certificate, then those between it and the CA; null for plain HTTP"
    )
    key: Annotated[FilePath | None, AllowedText("the path of a PEM file, or null for plain HTTP")] = Field(
        None, validate_default=True, description="PEM file of its private key, which no passphrase protects"
    )

    @field_validator("key")
    @classmethod
    def _belongs_to_the_certificate(cls, value: str | None, info: ValidationInfo) -> str | None:
        if "certificate" not in info.data:  # faulty by itself
            return value
        certificate = info.data["certificate"]
        if (certificate is None) != (value is None):
            raise PydanticCustomError("tls", "certificate and key belong together: give both, or neither")
        if certificate is not None and value is not None:
            try:
                inspect_certificate(certificate, value)
            except CertificateProblem as problem:
                raise PydanticCustomError("tls", "{problem}", {"problem": str(problem)}) from None
        return value


class ListenVersionSettings(Section):
    """The API versions offered at one listener, where these are fewer than everywhere."""

    min: Annotated[Version | None, AllowedText("an API version, or null for versions.min")] = Field(
        None, description="lowest API version here; null means versions.min"
    )
    max: Annotated[Version | None, AllowedText("an API version, or null for versions.max")] = Field(
        None, description="highest API version here; null means versions.max"
    )


class ListenSettings(Section):
    """Where clients connect."""

    host: Host = Field("0.0.0.0", description="address that clients connect to")  # noqa: S104
    port: Port = Field(51233, description="port for JSON-RPC, and for WebSocket too; 0 takes a free one")
    grpc_port: Annotated[
        Port | None, AllowedText("a TCP port, 0 to 65535, that nothing else has, or null for no gRPC")
    ] = Field(None, description="port for gRPC at this host, with this certificate; 0 takes a free one, null is none")
    tls: TlsSettings = Field(TlsSettings(), description="the certificate that is shown")
    default_version: Version = Field(1, description="API version of a request without api_version")
    versions: ListenVersionSettings = Field(ListenVersionSettings(), description="API versions offered here")
    methods: Annotated[tuple[MethodName, ...], AllowedText("a list of methods, such as [account_info, submit]")] = (
        Field((), description="the methods taken here; [] takes all")
    )
    requests_per_second: Annotated[
        Count | None, AllowedText("a whole number, 1 to 1000000, or null for limits.requests_per_second")
    ] = Field(None, description="requests a second from one address here; null means limits.requests_per_second")
    connections_per_address: Annotated[
        Count | None, AllowedText("a whole number, 1 to 1000000, or null for limits.connections_per_address")
    ] = Field(None, description="connections from one address here; null means limits.connections_per_address")

    @property
    def ports(self) -> list[int]:
        """The ports that are taken, 0 for any."""
        return [self.port] if self.grpc_port is None else [self.port, self.grpc_port]

    @field_validator("grpc_port")
    @classmethod
    def _can_be(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and not grpc.is_installed():
            raise grpc.MISSING
        if value and value == info.data.get("port"):
            raise PydanticCustomError("grpc", "another port than port")
        return value


class CorsSettings(Section):
    """Which web pages may use the proxy from a browser."""

    origins: Annotated[
        tuple[Origin, ...], AllowedText('a list of origins, such as [https://wallet.example], or ["*"] for all')
    ] = Field((), description='origins of pages that may read answers; ["*"] for all, [] sends no CORS headers')
    enforce: Flag = Field(
        False, description="refuse requests and WebSocket sessions of pages of other origins, with 403"
    )
