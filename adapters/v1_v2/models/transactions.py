"""Transactions."""

from pydantic import Field

from adapters.models.amounts import AnyAmount
from adapters.models.formats import Hash256, UInt32
from adapters.models.model import Absent
from adapters.models.transactions import PaymentBase, TransactionBase


class PaymentV1(PaymentBase):
    Amount: AnyAmount
    DeliverMax: AnyAmount = Field(description="Equal to Amount.")


class PaymentV2(PaymentBase):
    Amount: Absent = None
    DeliverMax: AnyAmount = Field(description="The most that it may deliver.")


class TransactionV1(TransactionBase):
    hash: Hash256 | None = None
    inLedger: UInt32 | None = Field(None, description="Equal to ledger_index.")


class TransactionV2(TransactionBase):
    hash: Absent = None
    inLedger: Absent = None
