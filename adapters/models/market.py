"""Methods about what can be exchanged: books, paths, automated market makers, prices, channels, vaults."""

from typing import Any, Literal

from adapters.models.amounts import AnyAmount, AnyAsset, TokenAmount
from adapters.models.errors import AccountErrorToken, CommonErrorToken, ErrorResponse, LedgerErrorToken
from adapters.models.formats import (
    AccountAddress,
    Blob,
    Currency,
    DecimalText,
    Drops,
    Hash256,
    JsonObject,
    NumberText,
    Seconds,
    UInt32,
)
from adapters.models.method import WEBSOCKET_ONLY, Method
from adapters.models.model import Model
from adapters.models.types import BookOffer, LedgerChoice, LedgerFound, PageAnswer, PageRequest, SigningSecret


class AmmInfoRequest(LedgerChoice):
    account: AccountAddress | None = None
    amm_account: AccountAddress | None = None
    asset: AnyAsset | None = None
    asset2: AnyAsset | None = None


class AmmDescription(Model):
    """An automated market maker."""

    account: AccountAddress
    amount: AnyAmount
    amount2: AnyAmount
    lp_token: TokenAmount
    trading_fee: UInt32
    asset_frozen: bool | None = None
    asset2_frozen: bool | None = None
    auction_slot: JsonObject | None = None
    vote_slots: list[JsonObject] | None = None


class AmmInfoSuccessResponse(LedgerFound):
    amm: AmmDescription


class AmmInfoErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken | Literal["issueMalformed"]


class BookChangesRequest(LedgerChoice):
    """The ledger."""


class BookChangesSuccessResponse(LedgerFound):
    type: Literal["bookChanges"]
    ledger_time: Seconds
    changes: list[JsonObject]


class BookChangesErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken


class BookOffersRequest(LedgerChoice, PageRequest):
    taker_gets: AnyAsset
    taker_pays: AnyAsset
    taker: AccountAddress | None = None
    domain: Hash256 | None = None
    proof: Any = None


class BookOffersSuccessResponse(LedgerFound, PageAnswer):
    offers: list[BookOffer]


class BookOffersErrorResponse(ErrorResponse):
    error: (
        CommonErrorToken
        | LedgerErrorToken
        | Literal[
            "badIssuer",
            "badMarket",
            "domainMalformed",
            "dstAmtMalformed",
            "dstIsrMalformed",
            "srcCurMalformed",
            "srcIsrMalformed",
        ]
    )


class ChannelAuthorizeRequest(SigningSecret):
    channel_id: Hash256
    amount: Drops


class ChannelAuthorizeSuccessResponse(Model):
    signature: Blob


class ChannelAuthorizeErrorResponse(ErrorResponse):
    error: CommonErrorToken | Literal["badSeed", "channelAmtMalformed", "channelMalformed"]


class ChannelVerifyRequest(Model):
    channel_id: Hash256
    amount: Drops
    public_key: str
    signature: Blob


class ChannelVerifySuccessResponse(Model):
    signature_verified: bool


class ChannelVerifyErrorResponse(ErrorResponse):
    error: CommonErrorToken | Literal["channelAmtMalformed", "channelMalformed", "publicMalformed"]


class DepositAuthorizedRequest(LedgerChoice):
    source_account: AccountAddress
    destination_account: AccountAddress
    credentials: list[Hash256] | None = None


class DepositAuthorizedSuccessResponse(LedgerFound):
    deposit_authorized: bool
    source_account: AccountAddress
    destination_account: AccountAddress
    credentials: list[Hash256] | None = None


class DepositAuthorizedErrorResponse(ErrorResponse):
    error: (
        CommonErrorToken
        | LedgerErrorToken
        | Literal[
            "actMalformed", "badCredentials", "dstActMalformed", "dstActNotFound", "srcActMalformed", "srcActNotFound"
        ]
    )


class PriceOracle(Model):
    """An oracle that publishes prices."""

    account: AccountAddress
    oracle_document_id: UInt32 | NumberText


class GetAggregatePriceRequest(LedgerChoice):
    base_asset: str
    quote_asset: str
    oracles: list[PriceOracle]
    time_threshold: UInt32 | NumberText | None = None
    trim: UInt32 | NumberText | None = None


class PriceStatistics(Model):
    """Statistics of several prices."""

    mean: DecimalText
    size: int
    standard_deviation: DecimalText


class GetAggregatePriceSuccessResponse(LedgerFound):
    entire_set: PriceStatistics
    trimmed_set: PriceStatistics | None = None
    median: DecimalText
    time: UInt32


class GetAggregatePriceErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | Literal["malformedDocumentID", "objectNotFound", "oracleMalformed"]


class PathFindRequest(Model):
    subcommand: Literal["create", "close", "status"]
    source_account: AccountAddress | None = None
    destination_account: AccountAddress | None = None
    destination_amount: AnyAmount | None = None
    send_max: AnyAmount | None = None
    paths: list[Any] | None = None
    domain: Hash256 | None = None


class PathFindSuccessResponse(Model):
    source_account: AccountAddress | None = None
    destination_account: AccountAddress | None = None
    destination_amount: AnyAmount | None = None
    full_reply: bool | None = None
    alternatives: list[JsonObject] | None = None
    closed: bool | None = None


PathErrorToken = Literal[
    "badMarket",
    "domainMalformed",
    "dstActMalformed",
    "dstActMissing",
    "dstActNotFound",
    "dstAmtMalformed",
    "dstAmtMissing",
    "sendMaxMalformed",
    "srcActMalformed",
    "srcActMissing",
    "srcActNotFound",
    "srcCurMalformed",
    "srcIsrMalformed",
]


class PathFindErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | Literal[PathErrorToken, "noEvents", "noPathRequest"]


class RipplePathFindRequest(LedgerChoice):
    source_account: AccountAddress
    destination_account: AccountAddress
    destination_amount: AnyAmount
    send_max: AnyAmount | None = None
    source_currencies: list[JsonObject] | None = None
    domain: Hash256 | None = None


class RipplePathFindSuccessResponse(LedgerFound):
    alternatives: list[JsonObject]
    destination_account: AccountAddress
    destination_currencies: list[Currency] | None = None


class RipplePathFindErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | PathErrorToken


class VaultInfoRequest(LedgerChoice):
    vault_id: Hash256 | None = None
    owner: AccountAddress | None = None
    seq: UInt32 | None = None


class VaultInfoSuccessResponse(LedgerFound):
    vault: JsonObject


class VaultInfoErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | Literal["entryNotFound", "malformedRequest", "objectNotFound"]


METHODS = (
    Method("amm_info", "market", "An automated market maker, by its two assets or by its account."),
    Method("book_changes", "market", "The exchanges in a ledger, by currency pair."),
    Method("book_offers", "market", "The offers of one book, the best first."),
    Method(
        "channel_authorize",
        "market",
        "A signature with which the destination of a payment channel can claim an amount.",
    ),
    Method("channel_verify", "market", "Whether a payment channel's signature is valid."),
    Method("deposit_authorized", "market", "Whether one account may send to another directly."),
    Method("get_aggregate_price", "market", "The price of an asset, aggregated from several oracles."),
    Method("path_find", "market", "Finds payment paths and reports better ones until it is closed.", WEBSOCKET_ONLY),
    Method("ripple_path_find", "market", "Payment paths, found once."),
    Method("vault_info", "market", "A vault, by its id or by its owner and sequence."),
)
