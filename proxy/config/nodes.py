"""The settings of one node."""

from typing import Annotated

from pydantic import Field, Strict, field_validator

from proxy.config import extras
from proxy.config.section import Section
from proxy.config.types import (
    AllowedText,
    CertificateFile,
    Flag,
    Headers,
    HeaderText,
    HostAndPort,
    HttpUrl,
    NodeApiVersion,
    NodeName,
    Secret,
    WebSocketUrl,
    Weight,
)


class NodeTlsSettings(Section):
    """TLS verification of a node with an https:// or wss:// URL."""

    ca: Annotated[
        CertificateFile | None, AllowedText("the path of a readable PEM file of CA certificates, or null")
    ] = Field(None, description="PEM file of CA certificates to verify the node with; null means those of the system")
    verify: Flag = Field(
        True, description="verify its certificate; without this, anyone on the path can impersonate the node"
    )


class NodeSettings(Section):
    """One node."""

    name: NodeName = Field(
        "node-1",
        description="unique name of the node in logs and metrics; by default node-1, node-2 and so on, by its position",
    )
    http: Annotated[HttpUrl, Secret()] = Field(description="URL of its JSON-RPC port")
    websocket: Annotated[
        WebSocketUrl | None,
        Secret(),
        AllowedText("a ws:// or wss:// URL without user, password or fragment, such as ws://127.0.0.1:6006"),
    ] = Field(None, description="URL of its WebSocket port; WebSocket clients are refused if no node has one")
    api_version: NodeApiVersion = Field(
        "auto", description="API version used with this node; auto uses versions.max, or the nearest that it reports"
    )
    grpc: Annotated[
        HostAndPort | None, AllowedText("a host and a port, such as 127.0.0.1:50051 or [::1]:50051, or null")
    ] = Field(None, description="host and port of its gRPC service (without TLS, as in rippled); null for none")
    weight: Weight = Field(1, description="its share of the requests, relative to the weights of the other nodes")
    headers: Headers = Field(
        {}, description="headers sent with every request and WebSocket handshake, such as an API key"
    )
    forwarded: Annotated[bool | None, Strict(), AllowedText("true, false or null")] = Field(
        None, description="also name the client in a Forwarded header; null: only to a Clio, which reads no other"
    )
    proxy_token: Annotated[
        HeaderText | None, Secret(), AllowedText("printable ASCII text, as in the proxy.tokens of a Clio, or null")
    ] = Field(None, description="sent as X-Proxy-Token, with which a Clio believes Forwarded from any address")
    tls: NodeTlsSettings = Field(NodeTlsSettings(), description="TLS verification, for https:// and wss://")

    @field_validator("grpc")
    @classmethod
    def _can_be(cls, value: str | None) -> str | None:
        if value is not None:
            extras.require("grpc")
        return value
