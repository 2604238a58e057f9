"""Methods about a ledger and its entries."""

from typing import ClassVar

from pydantic import Field
from typing_extensions import TypeAliasType

from adapters.models.entries import LedgerEntry
from adapters.models.errors import CommonErrorToken, ErrorResponse, LedgerErrorToken
from adapters.models.formats import AccountAddress, Blob, Hash256, IsoTime, JsonObject, Truthy, UInt32
from adapters.models.method import Method
from adapters.models.model import Model
from adapters.models.types import (
    LedgerChoice,
    LedgerFound,
    LedgerHeaderBase,
    PageAnswer,
    PageRequest,
    QueuedTransactionBase,
)


class LedgerRequest(LedgerChoice):
    transactions: Truthy | None = None
    expand: Truthy | None = None
    owner_funds: Truthy | None = None
    binary: Truthy | None = None
    queue: Truthy | None = None
    full: Truthy | None = Field(None, description="Administrators only.")
    accounts: Truthy | None = Field(None, description="Administrators only.")
    diff: bool | None = Field(None, description="Clio only; changes since the previous ledger.")
    type: str | None = None


class OneLedger(LedgerFound):
    """The ledger of the request."""

    ledger: LedgerHeaderBase
    queue_data: list[QueuedTransactionBase] | None = None


class HeaderOnly(Model):
    """A ledger's header."""

    ledger: LedgerHeaderBase


class ClosedAndOpenLedger(Model):
    """The last closed and the open ledger, for a request without a ledger."""

    closed: HeaderOnly
    open: HeaderOnly


LedgerSuccessResponse = TypeAliasType("LedgerSuccessResponse", OneLedger | ClosedAndOpenLedger)


class LedgerErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken


class LedgerClosedRequest(Model):
    """No parameters."""


class LedgerClosedSuccessResponse(Model):
    ledger_hash: Hash256
    ledger_index: UInt32


class LedgerClosedErrorResponse(ErrorResponse):
    error: CommonErrorToken


class LedgerCurrentRequest(Model):
    """No parameters."""


class LedgerCurrentSuccessResponse(Model):
    ledger_current_index: UInt32


class LedgerCurrentErrorResponse(ErrorResponse):
    error: CommonErrorToken


class LedgerDataRequest(LedgerChoice, PageRequest):
    binary: Truthy | None = None
    type: str | None = None
    out_of_order: bool | None = Field(None, description="Clio only.")


class BinaryLedgerEntry(Model):
    """A serialised ledger entry."""

    data: Blob
    index: Hash256


class LedgerDataSuccessResponse(LedgerFound, PageAnswer):
    ledger: LedgerHeaderBase | None = None
    state: list[LedgerEntry | BinaryLedgerEntry]


class LedgerDataErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken


class LedgerEntryRequestBase(LedgerChoice):
    binary: Truthy | None = None
    include_deleted: bool | None = Field(None, description="Clio only.")
    account: AccountAddress | None = None
    account_root: AccountAddress | None = None
    amendments: Hash256 | bool | None = None
    amm: Hash256 | JsonObject | None = None
    bridge: JsonObject | None = None
    bridge_account: AccountAddress | None = None
    check: Hash256 | None = None
    credential: Hash256 | JsonObject | None = None
    delegate: Hash256 | JsonObject | None = None
    deposit_preauth: Hash256 | JsonObject | None = None
    did: AccountAddress | None = None
    directory: Hash256 | JsonObject | None = None
    escrow: Hash256 | JsonObject | None = None
    fee: Hash256 | bool | None = None
    hashes: Hash256 | UInt32 | bool | None = None
    loan: Hash256 | JsonObject | None = None
    loan_broker: Hash256 | JsonObject | None = None
    mpt_issuance: Blob | None = None
    mptoken: Hash256 | JsonObject | None = None
    nft_offer: Hash256 | None = None
    nft_page: Hash256 | None = None
    nunl: Hash256 | bool | None = None
    offer: Hash256 | JsonObject | None = None
    oracle: Hash256 | JsonObject | None = None
    payment_channel: Hash256 | None = None
    permissioned_domain: Hash256 | JsonObject | None = None
    ripple_state: Hash256 | JsonObject | None = None
    signer_list: Hash256 | JsonObject | None = None
    state: Hash256 | JsonObject | None = None
    ticket: Hash256 | JsonObject | None = None
    vault: Hash256 | JsonObject | None = None
    xchain_owned_claim_id: Hash256 | JsonObject | None = None
    xchain_owned_create_account_claim_id: Hash256 | JsonObject | None = None


class LedgerEntryRequest(LedgerEntryRequestBase):
    index: Hash256 | None = None


class LedgerEntrySuccessResponse(LedgerFound):
    any_required: ClassVar[tuple[str, ...]] = ("node", "node_binary")

    index: Hash256
    node: LedgerEntry | None = None
    node_binary: Blob | None = None


class LedgerHeaderRequest(LedgerChoice):
    """The ledger."""


class LedgerHeaderSuccessResponse(LedgerFound):
    ledger: LedgerHeaderBase
    ledger_data: Blob


class LedgerHeaderErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken


class LedgerIndexRequest(Model):
    date: str | None = None


class LedgerIndexSuccessResponse(Model):
    ledger_index: UInt32
    ledger_hash: Hash256
    closed: IsoTime
    validated: bool | None = None


class LedgerIndexErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken


class LedgerRangeRequest(Model):
    """No parameters."""


class LedgerRangeSuccessResponse(Model):
    ledger_index_min: UInt32
    ledger_index_max: UInt32


class LedgerRangeErrorResponse(ErrorResponse):
    error: CommonErrorToken


METHODS = (
    Method(
        "ledger",
        "ledger",
        "A ledger's header, optionally with its transactions and the queue. Without a ledger in the request, two "
        "headers.",
    ),
    Method("ledger_closed", "ledger", "The last closed ledger."),
    Method("ledger_current", "ledger", "The open ledger's index."),
    Method("ledger_data", "ledger", "A ledger's entries, page by page; the first page has its header."),
    Method("ledger_entry", "ledger", "One ledger entry, by its id or by its identifying fields."),
    Method("ledger_header", "ledger", "A ledger's header, as JSON and serialised."),
    Method("ledger_index", "ledger", "The index of the newest ledger at a given time (Clio)."),
    Method("ledger_range", "ledger", "The ledgers that the server has (Clio)."),
)
