"""Errors that several methods share."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from adapters.models.errors import SharedErrorToken, SigningError

CommonErrorTokenV1 = TypeAliasType(
    "CommonErrorTokenV1",
    Annotated[
        Literal[SharedErrorToken, "noClosed", "noCurrent", "noNetwork"],
        Field(description="Errors that any method may return."),
    ],
)

CommonErrorTokenV2 = TypeAliasType(
    "CommonErrorTokenV2",
    Annotated[Literal[SharedErrorToken, "notSynced"], Field(description="Errors that any method may return.")],
)

SigningErrorTokenV2 = TypeAliasType(
    "SigningErrorTokenV2",
    Annotated[Literal[SigningError, "badKeyType"], Field(description="Errors of a request that signs a transaction.")],
)
