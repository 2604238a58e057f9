"""How rippled reads a JSON value where it expected one of another type (its json_value.cpp)."""

from typing import Any


def as_boolean(value: Any) -> bool:
    """v1's reading of a value as a boolean: null, 0, 0.0, "", [] and {} are false, all else true, even "false"."""
    return bool(value)


def as_integer(value: Any) -> int | None:
    """A value read as an integer, a string by its digits; None where rippled fails with `internal`."""
    if value is None:
        return 0
    if isinstance(value, (bool, int, float)):
        return int(value)
    if isinstance(value, str):
        try:
            return int(value, 10)
        except ValueError:
            return None
    return None


def is_ledger_number(value: Any) -> bool:
    """Whether a value is an integer that can be a ledger's index (unsigned, 32 bits)."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32
