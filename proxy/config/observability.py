"""The settings of what operators see: the observe address, the callers, traces and logs."""

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from proxy.config.section import Section
from proxy.config.types import AllowedText, Count, Host, HttpUrl, Port, Share


class ObserveSettings(Section):
    """Where operators look: metrics, health and readiness, never on the clients' port."""

    host: Host = Field("127.0.0.1", description="address of /, /metrics, /clients, /health and /ready")
    port: Port = Field(9652, description="port of /, /metrics, /clients, /health and /ready; 0 takes a free one")


class ClientsSettings(Section):
    """Which callers are remembered, so that an operator finds those who still need a version."""

    keep: Annotated[Literal["full", "prefix", "off"], AllowedText("full, prefix or off")] = Field(
        "full", description="what is kept of an address: all, its network of 24 (IPv6: 64) bits, or off for no callers"
    )
    hours: Count = Field(24, description="hours until what a caller has not used again is forgotten")
    callers: Count = Field(10_000, description="callers remembered, about 1.5 kB each; the longest unseen gives way")


class TracingSettings(Section):
    """Where traces are sent by OpenTelemetry's protocol."""

    endpoint: Annotated[
        HttpUrl | None, AllowedText("an http:// or https:// URL, such as http://127.0.0.1:4318/v1/traces, or null")
    ] = Field(None, description="URL that takes traces by OTLP over HTTP; null traces nothing")
    sample: Share = Field(1.0, description="the share of the requests that is traced")

    @field_validator("endpoint")
    @classmethod
    def _can_be(cls, value: str | None) -> str | None:
        if value is not None and find_spec("opentelemetry") is None:
            raise PydanticCustomError("otel", "null, or install the extra otel: pip install 'xrpl-version-proxy[otel]'")
        return value


class LoggingSettings(Section):
    """What is logged, to standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], AllowedText("debug, info, warning or error")] = (
        Field("info", description="least level that is logged")
    )
    format: Annotated[Literal["json", "console"], AllowedText("json or console")] = Field(
        "json", description="one JSON object a line, or lines for people"
    )
    requests: Annotated[Literal["all", "errors", "off"], AllowedText("all, errors or off")] = Field(
        "all", description="which requests get a line of their own"
    )
    sample: Share = Field(1.0, description="share of the requests with the outcome success that get one")
