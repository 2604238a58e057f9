"""What is pushed: the shape of transactions, and the ledger index of validations."""

from collections.abc import Mapping

from adapters.adapter import JsonObject, MessageChange, StreamAdapter
from adapters.transactions import downgrade_transaction, is_transaction, upgrade_transaction


def _downgrade_transaction(message: JsonObject) -> JsonObject:
    if is_transaction(message.get("tx_json")):
        message["transaction"] = downgrade_transaction(message.pop("tx_json"), message.pop("hash", None))
    return message


def _upgrade_transaction(message: JsonObject) -> JsonObject:
    if is_transaction(message.get("transaction")):
        message["tx_json"], tx_hash = upgrade_transaction(message.pop("transaction"))
        if tx_hash is not None:
            message["hash"] = tx_hash
    return message


def _downgrade_validation(message: JsonObject) -> JsonObject:
    if isinstance(message.get("ledger_index"), int):
        message["ledger_index"] = str(message["ledger_index"])
    return message


def _upgrade_validation(message: JsonObject) -> JsonObject:
    index = message.get("ledger_index")
    if isinstance(index, str) and index.isdigit():
        message["ledger_index"] = int(index)
    return message


class Streams(StreamAdapter):
    """A transaction is `tx_json` with its `hash` beside it, where v1 has `transaction` with the hash inside; a
    validation's `ledger_index` is a number, where v1 has a string (rippled's NetworkOPs.cpp).
    """

    @property
    def downgrades(self) -> Mapping[str, MessageChange]:
        return {"transaction": _downgrade_transaction, "validationReceived": _downgrade_validation}

    @property
    def upgrades(self) -> Mapping[str, MessageChange]:
        return {"transaction": _upgrade_transaction, "validationReceived": _upgrade_validation}
