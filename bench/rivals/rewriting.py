"""The rewriting of the measured cases, from version 2 to 1; the other languages have the same next to this file."""

from typing import Any


def downgrade(result: dict[str, Any]) -> None:
    """A result of account_info, account_tx, ledger or tx, changed in place."""
    if "signer_lists" in result:
        result["account_data"]["signer_lists"] = result.pop("signer_lists")
    for entry in result.get("transactions", ()):
        entry["tx"] = _transaction(entry.pop("tx_json"), entry.pop("hash"))
        for field in ("close_time_iso", "ledger_hash", "ledger_index"):
            entry.pop(field, None)
    ledger = result.get("ledger")
    if ledger:
        ledger["ledger_index"] = str(ledger["ledger_index"])
        if "transactions" in ledger:
            ledger["transactions"] = [_expanded(entry) for entry in ledger["transactions"]]
    if "tx_json" in result:
        for field in ("close_time_iso", "ledger_hash", "ledger_index"):
            result.pop(field, None)
        result.update(_transaction(result.pop("tx_json"), result.pop("hash")))


def downgrade_pushed(message: dict[str, Any]) -> None:
    """A transaction or validation that is pushed, changed in place; anything else is left as it is."""
    if message.get("type") == "transaction":
        message["transaction"] = _transaction(message.pop("tx_json"), message.pop("hash"))
    elif message.get("type") == "validationReceived":
        message["ledger_index"] = str(message["ledger_index"])


def _expanded(entry: dict[str, Any]) -> dict[str, Any]:
    transaction = _transaction(entry["tx_json"], entry["hash"])
    transaction["metaData"] = entry["meta"]
    return transaction


def _transaction(transaction: dict[str, Any], tx_hash: str) -> dict[str, Any]:
    transaction["hash"] = tx_hash
    if "ledger_index" in transaction:
        transaction["inLedger"] = transaction["ledger_index"]
    if transaction["TransactionType"] == "Payment":
        transaction["Amount"] = transaction["DeliverMax"]
    return transaction
