"""Methods about one account."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from adapters.models.amounts import AnyAmount
from adapters.models.entries import AccountRoot, LedgerEntry
from adapters.models.errors import AccountErrorToken, CommonErrorToken, ErrorResponse, LedgerErrorToken
from adapters.models.formats import (
    AccountAddress,
    Blob,
    Currency,
    DecimalText,
    Drops,
    Hash256,
    JsonObject,
    LedgerIndex,
    Truthy,
    UInt32,
)
from adapters.models.method import Method
from adapters.models.model import Model, Null
from adapters.models.types import AccountTransactionBase, LedgerChoice, LedgerFound, PageAnswer, PageRequest


class AccountChannelsRequest(LedgerChoice, PageRequest):
    account: AccountAddress
    destination_account: AccountAddress | None = None


class PaymentChannel(Model):
    """A payment channel."""

    account: AccountAddress
    amount: Drops
    balance: Drops
    channel_id: Hash256
    destination_account: AccountAddress
    public_key: str | None = None
    public_key_hex: Blob | None = None
    settle_delay: UInt32
    expiration: UInt32 | None = None
    cancel_after: UInt32 | None = None
    source_tag: UInt32 | None = None
    destination_tag: UInt32 | None = None


class AccountChannelsSuccessResponse(LedgerFound, PageAnswer):
    account: AccountAddress
    channels: list[PaymentChannel]


class AccountChannelsErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken


class AccountCurrenciesRequest(LedgerChoice):
    account: AccountAddress
    strict: Any = None


class AccountCurrenciesSuccessResponse(LedgerFound):
    receive_currencies: list[Currency]
    send_currencies: list[Currency]


class AccountCurrenciesErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken


class AccountInfoRequestBase(LedgerChoice):
    any_required: ClassVar[tuple[str, ...]] = ("account", "ident")

    account: AccountAddress | None = None
    ident: AccountAddress | None = Field(None, description="The older name of account.")
    queue: Truthy | None = Field(None, description="Include the account's queued transactions.")
    strict: Any = None


class QueueData(Model):
    """An account's queued transactions."""

    txn_count: int
    auth_change_queued: bool | None = None
    highest_sequence: UInt32 | None = None
    lowest_sequence: UInt32 | None = None
    max_spend_drops_total: Drops | None = None
    sequence_count: int | None = None
    ticket_count: int | None = None
    transactions: list[JsonObject] | None = None


class AccountInfoSuccessResponseBase(LedgerFound):
    account_data: AccountRoot
    account_flags: dict[str, bool] | None = None
    pseudo_account: JsonObject | None = None
    queue_data: QueueData | None = None


class AccountInfoErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken


class AccountLinesRequest(LedgerChoice, PageRequest):
    account: AccountAddress
    peer: AccountAddress | None = None
    ignore_default: Truthy | None = None


class TrustLine(Model):
    """A trust line, as its account sees it."""

    account: AccountAddress
    balance: DecimalText
    currency: Currency
    limit: DecimalText
    limit_peer: DecimalText
    quality_in: UInt32
    quality_out: UInt32
    no_ripple: bool | None = None
    no_ripple_peer: bool | None = None
    authorized: bool | None = None
    peer_authorized: bool | None = None
    freeze: bool | None = None
    freeze_peer: bool | None = None


class AccountLinesSuccessResponse(LedgerFound, PageAnswer):
    account: AccountAddress
    lines: list[TrustLine]


class AccountLinesErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken


class AccountMptokenIssuancesRequest(LedgerChoice, PageRequest):
    account: AccountAddress


class AccountMptokenIssuancesSuccessResponse(LedgerFound, PageAnswer):
    account: AccountAddress
    mpt_issuances: list[JsonObject]


class AccountMptokenIssuancesErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken | Literal["malformedAddress"]


class AccountMptokensRequest(LedgerChoice, PageRequest):
    account: AccountAddress


class AccountMptokensSuccessResponse(LedgerFound, PageAnswer):
    account: AccountAddress
    mptokens: list[JsonObject]


class AccountMptokensErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken | Literal["malformedAddress"]


class AccountNftsRequest(LedgerChoice, PageRequest):
    account: AccountAddress


class AccountNft(Model):
    """An NFT that an account holds."""

    Flags: UInt32
    Issuer: AccountAddress
    NFTokenID: Hash256
    NFTokenTaxon: UInt32
    TransferFee: UInt32 | None = None
    URI: Blob | None = None
    nft_serial: UInt32


class AccountNftsSuccessResponse(LedgerFound, PageAnswer):
    account: AccountAddress
    account_nfts: list[AccountNft]


class AccountNftsErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken


class AccountObjectsRequest(LedgerChoice, PageRequest):
    account: AccountAddress
    type: str | None = None
    deletion_blockers_only: Truthy | None = None


class AccountObjectsSuccessResponse(LedgerFound, PageAnswer):
    account: AccountAddress
    account_objects: list[LedgerEntry]


class AccountObjectsErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken


class AccountOffersRequest(LedgerChoice, PageRequest):
    account: AccountAddress
    strict: Any = None


class AccountOffer(Model):
    """An open offer."""

    flags: UInt32
    quality: DecimalText
    seq: UInt32
    taker_gets: AnyAmount
    taker_pays: AnyAmount
    expiration: UInt32 | None = None


class AccountOffersSuccessResponse(LedgerFound, PageAnswer):
    account: AccountAddress
    offers: list[AccountOffer]


class AccountOffersErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken


class AccountTxRequestBase(PageRequest):
    account: AccountAddress
    ledger_index_min: int | None = Field(None, description="A negative number is an open end.")
    ledger_index_max: int | None = Field(None, description="A negative number is an open end.")
    ledger_hash: Hash256 | None = None
    ledger_index: LedgerIndex | None = None
    tx_type: str | None = Field(None, description="Clio only; transactions of this type.")


class AccountTxSuccessResponse(PageAnswer):
    account: AccountAddress
    ledger_index_min: int
    ledger_index_max: int
    transactions: list[AccountTransactionBase]
    validated: bool | None = None


class GatewayBalancesRequest(LedgerChoice):
    account: AccountAddress | None = None
    ident: AccountAddress | None = None
    hotwallet: AccountAddress | list[AccountAddress] | Null | None = None
    strict: Any = None


class TokenBalance(Model):
    """An amount of a token."""

    currency: Currency
    value: DecimalText


class GatewayBalancesSuccessResponse(LedgerFound):
    account: AccountAddress
    assets: dict[str, list[TokenBalance]] | None = None
    balances: dict[str, list[TokenBalance]] | None = None
    frozen_balances: dict[str, list[TokenBalance]] | None = None
    locked: dict[str, DecimalText] | None = None
    obligations: dict[str, DecimalText] | None = None


class NorippleCheckRequestBase(LedgerChoice):
    account: AccountAddress
    role: Literal["gateway", "user"]
    limit: int | None = None


class NorippleCheckSuccessResponse(LedgerFound):
    problems: list[str]
    transactions: list[JsonObject] | None = None


class NorippleCheckErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken


class OwnerInfoRequest(Model):
    account: AccountAddress | None = None
    ident: AccountAddress | None = None


class OwnerInfoSuccessResponse(Model):
    accepted: JsonObject | None = None
    current: JsonObject | None = None


class OwnerInfoErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken


METHODS = (
    Method("account_channels", "account", "The payment channels of which an account is the source."),
    Method("account_currencies", "account", "The currencies that an account can send and receive."),
    Method(
        "account_info",
        "account",
        "An account's root entry and flags, optionally with its signer lists and queued transactions.",
    ),
    Method("account_lines", "account", "An account's trust lines."),
    Method("account_mptoken_issuances", "account", "The multi-purpose tokens that an account issues (Clio)."),
    Method("account_mptokens", "account", "The multi-purpose tokens that an account holds (Clio)."),
    Method("account_nfts", "account", "The NFTs that an account holds."),
    Method("account_objects", "account", "The entries of the ledger that an account owns."),
    Method("account_offers", "account", "The open offers of an account."),
    Method("account_tx", "account", "The transactions of an account."),
    Method("gateway_balances", "account", "An issuer's obligations, its assets, and the balances of its hot wallets."),
    Method(
        "noripple_check",
        "account",
        "Problems with an account's flags Default Ripple and No Ripple, and transactions that fix them.",
    ),
    Method("owner_info", "account", "An account's offers in the last closed and in the open ledger."),
)
