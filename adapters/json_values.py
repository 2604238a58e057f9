"""JSON values: rippled's conversion of unexpected types (its json_value.cpp), and the comparison of two values."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard

_DIGITS = re.compile(r"\+?(-?)0*([0-9]{1,10})")
_LOWEST, _HIGHEST = -(2**31), 2**32 - 1


def as_boolean(value: Any) -> bool:
    """A value as a boolean, as v1 converts it: null, 0, 0.0, "", [] and {} are false, everything else true, even
    "false".
    """
    return bool(value)


def is_boolean_or_absent(params: Mapping[str, Any], name: str) -> bool:
    """Whether the parameter is a boolean or not given, which v2 accepts: it refuses every other value."""
    return isinstance(params.get(name, True), bool)


def with_boolean(params: dict[str, Any], name: str) -> dict[str, Any]:
    """The parameters with this one, if it is given, as the boolean that v1 reads; the same object if it is one."""
    return params if is_boolean_or_absent(params, name) else {**params, name: as_boolean(params[name])}


def is_empty(value: Any) -> bool:
    """Whether rippled treats a value as absent: null, "", [] and {}, but not 0 or false (its Value::operator bool)."""
    return value is None or value in ("", [], {})


def as_integer(value: Any) -> int | None:
    """A value as a 32-bit integer, also from a string of digits; None if rippled fails with `internal`."""
    if value is None:
        return 0
    if isinstance(value, str) and (digits := _DIGITS.fullmatch(value)):
        number = int(digits[1] + digits[2])
    elif isinstance(value, (bool, int, float)):
        number = int(value)
    else:
        return None
    return number if _LOWEST <= number <= _HIGHEST else None


def is_unsigned(value: Any) -> TypeGuard[int]:
    """Whether a value is an unsigned 32-bit integer, such as a ledger index."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def same_json(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; 1, 1.0 and true are not."""
    return next(json_differences(one, other), None) is None


class Difference(NamedTuple):
    """A difference of two JSON values: its `path` (`/transactions[0]/hash`, empty for the top) and both values.

    A missing member is `ABSENT`.
    """

    path: str
    one: Any
    other: Any


class _Absent:
    """The type of `ABSENT`."""

    def __repr__(self) -> str:
        return "(absent)"


ABSENT = _Absent()
"""The value of a missing member."""


def json_differences(
    one: Any, other: Any, *, ignored: Collection[str] = (), volatile: Collection[str] = (), path: str = ""
) -> Iterator[Difference]:
    """All differences of two JSON values, including types, in the order of their paths.

    `ignored`: names of members that are not compared. `volatile`: names of members that must exist with the same type,
    but may have any value. Lists of different lengths are one difference.
    """
    if type(one) is not type(other):
        yield Difference(path, one, other)
    elif isinstance(one, dict):
        for name in sorted(one.keys() | other.keys()):
            if name in ignored:
                continue
            here, there = one.get(name, ABSENT), other.get(name, ABSENT)
            if name in volatile and type(here) is type(there):
                continue
            yield from json_differences(here, there, ignored=ignored, volatile=volatile, path=f"{path}/{name}")
    elif isinstance(one, list):
        if len(one) != len(other):
            yield Difference(path, one, other)
            return
        for number, (here, there) in enumerate(zip(one, other, strict=True)):
            yield from json_differences(here, there, ignored=ignored, volatile=volatile, path=f"{path}[{number}]")
    elif one != other:
        yield Difference(path, one, other)
