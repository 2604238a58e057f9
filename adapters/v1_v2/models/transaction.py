"""Methods that look transactions up, sign them and send them."""

from typing_extensions import TypeAliasType

from adapters.models.formats import Blob, Hash256, IsoTime, Seconds, UInt32
from adapters.models.model import Absent
from adapters.models.transaction import (
    SignForSuccessResponseBase,
    SignSuccessResponseBase,
    SubmitMultisignedSuccessResponseBase,
    SubmitSuccessResponseBase,
    TransactionEntrySuccessResponseBase,
    TxSuccessResponseBase,
)
from adapters.models.transactions import Metadata, TransactionFields
from adapters.v1_v2.models.transactions import TransactionV1, TransactionV2
from adapters.v1_v2.models.types import HashedTransactionV1


class SignSuccessResponseV1(SignSuccessResponseBase):
    tx_json: HashedTransactionV1
    hash: Absent = None


class SignSuccessResponseV2(SignSuccessResponseBase):
    tx_json: TransactionV2
    hash: Hash256


class SignForSuccessResponseV1(SignForSuccessResponseBase):
    tx_json: HashedTransactionV1
    hash: Absent = None


class SignForSuccessResponseV2(SignForSuccessResponseBase):
    tx_json: TransactionV2
    hash: Hash256


class SubmittedTransaction(TransactionFields):
    """A transaction that came as a blob, in the same form in all versions."""

    hash: Hash256


class SubmitBlobResultV1(SubmitSuccessResponseBase):
    """The result for a blob."""

    deprecated: Absent = None
    hash: Absent = None
    tx_json: SubmittedTransaction


class SubmitSignedResultV1(SubmitSuccessResponseBase):
    """The result for a transaction that the server has signed."""

    deprecated: str
    hash: Absent = None
    tx_json: HashedTransactionV1


SubmitSuccessResponseV1 = TypeAliasType("SubmitSuccessResponseV1", SubmitBlobResultV1 | SubmitSignedResultV1)


class SubmitBlobResultV2(SubmitSuccessResponseBase):
    """The result for a blob."""

    deprecated: Absent = None
    hash: Absent = None
    tx_json: SubmittedTransaction


class SubmitSignedResultV2(SubmitSuccessResponseBase):
    """The result for a transaction that the server has signed."""

    deprecated: str
    hash: Hash256
    tx_json: TransactionV2


SubmitSuccessResponseV2 = TypeAliasType("SubmitSuccessResponseV2", SubmitBlobResultV2 | SubmitSignedResultV2)


class SubmitMultisignedSuccessResponseV1(SubmitMultisignedSuccessResponseBase):
    tx_json: HashedTransactionV1
    hash: Absent = None


class SubmitMultisignedSuccessResponseV2(SubmitMultisignedSuccessResponseBase):
    tx_json: TransactionV2
    hash: Hash256


class TransactionEntrySuccessResponseV1(TransactionEntrySuccessResponseBase):
    metadata: Metadata
    tx_json: HashedTransactionV1
    meta: Absent = None
    hash: Absent = None


class TransactionEntrySuccessResponseV2(TransactionEntrySuccessResponseBase):
    meta: Metadata
    tx_json: TransactionV2
    hash: Hash256
    close_time_iso: IsoTime | None = None
    metadata: Absent = None


class TxFieldsV1(TxSuccessResponseBase):
    tx_json: Absent = None
    tx_blob: Absent = None
    meta_blob: Absent = None
    close_time_iso: Absent = None
    ledger_hash: Absent = None


class TxJsonResultV1(TxFieldsV1, TransactionV1):
    """A transaction as JSON."""

    hash: Hash256
    meta: Metadata | None = None


class TxBinaryResultV1(TxFieldsV1):
    """A serialised transaction."""

    tx: Blob
    hash: Hash256
    meta: Blob | None = None
    inLedger: UInt32 | None = None
    ledger_index: UInt32 | None = None
    date: Seconds | None = None


TxSuccessResponseV1 = TypeAliasType("TxSuccessResponseV1", TxJsonResultV1 | TxBinaryResultV1)


class TxFieldsV2(TxSuccessResponseBase):
    hash: Hash256
    ledger_hash: Hash256 | None = None
    ledger_index: UInt32 | None = None
    close_time_iso: IsoTime | None = None
    tx: Absent = None
    TransactionType: Absent = None


class TxJsonResultV2(TxFieldsV2):
    """A transaction as JSON."""

    tx_json: TransactionV2
    meta: Metadata | None = None


class TxBinaryResultV2(TxFieldsV2):
    """A serialised transaction."""

    tx_blob: Blob
    meta_blob: Blob | None = None
    meta: Absent = None


TxSuccessResponseV2 = TypeAliasType("TxSuccessResponseV2", TxJsonResultV2 | TxBinaryResultV2)
