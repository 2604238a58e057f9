"""The settings of the gRPC API, which is forwarded as bytes."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from proxy.config.section import Section
from proxy.config.types import AllowedText, Bytes, Count, GrpcMethod, PackageVersion, Seconds


class GrpcVersionSettings(Section):
    """The versions of the packages, org.xrpl.rpc.v1 and on, that clients may use."""

    min: PackageVersion = Field(1, description="lowest version N of the packages org.xrpl.rpc.vN that are forwarded")
    max: PackageVersion = Field(1, description="highest version N of them; rippled has only 1")

    @field_validator("max")
    @classmethod
    def _not_below_min(cls, value: int, info: ValidationInfo) -> int:
        lowest = info.data.get("min", value)
        if value < lowest:
            raise PydanticCustomError("problem", "expected at least grpc.versions.min ({lowest})", {"lowest": lowest})
        return value


class GrpcSettings(Section):
    """gRPC calls, at the listeners that have a grpc_port."""

    versions: GrpcVersionSettings = Field(GrpcVersionSettings(), description="packages that are forwarded")
    methods: Annotated[tuple[GrpcMethod, ...], AllowedText("a list of methods, such as [GetLedgerRange]")] = Field(
        (),
        description="methods forwarded in addition to rippled's; fields about the caller are not checked",
    )
    in_flight: Count = Field(1000, description="concurrent calls at one listener; more are refused")
    request_bytes: Bytes = Field(1_000_000, description="largest message accepted from a client")
    answer_bytes: Bytes = Field(67_108_864, description="largest message accepted from a node")
    timeout: Seconds = Field(60, description="time for a call, unless its client set a shorter deadline")
