"""Methods that look transactions up, sign them and send them."""

from typing import Any, ClassVar, Literal

from adapters.models.errors import CommonErrorToken, ErrorResponse, LedgerErrorToken, SigningErrorToken
from adapters.models.formats import AccountAddress, Blob, Drops, Hash256, JsonObject, Truthy, UInt32
from adapters.models.method import Method
from adapters.models.model import Model
from adapters.models.transactions import Metadata, TransactionBase, TransactionToSign
from adapters.models.types import EngineResult, LedgerChoice, LedgerFound, SigningSecret


class SignRequest(SigningSecret):
    tx_json: TransactionToSign
    offline: Truthy | None = None
    build_path: Any = None
    fee_mult_max: int | None = None
    fee_div_max: int | None = None
    signature_target: str | None = None


class SignSuccessResponseBase(Model):
    deprecated: str | None = None
    tx_blob: Blob
    tx_json: TransactionBase


class SignErrorResponse(ErrorResponse):
    error: CommonErrorToken | SigningErrorToken


class SignForRequest(SigningSecret):
    account: AccountAddress
    tx_json: TransactionToSign


class SignForSuccessResponseBase(Model):
    deprecated: str | None = None
    tx_blob: Blob
    tx_json: TransactionBase


class SignForErrorResponse(ErrorResponse):
    error: CommonErrorToken | SigningErrorToken


class SimulateRequest(Model):
    any_required: ClassVar[tuple[str, ...]] = ("tx_json", "tx_blob")

    tx_json: TransactionToSign | None = None
    tx_blob: Blob | None = None
    binary: bool | None = None


class SimulateSuccessResponse(EngineResult):
    applied: bool
    ledger_index: UInt32
    tx_json: JsonObject | None = None
    tx_blob: Blob | None = None
    meta: Metadata | None = None
    meta_blob: Blob | None = None


class SimulateErrorResponse(ErrorResponse):
    error: CommonErrorToken | SigningErrorToken


class SubmitRequest(SigningSecret):
    """A signed transaction as a blob, or one to sign as JSON with the signing key."""

    any_required: ClassVar[tuple[str, ...]] = ("tx_blob", "tx_json")

    tx_blob: Blob | None = None
    tx_json: TransactionToSign | None = None
    fail_hard: Truthy | None = None
    offline: Truthy | None = None
    build_path: Any = None
    fee_mult_max: int | None = None
    fee_div_max: int | None = None


class SubmitSuccessResponseBase(EngineResult):
    tx_blob: Blob
    accepted: bool | None = None
    account_sequence_available: UInt32 | None = None
    account_sequence_next: UInt32 | None = None
    applied: bool | None = None
    broadcast: bool | None = None
    kept: bool | None = None
    queued: bool | None = None
    open_ledger_cost: Drops | None = None
    validated_ledger_index: UInt32 | None = None


class SubmitErrorResponse(ErrorResponse):
    error: (
        CommonErrorToken
        | SigningErrorToken
        | Literal["internalJson", "internalSubmit", "internalTransaction", "invalidTransaction"]
    )


class SubmitMultisignedRequest(Model):
    tx_json: TransactionToSign
    fail_hard: Truthy | None = None


class SubmitMultisignedSuccessResponseBase(EngineResult):
    tx_blob: Blob
    tx_json: TransactionBase


class SubmitMultisignedErrorResponse(ErrorResponse):
    error: (
        CommonErrorToken
        | SigningErrorToken
        | Literal["internalJson", "internalSubmit", "internalTransaction", "invalidTransaction"]
    )


class TransactionEntryRequest(LedgerChoice):
    tx_hash: Hash256


class TransactionEntrySuccessResponseBase(LedgerFound):
    tx_json: TransactionBase


class TransactionEntryErrorResponse(ErrorResponse):
    error: (
        CommonErrorToken
        | LedgerErrorToken
        | Literal["fieldNotFoundTransaction", "malformedRequest", "notYetImplemented", "transactionNotFound"]
    )


class TxRequest(Model):
    any_required: ClassVar[tuple[str, ...]] = ("transaction", "ctid")

    transaction: Hash256 | None = None
    ctid: Blob | None = None
    binary: Truthy | None = None
    min_ledger: UInt32 | None = None
    max_ledger: UInt32 | None = None


class TxSuccessResponseBase(Model):
    validated: bool | None = None
    ctid: Blob | None = None


class TxErrorResponse(ErrorResponse):
    error: CommonErrorToken | Literal["excessiveLgrRange", "invalidLgrRange", "lgrIdxsInvalid", "txnNotFound"]


class TxHistoryRequest(Model):
    start: int | None


class TxHistorySuccessResponse(Model):
    index: int
    txs: list[TransactionBase] | None


class TxHistoryErrorResponse(ErrorResponse):
    error: CommonErrorToken


METHODS = (
    Method("sign", "transaction", "Signs a transaction without submitting it."),
    Method("sign_for", "transaction", "Adds one of several signatures to a transaction."),
    Method("simulate", "transaction", "The effects of a transaction, without submitting it."),
    Method(
        "submit",
        "transaction",
        "Submits a transaction that is signed, or that the server signs. The response to a tx_blob is the same in all "
        "versions.",
    ),
    Method("submit_multisigned", "transaction", "Submits a multi-signed transaction."),
    Method("transaction_entry", "transaction", "A transaction in a given ledger, with its metadata."),
    Method("tx", "transaction", "A transaction, by its hash or its ctid."),
    Method("tx_history", "transaction", "The newest validated transactions, 20 at a time."),
)
