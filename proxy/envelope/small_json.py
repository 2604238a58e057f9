"""Strict reading of a small document: every string and number is checked in Python."""

from __future__ import annotations

import math
from collections import Counter
from enum import Enum, auto
from json.scanner import make_scanner
from typing import Any, NoReturn

import orjson

from proxy.envelope.unreadable import (
    TOO_DEEP,
    RequestUnreadable,
    parse,
    refuse_at,
    refuse_duplicate,
    refuse_number,
    refuse_surrogate,
)
from proxy.envelope.written_json import RawNumber, WrittenFloat

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**31), 2**32 - 1
"""The integers that rippled can hold."""


class Position(Enum):
    """The position of a value in a request: whether it is an `id`, or an object that has one."""

    REQUEST = auto()
    """A JSON-RPC request or batch."""
    PARAMS = auto()
    """Its `params`, whose elements are objects with an `id`."""
    HAS_ID = auto()
    """An object whose `id` is echoed: of JSON-RPC's `params`, an item of a batch, a WebSocket message."""
    ID = auto()
    ITEM_PARAMS = auto()
    """The `params` of an item of a batch: only the version and the administrator's name are read there."""
    ITEM_PARAM = auto()
    PLAIN = auto()

    def of_member(self, name: str) -> Position:
        """The position of the member `name` of an object at this position."""
        if self in _HOLDERS:
            return _HOLDERS[self].get(name, Position.PLAIN)
        return Position.ID if self is Position.ID else Position.PLAIN

    def of_element(self) -> Position:
        """The position of the elements of an array at this position."""
        return _ELEMENTS.get(self, Position.PLAIN)


_HOLDERS = {
    Position.REQUEST: {"id": Position.ID, "params": Position.PARAMS},
    Position.HAS_ID: {"id": Position.ID, "params": Position.ITEM_PARAMS},
}
_ELEMENTS = {
    Position.ID: Position.ID,
    Position.PARAMS: Position.HAS_ID,
    Position.ITEM_PARAMS: Position.ITEM_PARAM,
}


class ScannerConfig:
    """The settings and callbacks of the C scanner of `json` for one document, which it reads from an object's
    attributes.
    """

    strict = True
    object_hook = None

    def __init__(self) -> None:
        self.has_odd_numbers = False
        """Whether there is a number that `normalize` has to check."""

    @staticmethod
    def object_pairs_hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object, from its members. Raises RequestUnreadable."""
        members = dict(pairs)
        if len(members) != len(pairs):
            times = Counter(name for name, _ in pairs)
            refuse_duplicate(next(name for name, count in times.items() if count > 1))
        return members

    def parse_int(self, text: str) -> int | RawNumber:
        """An integer; as written if rippled cannot hold it."""
        # The length first: int() of a very long text is slow, and refused by Python itself.
        if len(text) <= 11 and text != "-0" and SMALLEST_INTEGER <= (number := int(text)) <= LARGEST_INTEGER:
            return number
        self.has_odd_numbers = True
        return RawNumber(text)

    def parse_float(self, text: str) -> RawNumber:
        """A number with a point or an exponent, as written."""
        self.has_odd_numbers = True
        return RawNumber(text)

    @staticmethod
    def parse_constant(text: str) -> NoReturn:
        """Refuses `NaN` and `Infinity`, which Python's own reader accepts."""
        raise RequestUnreadable(f"* '{text}' is not a number.\n")


def read_small(text: str, depth: int, position: Position) -> Any:
    """The JSON value that `text` begins with. Raises RequestUnreadable. Arguments as in `read_value`."""
    start = len(text) - len(text.lstrip(" \t\r\n"))
    value, _ = parse(text, lambda: read_value(text, start, depth, position))
    if value is not None and not isinstance(value, (dict, list)):
        refuse_at("A valid JSON document must be either an array or an object value.", "", 0)
    return value


def read_value(text: str, start: int, depth: int, position: Position) -> tuple[Any, int]:
    """The JSON value at `start`, and where it ends. `depth`: the most containers that may enclose a value in it.

    Raises RequestUnreadable and what the scanner of `json` raises.
    """
    config = ScannerConfig()
    value, end = make_scanner(config)(text, start)  # type: ignore[arg-type]  # typeshed wants a decoder here
    # Most documents are done here: only these three can contain something that has to be normalized.
    if config.has_odd_numbers or "\\u" in text or text.count("[") + text.count("{") > depth:
        value = normalize(value, depth, position)
    return value, end


def normalize(value: Any, depth: int, position: Position) -> Any:
    """`value` as rippled would hold it, or in an `id` as it was written. `depth`: the levels of nesting left."""
    if depth < 0:
        raise RequestUnreadable(TOO_DEEP)
    if isinstance(value, dict):
        normalized = {}
        for written_name, member in value.items():
            name = normalize_string(written_name, position)
            if name in normalized:
                refuse_duplicate(name)
            normalized[name] = normalize(member, depth - 1, position.of_member(name))
        return normalized
    if isinstance(value, list):
        return [normalize(element, depth - 1, position.of_element()) for element in value]
    if isinstance(value, str):
        return normalize_string(value, position)
    if isinstance(value, RawNumber) and position is not Position.ID:
        return _normalize_number(value.text)
    return value


def normalize_string(text: str, position: Position) -> str:
    """`text` up to its first NUL, where rippled's strings end; in an `id` all of it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        refuse_surrogate()
    return text if position is Position.ID else text.partition("\0")[0]


def _normalize_number(text: str) -> float:
    if text == "-0":
        return WrittenFloat(text)
    if text.lstrip("-").isdigit() or not math.isfinite(number := float(text)):
        refuse_number(text)
    return number if orjson.dumps(number) == text.encode() else WrittenFloat(text)
