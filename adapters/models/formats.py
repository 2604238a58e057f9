"""The formats of strings and numbers that occur everywhere, each with a name of its own in the documents."""

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

JsonObject = dict[str, Any]
"""An object of which nothing is specified."""

AccountAddress = TypeAliasType(
    "AccountAddress",
    Annotated[str, Field(pattern=r"^r[1-9A-HJ-NP-Za-km-z]{24,34}$", description="An account's address in base 58.")],
)

Hash256 = TypeAliasType(
    "Hash256",
    Annotated[
        str,
        Field(
            pattern=r"^[0-9A-Fa-f]{64}$",
            description="256 bits in hex, of a transaction, a ledger or a ledger entry.",
        ),
    ],
)

Blob = TypeAliasType("Blob", Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{2})*$", description="Bytes in hex.")])

UInt32 = TypeAliasType("UInt32", Annotated[int, Field(ge=0, le=2**32 - 1, description="A whole number of 32 bits.")])

UInt64Hex = TypeAliasType(
    "UInt64Hex",
    Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{1,16}$", description="64 bits in hex, without leading zeros.")],
)

NumberText = TypeAliasType(
    "NumberText",
    Annotated[
        str,
        Field(
            pattern=r"^-?[0-9]+$",
            description="A whole number as a string, because it may exceed a JSON number.",
        ),
    ],
)

Drops = TypeAliasType(
    "Drops", Annotated[str, Field(pattern=r"^-?[0-9]+$", description="XRP in drops, a millionth each.")]
)

DecimalText = TypeAliasType(
    "DecimalText",
    Annotated[
        str,
        Field(pattern=r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$", description="A decimal number as a string."),
    ],
)

Currency = TypeAliasType(
    "Currency",
    Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z0-9?!@#$%^&*<>(){}\[\]|]{3}|[0-9A-Fa-f]{40})$",
            description="Three characters, or 160 bits in hex.",
        ),
    ],
)

Seconds = TypeAliasType(
    "Seconds",
    Annotated[int, Field(ge=0, description="Seconds since 2000-01-01T00:00:00Z, the ledger's epoch.")],
)

IsoTime = TypeAliasType(
    "IsoTime",
    Annotated[
        str,
        Field(
            pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|\+0000)$",
            description="A time such as 2026-11-21T07:48:20Z.",
        ),
    ],
)

LedgerIndex = TypeAliasType(
    "LedgerIndex",
    Annotated[
        UInt32 | NumberText | Literal["validated", "closed", "current"],
        Field(description="A ledger's number, or the newest one in a state."),
    ],
)

Truthy = TypeAliasType(
    "Truthy",
    Annotated[
        Any,
        Field(
            description='A boolean. Other values are converted: null, 0, "", [] and {} are false, everything else '
            'is true, even "false".'
        ),
    ],
)
