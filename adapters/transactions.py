"""The shapes of a transaction, which many methods and streams share.

v1 shows a transaction as one object with its `hash` (and `inLedger`) inside; v2 as `tx_json` with `hash` next to it.
A Payment's amount is `Amount` and `DeliverMax` in v1 and `DeliverMax` only in v2 (rippled's insertDeliverMax); other
types have `Amount` in both.
"""

import hashlib
from typing import Any

from adapters.adapter import JsonObject
from adapters.ledger_time import ledger_seconds

_TRANSACTION_ID_PREFIX = b"TXN\x00"


def transaction_hash(blob: str) -> str:
    """The hash (hex) of a signed transaction, from its serialisation in hex: SHA-512Half with the prefix "TXN"."""
    return hashlib.sha512(_TRANSACTION_ID_PREFIX + bytes.fromhex(blob)).hexdigest()[:64].upper()


def is_transaction(value: Any) -> bool:
    """Whether the value is a transaction's JSON, rather than its hash or its blob."""
    return isinstance(value, dict)


def downgrade_transaction(tx_json: JsonObject, tx_hash: Any = None) -> JsonObject:
    """Convert v2's `tx_json` to v1 in place: with its hash, and a Payment's amount under both names."""
    if tx_hash is not None:
        tx_json["hash"] = tx_hash
    if "ledger_index" in tx_json:
        tx_json["inLedger"] = tx_json["ledger_index"]
    if tx_json.get("TransactionType") == "Payment" and "DeliverMax" in tx_json:
        tx_json["Amount"] = tx_json["DeliverMax"]
    return tx_json


def upgrade_transaction(transaction: JsonObject) -> tuple[JsonObject, Any]:
    """Convert a v1 transaction to v2's `tx_json` in place; also return the hash that v2 has next to it, if any."""
    tx_hash = transaction.pop("hash", None)
    transaction.pop("inLedger", None)
    if transaction.get("TransactionType") == "Payment":
        rename_amount(transaction)
    return transaction, tx_hash


def rename_amount(payment: JsonObject) -> None:
    """Give a Payment's amount the name that it has in v2."""
    if "Amount" in payment:
        amount = payment.pop("Amount")
        payment.setdefault("DeliverMax", amount)


def ledger_place(entry: JsonObject) -> JsonObject:
    """v1's members about the ledger inside a transaction (`ledger_index`, `date`), from v2's next to it."""
    place: JsonObject = {}
    if isinstance(entry.get("ledger_index"), int):
        place["ledger_index"] = entry["ledger_index"]
    if isinstance(entry.get("close_time_iso"), str):
        place["date"] = ledger_seconds(entry["close_time_iso"])
    return place


def is_transaction_field(name: str) -> bool:
    """Whether a member of an inlined v1 transaction is a field of the transaction: those start with
    a capital letter.
    """
    return name[:1].isupper()
