"""Amounts and assets."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypeAliasType

from adapters.models.formats import AccountAddress, Blob, Currency, DecimalText, Drops, NumberText
from adapters.models.model import Model


class TokenAmount(Model):
    """An amount of a token of an issuer."""

    currency: Currency
    issuer: AccountAddress
    value: DecimalText


class MptAmount(Model):
    """An amount of a multi-purpose token."""

    mpt_issuance_id: Blob
    value: NumberText


AnyAmount = TypeAliasType(
    "AnyAmount",
    Annotated[Drops | TokenAmount | MptAmount, Field(description="XRP in drops, or a token's amount.")],
)


class CurrencyAsset(Model):
    """XRP, which has no issuer, or a token."""

    currency: Currency
    issuer: AccountAddress | None = None


class MptAsset(Model):
    """A multi-purpose token."""

    mpt_issuance_id: Blob


AnyAsset = TypeAliasType(
    "AnyAsset",
    Annotated[
        CurrencyAsset | MptAsset,
        Field(description="XRP, a token of an issuer, or a multi-purpose token, without an amount."),
    ],
)
