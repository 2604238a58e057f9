"""The settings of what operators see: the observe address, client usage, traces and logs."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, Strict, field_validator
from pydantic_core import PydanticCustomError

from proxy.config import extras
from proxy.config.section import Section
from proxy.config.types import AllowedText, Count, Host, HttpUrl, Port, Seconds, Secret, Share

HostPattern = Annotated[
    str,
    Strict(),
    Field(pattern=r"^(\*\.)?[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_][A-Za-z0-9_-]*)*\.?$", max_length=253),
    AllowedText("a host name without a port, such as proxy.example.com, or *.example.com"),
]


class ObserveSettings(Section):
    """The operators' HTTP address: metrics, health and readiness, never on the clients' port."""

    host: Host = Field("127.0.0.1", description="address of /, /metrics, /clients, /health and /ready")
    port: Port = Field(9652, description="port of /, /metrics, /clients, /health and /ready; 0 takes a free one")
    allowed_hosts: Annotated[tuple[HostPattern, ...], Field(max_length=100), AllowedText("a list of host names")] = (
        Field(
            (),
            description="host names to accept, in addition to IP addresses, names without a dot, names under .svc, "
            ".cluster.local, .internal and .localhost, and this machine's own; others are refused (DNS rebinding)",
        )
    )
    method_buckets: Annotated[
        tuple[Seconds, ...], Field(max_length=20), AllowedText("a list of ascending seconds, such as [0.01, 0.1, 1]")
    ] = Field(
        (),
        description="upper bounds of the histogram buckets by method; each adds a time series for each method and "
        "version; [] records only the mean",
    )

    @field_validator("method_buckets")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(after <= before for before, after in pairwise(value)):
            raise PydanticCustomError("problem", "expected seconds that ascend, such as [0.01, 0.1, 1]")
        return value


class ClientsSettings(Section):
    """How the use of versions by clients is recorded, to find those who still need a version."""

    keep: Annotated[Literal["full", "prefix", "off"], AllowedText("full, prefix or off")] = Field(
        "full",
        description="what is recorded of an address: full, prefix (/24, IPv6: /64), or off for no record at all",
    )
    hours: Annotated[Count, AllowedText("a whole number between 1 and 1000000", "hours")] = Field(
        24, description="hours that a record is retained after its last use"
    )
    callers: Count = Field(
        10_000, description="clients recorded, about 1.5 kB each; the least recently seen is evicted"
    )


class TracingSettings(Section):
    """Where OpenTelemetry traces are sent."""

    endpoint: Annotated[
        HttpUrl | None,
        Secret(),
        AllowedText("an http:// or https:// URL, such as http://127.0.0.1:4318/v1/traces, or null"),
    ] = Field(None, description="URL of an OTLP/HTTP collector; null traces nothing")
    sample: Share = Field(1.0, description="share of the requests that are traced, 0 to 1")

    @field_validator("endpoint")
    @classmethod
    def _can_be(cls, value: str | None) -> str | None:
        if value is not None:
            extras.require("otel")
        return value


class LoggingSettings(Section):
    """What is logged, to standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], AllowedText("debug, info, warning or error")] = (
        Field("info", description="lowest level that is logged")
    )
    format: Annotated[Literal["json", "console"], AllowedText("json or console")] = Field(
        "json", description="json: one object per line; console: for people"
    )
    requests: Annotated[Literal["all", "errors", "off"], AllowedText("all, errors or off")] = Field(
        "all", description="which requests are logged"
    )
    sample: Share = Field(1.0, description="share of the successful requests that are logged, 0 to 1")
