"""Concise transaction identifiers (XLS-15): the place of a validated transaction as 16 hex digits."""

from typing import Any

from adapters.json_values import is_unsigned

_LAST_LEDGER, _LAST_TRANSACTION, _LAST_NETWORK = 0x0FFF_FFFF, 0xFFFF, 0xFFFF


def ctid(ledger_index: Any, transaction_index: Any, network_id: Any) -> str | None:
    """The identifier, e.g. `C000003C00000000`; None if one of the three is unknown or too large."""
    bounds = ((ledger_index, _LAST_LEDGER), (transaction_index, _LAST_TRANSACTION), (network_id, _LAST_NETWORK))
    if not all(is_unsigned(value) and value <= last for value, last in bounds):
        return None
    return f"C{ledger_index:07X}{transaction_index:04X}{network_id:04X}"
