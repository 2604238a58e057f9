"""Ledger entries, by their `LedgerEntryType`."""

from typing import Literal

from adapters.models.amounts import AnyAmount, AnyAsset, TokenAmount
from adapters.models.formats import (
    AccountAddress,
    Blob,
    Drops,
    Hash256,
    JsonObject,
    NumberText,
    Seconds,
    UInt32,
    UInt64Hex,
)
from adapters.models.model import Model, union_by


class LedgerEntryFields(Model):
    """What all ledger entries have. Entries that the ledger itself changes do not name a transaction."""

    LedgerEntryType: str | None = None
    Flags: UInt32 | None = None
    index: Hash256 | None = None
    PreviousTxnID: Hash256 | None = None
    PreviousTxnLgrSeq: UInt32 | None = None


class AccountRoot(LedgerEntryFields):
    """An account."""

    LedgerEntryType: Literal["AccountRoot"]
    Account: AccountAddress
    Balance: Drops
    OwnerCount: UInt32
    Sequence: UInt32
    AccountTxnID: Hash256 | None = None
    AMMID: Hash256 | None = None
    BurnedNFTokens: UInt32 | None = None
    Domain: Blob | None = None
    EmailHash: Blob | None = None
    FirstNFTokenSequence: UInt32 | None = None
    MessageKey: Blob | None = None
    MintedNFTokens: UInt32 | None = None
    NFTokenMinter: AccountAddress | None = None
    RegularKey: AccountAddress | None = None
    TickSize: UInt32 | None = None
    TicketCount: UInt32 | None = None
    TransferRate: UInt32 | None = None
    VaultID: Hash256 | None = None
    WalletLocator: Hash256 | None = None
    WalletSize: UInt32 | None = None
    urlgravatar: str | None = None


class Amendments(LedgerEntryFields):
    """The amendments that are enabled, and those with a majority."""

    LedgerEntryType: Literal["Amendments"]
    Amendments: list[Hash256] | None = None
    Majorities: list[JsonObject] | None = None


class AMM(LedgerEntryFields):
    """An automated market maker."""

    LedgerEntryType: Literal["AMM"]
    Account: AccountAddress
    Asset: AnyAsset
    Asset2: AnyAsset
    LPTokenBalance: TokenAmount
    AuctionSlot: JsonObject | None = None
    OwnerNode: UInt64Hex | None = None
    TradingFee: UInt32 | None = None
    VoteSlots: list[JsonObject] | None = None


class Check(LedgerEntryFields):
    """A check, which its destination can cash."""

    LedgerEntryType: Literal["Check"]
    Account: AccountAddress
    Destination: AccountAddress
    SendMax: AnyAmount
    Sequence: UInt32
    DestinationNode: UInt64Hex | None = None
    DestinationTag: UInt32 | None = None
    Expiration: Seconds | None = None
    InvoiceID: Hash256 | None = None
    OwnerNode: UInt64Hex | None = None
    SourceTag: UInt32 | None = None


class Credential(LedgerEntryFields):
    """A credential that an issuer offers a subject."""

    LedgerEntryType: Literal["Credential"]
    CredentialType: Blob
    Issuer: AccountAddress
    Subject: AccountAddress
    Expiration: Seconds | None = None
    IssuerNode: UInt64Hex | None = None
    SubjectNode: UInt64Hex | None = None
    URI: Blob | None = None


class Delegate(LedgerEntryFields):
    """Permissions that an account gives to another."""

    LedgerEntryType: Literal["Delegate"]
    Account: AccountAddress
    Authorize: AccountAddress
    Permissions: list[JsonObject]
    OwnerNode: UInt64Hex | None = None


class DepositPreauthEntry(LedgerEntryFields):
    """An account, or credentials, from which another account takes deposits."""

    LedgerEntryType: Literal["DepositPreauth"]
    Account: AccountAddress
    Authorize: AccountAddress | None = None
    AuthorizeCredentials: list[JsonObject] | None = None
    OwnerNode: UInt64Hex | None = None


class DID(LedgerEntryFields):
    """A decentralised identifier."""

    LedgerEntryType: Literal["DID"]
    Account: AccountAddress
    DIDDocument: Blob | None = None
    Data: Blob | None = None
    OwnerNode: UInt64Hex | None = None
    URI: Blob | None = None


class DirectoryNode(LedgerEntryFields):
    """A page of the entries that an account owns, or of the offers at one rate."""

    LedgerEntryType: Literal["DirectoryNode"]
    RootIndex: Hash256
    Indexes: list[Hash256]
    DomainID: Hash256 | None = None
    ExchangeRate: UInt64Hex | None = None
    IndexNext: UInt64Hex | None = None
    IndexPrevious: UInt64Hex | None = None
    NFTokenID: Hash256 | None = None
    Owner: AccountAddress | None = None
    TakerGetsCurrency: Blob | None = None
    TakerGetsIssuer: Blob | None = None
    TakerPaysCurrency: Blob | None = None
    TakerPaysIssuer: Blob | None = None


class Escrow(LedgerEntryFields):
    """An amount that is released after a time, or for a fulfillment."""

    LedgerEntryType: Literal["Escrow"]
    Account: AccountAddress
    Amount: AnyAmount
    Destination: AccountAddress
    CancelAfter: Seconds | None = None
    Condition: Blob | None = None
    DestinationNode: UInt64Hex | None = None
    DestinationTag: UInt32 | None = None
    FinishAfter: Seconds | None = None
    OwnerNode: UInt64Hex | None = None
    SourceTag: UInt32 | None = None


class FeeSettings(LedgerEntryFields):
    """The base fee and the reserves; before the amendment XRPFees with other names."""

    LedgerEntryType: Literal["FeeSettings"]
    BaseFee: str | None = None
    BaseFeeDrops: Drops | None = None
    ReferenceFeeUnits: UInt32 | None = None
    ReserveBase: UInt32 | None = None
    ReserveBaseDrops: Drops | None = None
    ReserveIncrement: UInt32 | None = None
    ReserveIncrementDrops: Drops | None = None


class LedgerHashes(LedgerEntryFields):
    """The hashes of earlier ledgers."""

    LedgerEntryType: Literal["LedgerHashes"]
    Hashes: list[Hash256]
    FirstLedgerSequence: UInt32 | None = None
    LastLedgerSequence: UInt32 | None = None


class MPToken(LedgerEntryFields):
    """What an account holds of a multi-purpose token."""

    LedgerEntryType: Literal["MPToken"]
    Account: AccountAddress
    MPTokenIssuanceID: Blob
    LockedAmount: NumberText | None = None
    MPTAmount: NumberText | None = None
    OwnerNode: UInt64Hex | None = None


class MPTokenIssuance(LedgerEntryFields):
    """An issuance of a multi-purpose token."""

    LedgerEntryType: Literal["MPTokenIssuance"]
    Issuer: AccountAddress
    Sequence: UInt32
    OutstandingAmount: NumberText
    AssetScale: UInt32 | None = None
    DomainID: Hash256 | None = None
    LockedAmount: NumberText | None = None
    MPTokenMetadata: Blob | None = None
    MaximumAmount: NumberText | None = None
    OwnerNode: UInt64Hex | None = None
    TransferFee: UInt32 | None = None
    mpt_issuance_id: Blob | None = None


class NFTokenOffer(LedgerEntryFields):
    """An offer to buy or sell an NFT."""

    LedgerEntryType: Literal["NFTokenOffer"]
    Amount: AnyAmount
    NFTokenID: Hash256
    Owner: AccountAddress
    Destination: AccountAddress | None = None
    Expiration: Seconds | None = None
    NFTokenOfferNode: UInt64Hex | None = None
    OwnerNode: UInt64Hex | None = None


class NFTokenPage(LedgerEntryFields):
    """A page of an account's NFTs."""

    LedgerEntryType: Literal["NFTokenPage"]
    NFTokens: list[JsonObject]
    NextPageMin: Hash256 | None = None
    PreviousPageMin: Hash256 | None = None


class NegativeUNL(LedgerEntryFields):
    """The validators that are thought to be offline."""

    LedgerEntryType: Literal["NegativeUNL"]
    DisabledValidators: list[JsonObject] | None = None
    ValidatorToDisable: Blob | None = None
    ValidatorToReEnable: Blob | None = None


class Offer(LedgerEntryFields):
    """An offer to exchange currencies."""

    LedgerEntryType: Literal["Offer"]
    Account: AccountAddress
    BookDirectory: Hash256
    Sequence: UInt32
    TakerGets: AnyAmount
    TakerPays: AnyAmount
    AdditionalBooks: list[JsonObject] | None = None
    BookNode: UInt64Hex | None = None
    DomainID: Hash256 | None = None
    Expiration: Seconds | None = None
    OwnerNode: UInt64Hex | None = None


class Oracle(LedgerEntryFields):
    """Prices, from one provider."""

    LedgerEntryType: Literal["Oracle"]
    AssetClass: Blob
    LastUpdateTime: int
    Owner: AccountAddress
    PriceDataSeries: list[JsonObject]
    Provider: Blob
    OracleDocumentID: UInt32 | None = None
    OwnerNode: UInt64Hex | None = None
    URI: Blob | None = None


class PayChannel(LedgerEntryFields):
    """A payment channel."""

    LedgerEntryType: Literal["PayChannel"]
    Account: AccountAddress
    Amount: Drops
    Balance: Drops
    Destination: AccountAddress
    PublicKey: Blob
    SettleDelay: UInt32
    CancelAfter: Seconds | None = None
    DestinationNode: UInt64Hex | None = None
    DestinationTag: UInt32 | None = None
    Expiration: Seconds | None = None
    OwnerNode: UInt64Hex | None = None
    Sequence: UInt32 | None = None
    SourceTag: UInt32 | None = None


class PermissionedDomain(LedgerEntryFields):
    """The credentials that give access to a domain."""

    LedgerEntryType: Literal["PermissionedDomain"]
    AcceptedCredentials: list[JsonObject]
    Owner: AccountAddress
    Sequence: UInt32
    OwnerNode: UInt64Hex | None = None


class RippleState(LedgerEntryFields):
    """A trust line, between the account with the lower and the one with the higher address."""

    LedgerEntryType: Literal["RippleState"]
    Balance: TokenAmount
    HighLimit: TokenAmount
    LowLimit: TokenAmount
    HighNode: UInt64Hex | None = None
    HighQualityIn: UInt32 | None = None
    HighQualityOut: UInt32 | None = None
    LowNode: UInt64Hex | None = None
    LowQualityIn: UInt32 | None = None
    LowQualityOut: UInt32 | None = None


class WeightedSigner(Model):
    """One of several signers."""

    Account: AccountAddress
    SignerWeight: UInt32
    WalletLocator: Hash256 | None = None


class SignerEntryItem(Model):
    """An item of a list of signers."""

    SignerEntry: WeightedSigner


class SignerList(LedgerEntryFields):
    """The accounts that may multi-sign for another."""

    LedgerEntryType: Literal["SignerList"]
    SignerEntries: list[SignerEntryItem]
    SignerQuorum: UInt32
    OwnerNode: UInt64Hex | None = None
    SignerListID: UInt32 | None = None


class Ticket(LedgerEntryFields):
    """A sequence number that was set aside."""

    LedgerEntryType: Literal["Ticket"]
    Account: AccountAddress
    TicketSequence: UInt32
    OwnerNode: UInt64Hex | None = None


class Vault(LedgerEntryFields):
    """A vault, which pools the assets of several accounts."""

    LedgerEntryType: Literal["Vault"]
    Account: AccountAddress
    Asset: AnyAsset
    Owner: AccountAddress
    Sequence: UInt32
    ShareMPTID: Blob
    Data: Blob | None = None
    OwnerNode: UInt64Hex | None = None
    WithdrawalPolicy: UInt32 | None = None


LedgerEntry = union_by(
    "LedgerEntryType",
    "LedgerEntry",
    "A ledger entry. Types that are not listed here have other members.",
    AccountRoot,
    Amendments,
    AMM,
    Check,
    Credential,
    Delegate,
    DepositPreauthEntry,
    DID,
    DirectoryNode,
    Escrow,
    FeeSettings,
    LedgerHashes,
    MPToken,
    MPTokenIssuance,
    NFTokenOffer,
    NFTokenPage,
    NegativeUNL,
    Offer,
    Oracle,
    PayChannel,
    PermissionedDomain,
    RippleState,
    SignerList,
    Ticket,
    Vault,
    other=LedgerEntryFields,
)
