"""Stream messages."""

from adapters.models.formats import Hash256, NumberText, UInt32
from adapters.models.model import Absent
from adapters.models.streams import TransactionMessageBase, ValidationReceivedMessageBase
from adapters.v1_v2.models.transactions import TransactionV2
from adapters.v1_v2.models.types import HashedTransactionV1


class TransactionMessageV1(TransactionMessageBase):
    transaction: HashedTransactionV1
    tx_json: Absent = None
    hash: Absent = None


class TransactionMessageV2(TransactionMessageBase):
    tx_json: TransactionV2
    hash: Hash256
    transaction: Absent = None


class ValidationReceivedMessageV1(ValidationReceivedMessageBase):
    ledger_index: NumberText


class ValidationReceivedMessageV2(ValidationReceivedMessageBase):
    ledger_index: UInt32
