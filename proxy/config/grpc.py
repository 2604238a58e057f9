"""The settings of the gRPC API, which is passed through as bytes."""

from importlib.util import find_spec
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from proxy.config.section import Section
from proxy.config.types import AllowedText, Bytes, Count, GrpcMethod, Seconds, Version

MISSING = PydanticCustomError("grpc", "null, or install the extra grpc: pip install 'xrpl-version-proxy[grpc]'")


def is_installed() -> bool:
    """Whether the packages are installed that gRPC needs."""
    return find_spec("grpc") is not None and find_spec("grpc_health") is not None


class GrpcVersionSettings(Section):
    """The versions of the packages, org.xrpl.rpc.v1 and on, that clients may use."""

    min: Version = Field(1, description="lowest version N of the packages org.xrpl.rpc.vN that are passed through")
    max: Version = Field(1, description="highest version N of them; rippled has 1 only")

    @field_validator("max")
    @classmethod
    def _not_below_min(cls, value: int, info: ValidationInfo) -> int:
        lowest = info.data.get("min", value)
        if value < lowest:
            words = "grpc.versions.min, which is {lowest}, or more"
            raise PydanticCustomError("out_of_order", words, {"lowest": lowest})
        return value


class GrpcSettings(Section):
    """Calls by gRPC, at the listeners that have a grpc_port."""

    versions: GrpcVersionSettings = Field(GrpcVersionSettings(), description="packages that are passed through")
    methods: Annotated[tuple[GrpcMethod, ...], AllowedText("a list of methods, such as [GetLedgerRange]")] = Field(
        (), description="methods passed through besides rippled's; what their requests say of the caller is not touched"
    )
    in_flight: Count = Field(1000, description="calls under way at once, at one listener; more are refused")
    request_bytes: Bytes = Field(1_000_000, description="bytes of one message taken from a client")
    answer_bytes: Bytes = Field(67_108_864, description="bytes of one message taken from a node")
    timeout: Seconds = Field(60, description="seconds for a whole call, where its client gave it no less")
