"""Stream messages, by their `type`."""

from typing import Any, Literal

from adapters.models.amounts import AnyAmount
from adapters.models.formats import AccountAddress, Blob, Hash256, IsoTime, JsonObject, NumberText, Seconds, UInt32
from adapters.models.model import Model
from adapters.models.transactions import Metadata


class BookChangesMessage(Model):
    """The exchanges in a ledger (stream book_changes)."""

    type: Literal["bookChanges"]
    ledger_hash: Hash256
    ledger_index: UInt32
    ledger_time: Seconds
    changes: list[JsonObject]
    validated: bool | None = None


class ConsensusPhaseMessage(Model):
    """The phase of consensus (stream consensus)."""

    type: Literal["consensusPhase"]
    consensus: str


class LedgerClosedMessage(Model):
    """A closed ledger (stream ledger)."""

    type: Literal["ledgerClosed"]
    ledger_hash: Hash256
    ledger_index: UInt32
    ledger_time: Seconds
    fee_base: int
    fee_ref: int | None = None
    reserve_base: int
    reserve_inc: int
    txn_count: int
    network_id: UInt32 | None = None
    validated_ledgers: str | None = None


class ManifestReceivedMessage(Model):
    """A validator's keys (stream manifests)."""

    type: Literal["manifestReceived"]
    master_key: str
    signing_key: str | None = None
    seq: UInt32
    manifest: str | None = None
    signature: str | None = None
    master_signature: str | None = None
    domain: str | None = None


class PathFindMessage(Model):
    """Better paths, after path_find."""

    type: Literal["path_find"]
    id: Any = None
    source_account: AccountAddress
    destination_account: AccountAddress
    destination_amount: AnyAmount
    full_reply: bool | None = None
    alternatives: list[JsonObject]


class PeerStatusChangeMessage(Model):
    """The state of a peer (stream peer_status, administrators only)."""

    type: Literal["peerStatusChange"]
    action: str
    date: Seconds
    ledger_hash: Hash256 | None = None
    ledger_index: UInt32 | None = None
    ledger_index_max: UInt32 | None = None
    ledger_index_min: UInt32 | None = None


class ServerStatusMessage(Model):
    """The server's load (stream server)."""

    type: Literal["serverStatus"]
    server_status: str
    base_fee: int | None = None
    load_base: int
    load_factor: float
    load_factor_fee_escalation: float | None = None
    load_factor_fee_queue: float | None = None
    load_factor_fee_reference: float | None = None
    load_factor_server: float | None = None


class TransactionMessageBase(Model):
    """A transaction, from the streams transactions and transactions_proposed, and from subscriptions to accounts, books
    and an account's history.
    """

    type: Literal["transaction"]
    engine_result: str
    engine_result_code: int
    engine_result_message: str
    validated: bool
    status: str | None = None
    close_time_iso: IsoTime | None = None
    ctid: Blob | None = None
    ledger_hash: Hash256 | None = None
    ledger_index: UInt32 | None = None
    ledger_current_index: UInt32 | None = None
    meta: Metadata | None = None
    account_history_tx_index: int | None = None
    account_history_tx_first: bool | None = None
    account_history_boundary: bool | None = None


class ValidationReceivedMessageBase(Model):
    """A validator's validation of a ledger (stream validations)."""

    type: Literal["validationReceived"]
    ledger_hash: Hash256
    flags: UInt32
    full: bool | None = None
    signature: str
    signing_time: Seconds
    validation_public_key: str
    master_key: str | None = None
    data: str | None = None
    amendments: list[Hash256] | None = None
    base_fee: int | None = None
    load_fee: int | None = None
    reserve_base: int | None = None
    reserve_inc: int | None = None
    cookie: NumberText | None = None
    server_version: NumberText | None = None
    validated_hash: Hash256 | None = None
    network_id: UInt32 | None = None
