"""The models that version 2 changed, in both versions."""

from adapters.v1_v2.models import account, errors, ledger, market, server, streams, transaction, transactions, types

__all__ = [
    "REMOVED",
    "account",
    "errors",
    "ledger",
    "market",
    "server",
    "streams",
    "transaction",
    "transactions",
    "types",
]

REMOVED = ("ledger_header", "tx_history")
"""The methods that version 2 no longer has."""
