"""What several methods or stream messages have in common."""

from typing import Any, Literal

from pydantic import Field

from adapters.models.entries import Offer
from adapters.models.formats import (
    AccountAddress,
    Blob,
    DecimalText,
    Drops,
    Hash256,
    IsoTime,
    LedgerIndex,
    NumberText,
    Seconds,
    UInt32,
)
from adapters.models.model import Model, Null


class LedgerChoice(Model):
    """The ledger of the request; by default the open one (Clio, the newest validated)."""

    ledger_hash: Hash256 | None = None
    ledger_index: LedgerIndex | Null | None = None
    ledger: Any = Field(None, description="Deprecated; either of the other two.")


class LedgerFound(Model):
    """The ledger of the response."""

    ledger_hash: Hash256 | None = None
    ledger_index: UInt32 | None = None
    ledger_current_index: UInt32 | None = Field(None, description="The open ledger's, which has no hash yet.")
    validated: bool | None = None


class PageRequest(Model):
    """A page of a long list."""

    limit: int | None = Field(None, description="The maximum number of entries; nodes have their own limits.")
    marker: Any = Field(None, description="The marker of the previous page.")


class PageAnswer(Model):
    """A page of a long list."""

    limit: int | None = None
    marker: Any = Field(None, description="Present if there are more entries; its form depends on the node.")


class AccountTransactionBase(Model):
    """One of an account's transactions, or of an NFT's."""

    validated: bool
    tx_blob: Blob | None = None


class QueuedTransactionBase(Model):
    """A queued transaction."""

    account: AccountAddress
    fee_level: NumberText
    retries_remaining: int
    preflight_result: str
    max_spend_drops: Drops | None = None
    auth_change: bool | None = None


class LedgerTransactionBase(Model):
    """A transaction of a ledger, with `expand`."""


class LedgerHeaderBase(Model):
    """A ledger's header, with the requested data. In binary it is only ledger_data."""

    closed: bool
    ledger_data: Blob | None = None
    ledger_hash: Hash256 | None = None
    parent_hash: Hash256 | None = None
    account_hash: Hash256 | None = None
    transaction_hash: Hash256 | None = None
    total_coins: Drops | None = None
    close_flags: UInt32 | None = None
    close_time: Seconds | None = None
    close_time_human: str | None = None
    close_time_iso: IsoTime | None = None
    close_time_resolution: UInt32 | None = None
    parent_close_time: Seconds | None = None
    transactions: list[Hash256 | LedgerTransactionBase] | None = None
    accountState: list[Any] | None = None


class SigningSecret(Model):
    """The signing key: exactly one of these. The server learns it; it is safer to sign locally."""

    secret: str | None = None
    seed: str | None = None
    seed_hex: str | None = None
    passphrase: str | None = None
    key_type: Literal["secp256k1", "ed25519"] | None = None


class EngineResult(Model):
    """The preliminary result of a transaction."""

    engine_result: str
    engine_result_code: int
    engine_result_message: str


class BookOffer(Offer):
    """An offer in a book."""

    quality: DecimalText | None = None
    owner_funds: DecimalText | None = None


class ServerWarning(Model):
    """A notice about the server; ids from 2001 on are Clio's."""

    id: int
    message: str


class PeerBase(Model):
    """A peer that the server is connected to."""

    address: str
    track: Literal["diverged", "unknown"] | None = Field(
        None, description="Present if the peer does not follow the same ledger."
    )
