"""Stream messages: the shape of transactions, and the ledger index of validations."""

from collections.abc import Mapping
from typing import Any

from adapters.adapter import JsonObject, MessageChange, StreamAdapter
from adapters.ctid import ctid
from adapters.json_values import is_unsigned
from adapters.ledger_time import iso_time
from adapters.transactions import downgrade_transaction, is_transaction, ledger_place, upgrade_transaction


def _downgrade_transaction(message: JsonObject) -> JsonObject:
    if not is_transaction(message.get("tx_json")):
        return message
    transaction = message.pop("tx_json")
    if "date" not in transaction and (date := ledger_place(message).get("date")) is not None:
        transaction["date"] = date
    message["transaction"] = downgrade_transaction(transaction, message.pop("hash", None))
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
    """A transaction is `tx_json` with its `hash` next to it, where v1 has `transaction` with the hash inside; a
    validation's `ledger_index` is a number, where v1 has a string (rippled's NetworkOPs.cpp).

    A rippled before 2.0 pushes neither `close_time_iso` nor `ctid`: both are added.

    Clio forwards rippled's v1 validations in both versions, and up to 2.7 its proposed transactions. From 2.8 on these
    are `tx_json` and `hash` in v2, with `Amount`.
    """

    @property
    def downgrades(self) -> Mapping[str, MessageChange]:
        return {"transaction": _downgrade_transaction, "validationReceived": _downgrade_validation}

    @property
    def upgrades(self) -> Mapping[str, MessageChange]:
        if self.node.is_clio:
            return {"transaction": self._upgrade_clio_transaction}
        return {"transaction": self._upgrade_transaction, "validationReceived": _upgrade_validation}

    def _upgrade_clio_transaction(self, message: JsonObject) -> JsonObject:
        if message.get("validated") is not False:
            return self._upgrade_transaction(message)
        if is_transaction(message.get("transaction")) and not self.node.is_clio_before(2, 8):
            message["tx_json"] = message.pop("transaction")
            message["hash"] = message["tx_json"].pop("hash", None)
        return message

    def _upgrade_transaction(self, message: JsonObject) -> JsonObject:
        if not is_transaction(message.get("transaction")):
            return message
        tx_json, tx_hash = upgrade_transaction(message.pop("transaction"))
        message["tx_json"] = tx_json
        if tx_hash is not None:
            message["hash"] = tx_hash
        if self.node.may_predate_v2 and message.get("validated") is True:
            self._add_place(message, tx_json.get("date"))
        return message

    def _add_place(self, message: JsonObject, date: Any) -> None:
        if is_unsigned(date):
            message.setdefault("close_time_iso", iso_time(date))
        meta = message.get("meta")
        index = meta.get("TransactionIndex") if isinstance(meta, dict) else None
        identifier = ctid(message.get("ledger_index"), index, self.node.network)
        if identifier is not None:
            message.setdefault("ctid", identifier)
