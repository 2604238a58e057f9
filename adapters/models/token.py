"""Methods about NFTs and multi-purpose tokens."""

from typing import Literal

from adapters.models.amounts import AnyAmount
from adapters.models.errors import AccountErrorToken, CommonErrorToken, ErrorResponse, LedgerErrorToken
from adapters.models.formats import AccountAddress, Blob, Hash256, JsonObject, NumberText, Truthy, UInt32
from adapters.models.method import Method
from adapters.models.model import Model
from adapters.models.types import AccountTransactionBase, LedgerChoice, LedgerFound, PageAnswer, PageRequest


class MptHoldersRequest(LedgerChoice, PageRequest):
    mpt_issuance_id: Blob


class MptHoldersSuccessResponse(LedgerFound, PageAnswer):
    mpt_issuance_id: Blob
    mptokens: list[JsonObject]


class MptHoldersErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | Literal["objectNotFound"]


class MptokenIssuanceHistoryRequest(PageRequest):
    mpt_issuance_id: Blob
    ledger_index_min: int | None = None
    ledger_index_max: int | None = None
    ledger_hash: Hash256 | None = None
    ledger_index: UInt32 | NumberText | Literal["validated"] | None = None
    binary: Truthy | None = None
    forward: Truthy | None = None


class MptokenIssuanceHistorySuccessResponse(PageAnswer):
    mpt_issuance_id: Blob
    ledger_index_min: int
    ledger_index_max: int
    transactions: list[AccountTransactionBase]
    validated: bool | None = None


class MptokenIssuanceHistoryErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | Literal["lgrIdxsInvalid", "objectNotFound"]


class NftBuyOffersRequest(LedgerChoice, PageRequest):
    nft_id: Hash256


class NftOffer(Model):
    """An offer to buy or sell an NFT."""

    amount: AnyAmount
    flags: UInt32
    nft_offer_index: Hash256
    owner: AccountAddress


class NftBuyOffersSuccessResponse(LedgerFound, PageAnswer):
    nft_id: Hash256
    offers: list[NftOffer]


class NftBuyOffersErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | Literal["objectNotFound"]


class NftHistoryRequest(PageRequest):
    nft_id: Hash256
    ledger_index_min: int | None = None
    ledger_index_max: int | None = None
    ledger_hash: Hash256 | None = None
    ledger_index: UInt32 | NumberText | Literal["validated"] | None = None
    binary: Truthy | None = None
    forward: Truthy | None = None


class NftHistorySuccessResponse(PageAnswer):
    nft_id: Hash256
    ledger_index_min: int
    ledger_index_max: int
    transactions: list[AccountTransactionBase]
    validated: bool | None = None


class NftHistoryErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | Literal["lgrIdxsInvalid", "objectNotFound"]


class NftInfoRequest(LedgerChoice):
    nft_id: Hash256


class NftInfoSuccessResponse(LedgerFound):
    nft_id: Hash256
    owner: AccountAddress
    is_burned: bool
    flags: UInt32
    transfer_fee: UInt32
    issuer: AccountAddress
    nft_taxon: UInt32
    nft_serial: UInt32
    uri: Blob | None = None


class NftInfoErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | Literal["objectNotFound"]


class NftSellOffersRequest(LedgerChoice, PageRequest):
    nft_id: Hash256


class NftSellOffersSuccessResponse(LedgerFound, PageAnswer):
    nft_id: Hash256
    offers: list[NftOffer]


class NftSellOffersErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | Literal["objectNotFound"]


class NftsByIssuerRequest(LedgerChoice, PageRequest):
    issuer: AccountAddress
    nft_taxon: UInt32 | None = None


class NftsByIssuerSuccessResponse(LedgerFound, PageAnswer):
    issuer: AccountAddress
    nft_taxon: UInt32 | None = None
    nfts: list[JsonObject]


class NftsByIssuerErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken | AccountErrorToken


METHODS = (
    Method("mpt_holders", "token", "The holders of a multi-purpose token (Clio)."),
    Method("mptoken_issuance_history", "token", "The transactions of an issuance of multi-purpose tokens (Clio)."),
    Method("nft_buy_offers", "token", "The offers to buy an NFT."),
    Method("nft_history", "token", "The transactions of an NFT (Clio)."),
    Method("nft_info", "token", "An NFT and its owner (Clio)."),
    Method("nft_sell_offers", "token", "The offers to sell an NFT."),
    Method("nfts_by_issuer", "token", "The NFTs of an issuer (Clio)."),
)
