"""Transactions, by their `TransactionType`, and their metadata."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from adapters.models.amounts import AnyAmount, AnyAsset, TokenAmount
from adapters.models.entries import SignerEntryItem
from adapters.models.formats import (
    AccountAddress,
    Blob,
    Drops,
    Hash256,
    JsonObject,
    NumberText,
    Seconds,
    UInt32,
)
from adapters.models.model import Model, union_by


class MemoItem(Model):
    """An item of a list of memos."""

    Memo: JsonObject


class SignerItem(Model):
    """An item of a list of signatures."""

    Signer: JsonObject


class TransactionFields(Model):
    """What transactions of all types have."""

    TransactionType: str
    Account: AccountAddress | None = None
    AccountTxnID: Hash256 | None = None
    Delegate: AccountAddress | None = None
    Fee: Drops | None = None
    Flags: UInt32 | None = None
    LastLedgerSequence: UInt32 | None = None
    Memos: list[MemoItem] | None = None
    NetworkID: UInt32 | None = None
    Sequence: UInt32 | None = None
    Signers: list[SignerItem] | None = None
    SigningPubKey: Blob | None = None
    SourceTag: UInt32 | None = None
    TicketSequence: UInt32 | None = None
    TxnSignature: Blob | None = None


class AccountDelete(Model):
    """Deletes an account, and sends its XRP to another."""

    TransactionType: Literal["AccountDelete"]
    Destination: AccountAddress
    CredentialIDs: list[Hash256] | None = None
    DestinationTag: UInt32 | None = None


class AccountSet(Model):
    """Changes the settings of an account."""

    TransactionType: Literal["AccountSet"]
    ClearFlag: UInt32 | None = None
    Domain: Blob | None = None
    EmailHash: Blob | None = None
    MessageKey: Blob | None = None
    NFTokenMinter: AccountAddress | None = None
    SetFlag: UInt32 | None = None
    TickSize: UInt32 | None = None
    TransferRate: UInt32 | None = None
    WalletLocator: Hash256 | None = None
    WalletSize: UInt32 | None = None


class AMMBid(Model):
    """Bids for the auction slot of an automated market maker."""

    TransactionType: Literal["AMMBid"]
    Asset: AnyAsset
    Asset2: AnyAsset
    AuthAccounts: list[JsonObject] | None = None
    BidMax: TokenAmount | None = None
    BidMin: TokenAmount | None = None


class AMMClawback(Model):
    """Claws back an issuer's token from an automated market maker."""

    TransactionType: Literal["AMMClawback"]
    Asset: AnyAsset
    Asset2: AnyAsset
    Holder: AccountAddress
    Amount: AnyAmount | None = None


class AMMCreate(Model):
    """Creates an automated market maker."""

    TransactionType: Literal["AMMCreate"]
    Amount: AnyAmount
    Amount2: AnyAmount
    TradingFee: UInt32


class AMMDelete(Model):
    """Deletes an automated market maker that is empty."""

    TransactionType: Literal["AMMDelete"]
    Asset: AnyAsset
    Asset2: AnyAsset


class AMMDeposit(Model):
    """Deposits into an automated market maker."""

    TransactionType: Literal["AMMDeposit"]
    Asset: AnyAsset
    Asset2: AnyAsset
    Amount: AnyAmount | None = None
    Amount2: AnyAmount | None = None
    EPrice: AnyAmount | None = None
    LPTokenOut: TokenAmount | None = None
    TradingFee: UInt32 | None = None


class AMMVote(Model):
    """Votes on the fee of an automated market maker."""

    TransactionType: Literal["AMMVote"]
    Asset: AnyAsset
    Asset2: AnyAsset
    TradingFee: UInt32


class AMMWithdraw(Model):
    """Withdraws from an automated market maker."""

    TransactionType: Literal["AMMWithdraw"]
    Asset: AnyAsset
    Asset2: AnyAsset
    Amount: AnyAmount | None = None
    Amount2: AnyAmount | None = None
    EPrice: AnyAmount | None = None
    LPTokenIn: TokenAmount | None = None


class Batch(Model):
    """Several transactions, which succeed or fail together."""

    TransactionType: Literal["Batch"]
    RawTransactions: list[JsonObject]
    BatchSigners: list[JsonObject] | None = None


class CheckCancel(Model):
    """Cancels a check."""

    TransactionType: Literal["CheckCancel"]
    CheckID: Hash256


class CheckCash(Model):
    """Cashes a check, for an amount or for as much as possible."""

    TransactionType: Literal["CheckCash"]
    CheckID: Hash256
    Amount: AnyAmount | None = None
    DeliverMin: AnyAmount | None = None


class CheckCreate(Model):
    """Creates a check."""

    TransactionType: Literal["CheckCreate"]
    Destination: AccountAddress
    SendMax: AnyAmount
    DestinationTag: UInt32 | None = None
    Expiration: Seconds | None = None
    InvoiceID: Hash256 | None = None


class Clawback(Model):
    """Claws back an issuer's token from a holder."""

    TransactionType: Literal["Clawback"]
    Amount: AnyAmount
    Holder: AccountAddress | None = None


class CredentialAccept(Model):
    """Accepts a credential."""

    TransactionType: Literal["CredentialAccept"]
    CredentialType: Blob
    Issuer: AccountAddress


class CredentialCreate(Model):
    """Offers a credential to a subject."""

    TransactionType: Literal["CredentialCreate"]
    CredentialType: Blob
    Subject: AccountAddress
    Expiration: Seconds | None = None
    URI: Blob | None = None


class CredentialDelete(Model):
    """Deletes a credential."""

    TransactionType: Literal["CredentialDelete"]
    CredentialType: Blob
    Issuer: AccountAddress | None = None
    Subject: AccountAddress | None = None


class DelegateSet(Model):
    """Gives permissions to another account."""

    TransactionType: Literal["DelegateSet"]
    Authorize: AccountAddress
    Permissions: list[JsonObject]


class DepositPreauth(Model):
    """Allows deposits of an account, or of holders of credentials, or no longer."""

    TransactionType: Literal["DepositPreauth"]
    Authorize: AccountAddress | None = None
    AuthorizeCredentials: list[JsonObject] | None = None
    Unauthorize: AccountAddress | None = None
    UnauthorizeCredentials: list[JsonObject] | None = None


class DIDDelete(Model):
    """Deletes a decentralised identifier."""

    TransactionType: Literal["DIDDelete"]


class DIDSet(Model):
    """Creates or changes a decentralised identifier."""

    TransactionType: Literal["DIDSet"]
    DIDDocument: Blob | None = None
    Data: Blob | None = None
    URI: Blob | None = None


class EnableAmendment(Model):
    """Of the network itself: an amendment has or loses its majority, or is enabled."""

    TransactionType: Literal["EnableAmendment"]
    Amendment: Hash256
    LedgerSequence: UInt32 | None = None


class EscrowCancel(Model):
    """Cancels an escrow that has expired."""

    TransactionType: Literal["EscrowCancel"]
    OfferSequence: UInt32
    Owner: AccountAddress


class EscrowCreate(Model):
    """Sets an amount aside until a time, or for a fulfillment."""

    TransactionType: Literal["EscrowCreate"]
    Amount: AnyAmount
    Destination: AccountAddress
    CancelAfter: Seconds | None = None
    Condition: Blob | None = None
    DestinationTag: UInt32 | None = None
    FinishAfter: Seconds | None = None


class EscrowFinish(Model):
    """Releases the amount of an escrow."""

    TransactionType: Literal["EscrowFinish"]
    OfferSequence: UInt32
    Owner: AccountAddress
    Condition: Blob | None = None
    CredentialIDs: list[Hash256] | None = None
    Fulfillment: Blob | None = None


class LedgerStateFix(Model):
    """Repairs a ledger entry."""

    TransactionType: Literal["LedgerStateFix"]
    LedgerFixType: UInt32
    Owner: AccountAddress | None = None


class MPTokenAuthorize(Model):
    """Allows a multi-purpose token to be held, or no longer."""

    TransactionType: Literal["MPTokenAuthorize"]
    MPTokenIssuanceID: Blob
    Holder: AccountAddress | None = None


class MPTokenIssuanceCreate(Model):
    """Creates an issuance of a multi-purpose token."""

    TransactionType: Literal["MPTokenIssuanceCreate"]
    AssetScale: UInt32 | None = None
    DomainID: Hash256 | None = None
    MPTokenMetadata: Blob | None = None
    MaximumAmount: NumberText | None = None
    TransferFee: UInt32 | None = None


class MPTokenIssuanceDestroy(Model):
    """Deletes an issuance of a multi-purpose token."""

    TransactionType: Literal["MPTokenIssuanceDestroy"]
    MPTokenIssuanceID: Blob


class MPTokenIssuanceSet(Model):
    """Changes an issuance of a multi-purpose token."""

    TransactionType: Literal["MPTokenIssuanceSet"]
    MPTokenIssuanceID: Blob
    DomainID: Hash256 | None = None
    Holder: AccountAddress | None = None


class NFTokenAcceptOffer(Model):
    """Accepts an offer to buy or sell an NFT."""

    TransactionType: Literal["NFTokenAcceptOffer"]
    NFTokenBrokerFee: AnyAmount | None = None
    NFTokenBuyOffer: Hash256 | None = None
    NFTokenSellOffer: Hash256 | None = None


class NFTokenBurn(Model):
    """Destroys an NFT."""

    TransactionType: Literal["NFTokenBurn"]
    NFTokenID: Hash256
    Owner: AccountAddress | None = None


class NFTokenCancelOffer(Model):
    """Cancels offers to buy or sell NFTs."""

    TransactionType: Literal["NFTokenCancelOffer"]
    NFTokenOffers: list[Hash256]


class NFTokenCreateOffer(Model):
    """Offers to buy or sell an NFT."""

    TransactionType: Literal["NFTokenCreateOffer"]
    Amount: AnyAmount
    NFTokenID: Hash256
    Destination: AccountAddress | None = None
    Expiration: Seconds | None = None
    Owner: AccountAddress | None = None


class NFTokenMint(Model):
    """Creates an NFT."""

    TransactionType: Literal["NFTokenMint"]
    NFTokenTaxon: UInt32
    Amount: AnyAmount | None = None
    Destination: AccountAddress | None = None
    Expiration: Seconds | None = None
    Issuer: AccountAddress | None = None
    TransferFee: UInt32 | None = None
    URI: Blob | None = None


class NFTokenModify(Model):
    """Changes the URI of an NFT."""

    TransactionType: Literal["NFTokenModify"]
    NFTokenID: Hash256
    Owner: AccountAddress | None = None
    URI: Blob | None = None


class OfferCancel(Model):
    """Cancels an offer."""

    TransactionType: Literal["OfferCancel"]
    OfferSequence: UInt32


class OfferCreate(Model):
    """Offers to exchange currencies."""

    TransactionType: Literal["OfferCreate"]
    TakerGets: AnyAmount
    TakerPays: AnyAmount
    DomainID: Hash256 | None = None
    Expiration: Seconds | None = None
    OfferSequence: UInt32 | None = None


class OracleDelete(Model):
    """Deletes a provider's prices."""

    TransactionType: Literal["OracleDelete"]
    OracleDocumentID: UInt32


class OracleSet(Model):
    """Publishes prices."""

    TransactionType: Literal["OracleSet"]
    LastUpdateTime: UInt32
    OracleDocumentID: UInt32
    PriceDataSeries: list[JsonObject]
    AssetClass: Blob | None = None
    Provider: Blob | None = None
    URI: Blob | None = None


class PaymentBase(Model):
    """Sends an amount. In requests it may be called Amount, DeliverMax, or both if they are equal."""

    TransactionType: Literal["Payment"]
    Destination: AccountAddress | None = None
    CredentialIDs: list[Hash256] | None = None
    DeliverMin: AnyAmount | None = None
    DestinationTag: UInt32 | None = None
    DomainID: Hash256 | None = None
    InvoiceID: Hash256 | None = None
    Paths: list[Any] | None = None
    SendMax: AnyAmount | None = None


class PaymentChannelClaim(Model):
    """Claims an amount from a payment channel, or changes or closes it."""

    TransactionType: Literal["PaymentChannelClaim"]
    Channel: Hash256
    Amount: AnyAmount | None = None
    Balance: AnyAmount | None = None
    CredentialIDs: list[Hash256] | None = None
    PublicKey: Blob | None = None
    Signature: Blob | None = None


class PaymentChannelCreate(Model):
    """Creates a payment channel."""

    TransactionType: Literal["PaymentChannelCreate"]
    Amount: AnyAmount
    Destination: AccountAddress
    PublicKey: Blob
    SettleDelay: UInt32
    CancelAfter: Seconds | None = None
    DestinationTag: UInt32 | None = None


class PaymentChannelFund(Model):
    """Adds an amount to a payment channel."""

    TransactionType: Literal["PaymentChannelFund"]
    Amount: AnyAmount
    Channel: Hash256
    Expiration: Seconds | None = None


class PermissionedDomainDelete(Model):
    """Deletes a permissioned domain."""

    TransactionType: Literal["PermissionedDomainDelete"]
    DomainID: Hash256


class PermissionedDomainSet(Model):
    """Creates or changes a permissioned domain."""

    TransactionType: Literal["PermissionedDomainSet"]
    AcceptedCredentials: list[JsonObject]
    DomainID: Hash256 | None = None


class SetFee(Model):
    """Of the network itself: changes the base fee and the reserves."""

    TransactionType: Literal["SetFee"]


class SetRegularKey(Model):
    """Changes or removes the regular key of an account."""

    TransactionType: Literal["SetRegularKey"]
    RegularKey: AccountAddress | None = None


class SignerListSet(Model):
    """Changes the signers of an account."""

    TransactionType: Literal["SignerListSet"]
    SignerQuorum: UInt32
    SignerEntries: list[SignerEntryItem] | None = None


class TicketCreate(Model):
    """Sets sequence numbers aside."""

    TransactionType: Literal["TicketCreate"]
    TicketCount: UInt32


class TrustSet(Model):
    """Creates or changes a trust line."""

    TransactionType: Literal["TrustSet"]
    LimitAmount: TokenAmount | None = None
    QualityIn: UInt32 | None = None
    QualityOut: UInt32 | None = None


class UNLModify(Model):
    """Of the network itself: a validator is thought to be offline, or no longer."""

    TransactionType: Literal["UNLModify"]
    LedgerSequence: UInt32
    UNLModifyDisabling: UInt32
    UNLModifyValidator: Blob


class VaultDeposit(Model):
    """Deposits into a vault."""

    TransactionType: Literal["VaultDeposit"]
    Amount: AnyAmount
    VaultID: Hash256


class VaultWithdraw(Model):
    """Withdraws from a vault."""

    TransactionType: Literal["VaultWithdraw"]
    Amount: AnyAmount
    VaultID: Hash256
    Destination: AccountAddress | None = None
    DestinationTag: UInt32 | None = None


TransactionByType = union_by(
    "TransactionType",
    "TransactionByType",
    "What a transaction has according to its type. Types that are not listed here have other members.",
    AccountDelete,
    AccountSet,
    AMMBid,
    AMMClawback,
    AMMCreate,
    AMMDelete,
    AMMDeposit,
    AMMVote,
    AMMWithdraw,
    Batch,
    CheckCancel,
    CheckCash,
    CheckCreate,
    Clawback,
    CredentialAccept,
    CredentialCreate,
    CredentialDelete,
    DelegateSet,
    DepositPreauth,
    DIDDelete,
    DIDSet,
    EnableAmendment,
    EscrowCancel,
    EscrowCreate,
    EscrowFinish,
    LedgerStateFix,
    MPTokenAuthorize,
    MPTokenIssuanceCreate,
    MPTokenIssuanceDestroy,
    MPTokenIssuanceSet,
    NFTokenAcceptOffer,
    NFTokenBurn,
    NFTokenCancelOffer,
    NFTokenCreateOffer,
    NFTokenMint,
    NFTokenModify,
    OfferCancel,
    OfferCreate,
    OracleDelete,
    OracleSet,
    PaymentBase,
    PaymentChannelClaim,
    PaymentChannelCreate,
    PaymentChannelFund,
    PermissionedDomainDelete,
    PermissionedDomainSet,
    SetFee,
    SetRegularKey,
    SignerListSet,
    TicketCreate,
    TrustSet,
    UNLModify,
    VaultDeposit,
    VaultWithdraw,
)


class TransactionBase(TransactionFields):
    """A transaction in the form of this version."""

    also: ClassVar[Any] = TransactionByType

    ctid: Blob | None = None
    date: Seconds | None = Field(None, description="The close time of its ledger.")
    ledger_index: UInt32 | None = None


class TransactionToSign(Model):
    """A transaction to sign, submit or simulate, in either version's form.

    A Payment's amount may be called Amount, DeliverMax, or both if they are equal.
    """

    TransactionType: str | None = None


class CreatedEntry(Model):
    """A ledger entry that was created."""

    LedgerEntryType: str
    LedgerIndex: Hash256
    NewFields: JsonObject | None = None


class ModifiedEntry(Model):
    """A ledger entry that was changed."""

    LedgerEntryType: str
    LedgerIndex: Hash256
    FinalFields: JsonObject | None = None
    PreviousFields: JsonObject | None = None
    PreviousTxnID: Hash256 | None = None
    PreviousTxnLgrSeq: UInt32 | None = None


class DeletedEntry(Model):
    """A ledger entry that was deleted."""

    LedgerEntryType: str
    LedgerIndex: Hash256
    FinalFields: JsonObject | None = None
    PreviousFields: JsonObject | None = None


class AffectedEntry(Model):
    """A ledger entry that a transaction has changed."""

    any_required: ClassVar[tuple[str, ...]] = ("CreatedNode", "ModifiedNode", "DeletedNode")

    CreatedNode: CreatedEntry | None = None
    ModifiedNode: ModifiedEntry | None = None
    DeletedNode: DeletedEntry | None = None


class Metadata(Model):
    """A transaction's effects; new fields may be added."""

    AffectedNodes: list[AffectedEntry]
    TransactionIndex: UInt32
    TransactionResult: str
    DeliveredAmount: AnyAmount | None = Field(
        None, description="What a Payment delivered, if that differs from its amount."
    )
    delivered_amount: AnyAmount | Literal["unavailable"] | None = None
