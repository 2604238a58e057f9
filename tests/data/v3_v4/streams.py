"""What is pushed: the name of a count."""

from collections.abc import Mapping

from adapters.adapter import JsonObject, MessageChange, StreamAdapter


def _downgrade_ledger(message: JsonObject) -> JsonObject:
    if "transaction_count" in message:
        message["txn_count"] = message.pop("transaction_count")
    return message


def _upgrade_ledger(message: JsonObject) -> JsonObject:
    if "txn_count" in message:
        message["transaction_count"] = message.pop("txn_count")
    return message


class Streams(StreamAdapter):
    """`txn_count` of a closed ledger became `transaction_count`."""

    @property
    def downgrades(self) -> Mapping[str, MessageChange]:
        return {"ledgerClosed": _downgrade_ledger}

    @property
    def upgrades(self) -> Mapping[str, MessageChange]:
        return {"ledgerClosed": _upgrade_ledger}
