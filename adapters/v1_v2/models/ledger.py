"""Methods about a ledger and its entries."""

from typing import Literal

from adapters.models.errors import ErrorResponse, LedgerErrorToken
from adapters.v1_v2.models.errors import CommonErrorTokenV1, CommonErrorTokenV2


class LedgerEntryErrorResponseV1(ErrorResponse):
    error: (
        CommonErrorTokenV1
        | LedgerErrorToken
        | Literal["entryNotFound", "malformedAddress", "malformedRequest", "unexpectedLedgerType", "unknownOption"]
    )


class LedgerEntryErrorResponseV2(ErrorResponse):
    error: (
        CommonErrorTokenV2
        | LedgerErrorToken
        | Literal["entryNotFound", "malformedAddress", "malformedRequest", "unexpectedLedgerType"]
    )
