"""Which ledgers a request names by number, and whether a node has them."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

_TAIL_BYTES = 512
_LEDGER_INDEX = b'"ledger_index":'
_DIGITS = re.compile(rb"\d{1,10}(?=[,}])")
LEDGER_PARAMS = frozenset(
    {"ledger_index", "ledger", "ledger_index_min", "ledger_index_max", "min_ledger", "max_ledger"}
)
"""Parameters that name ledgers, in any version."""


class LedgerRange(NamedTuple):
    """Ledgers by their index, both ends included."""

    first: int
    last: int


def requested_ledgers(params: Mapping[str, Any]) -> LedgerRange | None:
    """The ledgers that a request needs; None if its parameters name none by number.

    Looks at `ledger_index` (and the old `ledger`), `ledger_index_min` and `_max` of `account_tx`, `min_ledger` and
    `max_ledger` of `tx`. Of a range with an open end only the given end is needed.
    """
    if LEDGER_PARAMS.isdisjoint(params):
        return None
    for name in ("ledger_index", "ledger"):
        index = _index(params.get(name))
        if index is not None:
            return LedgerRange(index, index)
    for first_name, last_name in (("ledger_index_min", "ledger_index_max"), ("min_ledger", "max_ledger")):
        first, last = _index(params.get(first_name)), _index(params.get(last_name))
        if first is not None or last is not None:
            return LedgerRange(first or last or 0, last or first or 0)
    return None


def has_ledgers(complete_ledgers: str | None, wanted: LedgerRange, newest: int = 0) -> bool:
    """Whether a node that reports these `complete_ledgers` (`32570-4000,5000-91234567`) has all of `wanted`.

    `newest`: a validated ledger that it has shown to have since; it then has those from its last range up to it.
    """
    ranges = _ranges(complete_ledgers or "")
    if any(first <= wanted.first and wanted.last <= last for first, last in ranges):
        return True
    return bool(ranges) and ranges[-1].first <= wanted.first and wanted.last <= newest


def validated_ledger_in(body: bytes) -> int | None:
    """The `ledger_index` of a result from a validated ledger, found without parsing it; None if there is none.

    rippled writes members in the order of their names, so that it is near the end.
    """
    if body.rfind(b'"validated":true', -_TAIL_BYTES) < 0:
        return None
    place = body.rfind(_LEDGER_INDEX, -_TAIL_BYTES)
    found = _DIGITS.match(body, place + len(_LEDGER_INDEX)) if place >= 0 else None
    return int(found[0]) if found else None


@lru_cache(maxsize=256)
def _ranges(complete_ledgers: str) -> tuple[LedgerRange, ...]:
    ranges = []
    for part in complete_ledgers.split(","):
        first, _, last = part.strip().partition("-")
        if _is_number(first) and (not last or _is_number(last)):  # `empty` has none
            ranges.append(LedgerRange(int(first), int(last or first)))
    return tuple(ranges)


def _index(value: object) -> int | None:
    if isinstance(value, str) and _is_number(value):
        value = int(value)
    return value if type(value) is int and value > 0 else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10
