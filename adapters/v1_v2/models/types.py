"""What several methods have in common."""

from typing import Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from adapters.models.formats import Blob, DecimalText, Hash256, IsoTime, NumberText, UInt32
from adapters.models.model import Absent
from adapters.models.transactions import Metadata
from adapters.models.types import (
    AccountTransactionBase,
    LedgerHeaderBase,
    LedgerTransactionBase,
    PeerBase,
    QueuedTransactionBase,
)
from adapters.v1_v2.models.transactions import TransactionV1, TransactionV2


class AccountTransactionFieldsV1(AccountTransactionBase):
    tx_json: Absent = None
    hash: Absent = None
    meta_blob: Absent = None


class AccountJsonTransactionV1(AccountTransactionFieldsV1):
    """A transaction as JSON."""

    tx: TransactionV1
    meta: Metadata


class AccountBinaryTransactionV1(AccountTransactionFieldsV1):
    """A serialised transaction."""

    tx_blob: Blob
    meta: Blob
    ledger_index: UInt32 | None = None


AccountTransactionV1 = TypeAliasType("AccountTransactionV1", AccountJsonTransactionV1 | AccountBinaryTransactionV1)


class AccountTransactionFieldsV2(AccountTransactionBase):
    ledger_index: UInt32
    close_time_iso: IsoTime | None = None
    tx: Absent = None


class AccountJsonTransactionV2(AccountTransactionFieldsV2):
    """A transaction as JSON."""

    tx_json: TransactionV2
    hash: Hash256
    ledger_hash: Hash256
    meta: Metadata | None = None


class AccountBinaryTransactionV2(AccountTransactionFieldsV2):
    """A serialised transaction."""

    tx_blob: Blob
    meta_blob: Blob
    meta: Absent = None


AccountTransactionV2 = TypeAliasType("AccountTransactionV2", AccountJsonTransactionV2 | AccountBinaryTransactionV2)


class ExpandedTransactionV1(TransactionV1, LedgerTransactionBase):
    """A transaction as JSON."""

    hash: Hash256
    metaData: Metadata | None = None
    owner_funds: DecimalText | None = None
    tx_json: Absent = None


class BinaryTransactionV1(LedgerTransactionBase):
    """A serialised transaction."""

    tx_blob: Blob
    meta: Blob | None = None
    hash: Absent = None


LedgerTransactionV1 = TypeAliasType("LedgerTransactionV1", ExpandedTransactionV1 | BinaryTransactionV1)


class ExpandedTransactionV2(LedgerTransactionBase):
    """A transaction as JSON."""

    tx_json: TransactionV2
    hash: Hash256
    meta: Metadata | None = None
    validated: bool
    ledger_hash: Hash256 | None = None
    ledger_index: UInt32 | None = None
    close_time_iso: IsoTime | None = None
    owner_funds: DecimalText | None = None
    metaData: Absent = None


class BinaryTransactionV2(LedgerTransactionBase):
    """A serialised transaction."""

    tx_blob: Blob
    hash: Hash256
    meta_blob: Blob | None = None
    meta: Absent = None


LedgerTransactionV2 = TypeAliasType("LedgerTransactionV2", ExpandedTransactionV2 | BinaryTransactionV2)


class QueuedTransactionV1(QueuedTransactionBase):
    tx: Hash256 | LedgerTransactionV1


class QueuedTransactionV2(QueuedTransactionBase):
    tx: Absent = None
    tx_json: TransactionV2 | None = None
    tx_blob: Blob | None = None
    hash: Hash256 | None = None
    validated: bool | None = None


class LedgerHeaderV1(LedgerHeaderBase):
    ledger_index: NumberText | None = None


class LedgerHeaderV2(LedgerHeaderBase):
    ledger_index: UInt32 | None = None


class HashedTransactionV1(TransactionV1):
    """A transaction with its hash inside."""

    hash: Hash256


class PeerV1(PeerBase):
    sanity: Literal["insane", "unknown"] | None = Field(None, description="Equal to track.")


class PeerV2(PeerBase):
    sanity: Absent = None
