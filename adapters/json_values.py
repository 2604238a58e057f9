"""How rippled reads a JSON value where it expected one of another type (its json_value.cpp)."""

import re
from typing import Any

_DIGITS = re.compile(r"\+?(-?)0*([0-9]{1,10})")
_LOWEST, _HIGHEST = -(2**31), 2**32 - 1


def as_boolean(value: Any) -> bool:
    """v1's reading of a value as a boolean: null, 0, 0.0, "", [] and {} are false, all else true, even "false"."""
    return bool(value)


def is_empty(value: Any) -> bool:
    """Whether rippled takes a value for none: null, "", [] and {}, but not 0 or false (its Value::operator bool)."""
    return value is None or value in ("", [], {})


def as_integer(value: Any) -> int | None:
    """A value read as an integer of 32 bits, a string by its digits; None where rippled fails with `internal`."""
    if value is None:
        return 0
    if isinstance(value, str) and (digits := _DIGITS.fullmatch(value)):
        number = int(digits[1] + digits[2])
    elif isinstance(value, (bool, int, float)):
        number = int(value)
    else:
        return None
    return number if _LOWEST <= number <= _HIGHEST else None


def is_ledger_number(value: Any) -> bool:
    """Whether a value is an integer that can be a ledger's index (unsigned, 32 bits)."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32
