"""Errors: what all have in common, and the tokens that several methods share.

Codes, messages and HTTP statuses are rippled's, in `adapters/errors.py`; here is which methods return which tokens.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from adapters.models.model import Model, Null

SharedErrorToken = Literal[
    "amendmentBlocked",
    "forbidden",
    "internal",
    "invalidParams",
    "noPermission",
    "notEnabled",
    "notImpl",
    "notReady",
    "notSupported",
    "slowDown",
    "tooBusy",
    "unknownCmd",
    "unlBlocked",
    "wrongNetwork",
]
"""Errors that any method may return in every version."""

CommonErrorToken = TypeAliasType(
    "CommonErrorToken",
    Annotated[str, Field(description="Errors that any method may return. Each version has its own list.")],
)

LedgerErrorToken = TypeAliasType(
    "LedgerErrorToken",
    Annotated[
        Literal["lgrIdxMalformed", "lgrNotFound", "lgrNotValidated"],
        Field(description="Errors of a request for a certain ledger."),
    ],
)

AccountErrorToken = TypeAliasType(
    "AccountErrorToken",
    Annotated[Literal["actMalformed", "actNotFound"], Field(description="Errors of a request for a certain account.")],
)

SigningError = Literal[
    "actMalformed",
    "alreadyMultisig",
    "alreadySingleSig",
    "badSecret",
    "badSeed",
    "dstActMalformed",
    "dstActMissing",
    "dstActNotFound",
    "dstAmtMalformed",
    "dstAmtMissing",
    "highFee",
    "masterDisabled",
    "publicMalformed",
    "sendMaxMalformed",
    "signingMalformed",
    "srcActMalformed",
    "srcActMissing",
    "srcActNotFound",
    "transactionSigned",
]

SigningErrorToken = TypeAliasType(
    "SigningErrorToken",
    Annotated[SigningError, Field(description="Errors of a request that signs a transaction.")],
)

UNCODED_ERRORS: Mapping[str, str] = {
    "entryNotFound": "There is no such entry in the ledger.",
    "fieldNotFoundTransaction": "Clio's, for a request that names no transaction.",
    "internalJson": "A transaction's JSON could not be made.",
    "internalSubmit": "The transaction could not be handed to the network.",
    "internalTransaction": "The transaction could not be made.",
    "invalidTransaction": "The transaction cannot be read; error_exception says why.",
    "malformedAddress": "Clio's, for an invalid account.",
    "malformedCurrency": "Clio's, for an invalid currency.",
    "malformedDocumentID": "Clio's, for an invalid number of an oracle's document.",
    "malformedOwner": "Clio's, for an invalid owner.",
    "malformedRequest": "What the request names cannot be read.",
    "notYetImplemented": "Looking for a transaction in the open ledger.",
    "transactionNotFound": "There is no such transaction in the ledger.",
    "unexpectedLedgerType": "The entry is of another type than the request says.",
    "unknownOption": "The request names nothing that is known.",
}
"""Tokens that rippled or Clio return without a code, or with one of their own, and what they mean."""


class ErrorResponse(Model):
    """An error, with the fields that the method had found before it."""

    error: str
    error_code: int | Null | None = None
    error_message: str | None = None
    error_exception: str | None = None
