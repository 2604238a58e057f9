"""Strict reading of a request's bytes, as rippled's own reader reads them, and the writing of JSON back out.

A request is read here once and written anew for the node, so that no two readings of it can exist: whatever two
parsers might take differently (a key given twice, a lone surrogate, a number that no integer or float can hold) is
refused. The source is rippled's `json_reader.cpp`; what that one accepts and this one refuses is not JSON by RFC 8259
(comments, leading zeros, raw control characters, invalid UTF-8).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from json import JSONDecodeError
from json.scanner import make_scanner
from typing import Any, NoReturn

import orjson

MAX_DEPTH = 25
"""How many containers may enclose a value: rippled's `kNestLimit`."""

_SMALLEST, _LARGEST = -(2**31), 2**32 - 1
_TOO_DEEP = "* Syntax error: maximum nesting depth exceeded\n"
_PLAIN = frozenset({str, bool, type(None)})
_PLAIN_DEPTH = 3
"""Containers that a plain request is made of: an object, its `params`, and their object."""
_SHOWN = 40
"""Characters of a key or number that an error quotes."""


class RequestUnreadable(ValueError):  # noqa: N818 - what has happened, not what is wrong with us
    """The bytes are no request. The text says why, in the form of rippled's `getFormattedErrorMessages`."""


@dataclass(frozen=True, slots=True)
class RawNumber:
    """A number of an `id` that must come back as it was written: `1.50`, `-0`, `1e400`, forty digits."""

    text: str


def read(body: bytes, *, depth: int = MAX_DEPTH, params_have_ids: bool = False) -> Any:
    """The JSON value that `body` begins with; text after it is ignored, as rippled does.

    Numbers inside an `id` come as `WrittenNumber` where Python would not write them back the same. An `id` is a
    member of the top-level object and, with `params_have_ids`, of the objects in its `params` (JSON-RPC and batch).
    Everywhere else integers are -2^31 to 2^32-1, as rippled holds them, and strings end at their first NUL.

    Raises RequestUnreadable for anything that is not an object, an array or `null` or that could be read in two ways.
    """
    plain = _read_fast(body) if depth >= _PLAIN_DEPTH else None
    return _read_strictly(body, depth, params_have_ids) if plain is None else plain


def _read_fast(body: bytes) -> dict[str, Any] | None:
    """The request, if it is as clients write nearly all: one that only one reading of is possible; else None.

    It is an object of texts, booleans, small integers and nulls, and of arrays of objects of such, in the strings of
    which there is neither an escape nor a colon: as many colons as members are then no member given twice.
    """
    if b"\\" in body or b"-0" in body:
        return None
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if type(request) is not dict:
        return None
    members = len(request)
    for value in request.values():
        if type(value) is list:
            for element in value:
                if type(element) is not dict or not _are_plain(element.values()):
                    return None
                members += len(element)
        elif not _are_plain((value,)):
            return None
    return request if body.count(b":") == members else None


def _are_plain(values: Iterable[Any]) -> bool:
    for value in values:  # a generator, or sets of types, take longer over the few that there are
        if type(value) not in _PLAIN and not (type(value) is int and _SMALLEST <= value <= _LARGEST):
            return False
    return True


def _read_strictly(body: bytes, depth: int, params_have_ids: bool) -> Any:
    reading = _ScannerConfig()
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        _refuse("Not valid UTF-8.", body[: error.start].decode(), error.start)
    try:
        start = len(text) - len(text.lstrip(" \t\r\n"))
        value, _ = make_scanner(reading)(text, start)  # type: ignore[arg-type]  # typeshed wants a scanner here
    except StopIteration as stop:
        _refuse("Syntax error: value, object or array expected.", text, stop.value)
    except JSONDecodeError as error:
        _refuse(f"Syntax error: {error.msg}.", text, error.pos)
    except RecursionError:
        raise RequestUnreadable(_TOO_DEEP) from None
    # A document of a plain request ends here: only these three can hold what has to be looked at again.
    if reading.has_odd_numbers or b"\\u" in body or body.count(b"[") + body.count(b"{") > depth:
        value = _normalize(value, depth, _Position.REQUEST if params_have_ids else _Position.HAS_ID)
    if value is not None and not isinstance(value, (dict, list)):
        _refuse("A valid JSON document must be either an array or an object value.", "", 0)
    return value


def write(value: Any) -> bytes:
    """`value` as JSON, compact. Numbers of an `id` are written as they were read."""
    return orjson.dumps(value, _written, orjson.OPT_PASSTHROUGH_DATACLASS)


def write_line(value: Any) -> bytes:
    """As `write`, and the end of a line."""
    return orjson.dumps(value, _written, orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_APPEND_NEWLINE)


def normalize_echo(value: Any) -> Any:
    """A value of a request as rippled writes it back: a float with 16 digits at most, and no point without need.

    json_writer.cpp of rippled: `%.16g`.
    """
    if isinstance(value, float) and math.isfinite(value):
        return RawNumber(f"{value:.16g}")
    if isinstance(value, dict):
        return {name: normalize_echo(member) for name, member in value.items()}
    return [normalize_echo(element) for element in value] if isinstance(value, list) else value


def _written(value: Any) -> orjson.Fragment:
    if isinstance(value, RawNumber):
        return orjson.Fragment(value.text)
    raise TypeError(f"{type(value).__name__} is not JSON")


class _ScannerConfig:
    """One document's settings of the C scanner of `json`, which takes them from the attributes of an object."""

    strict = True
    object_hook = None

    def __init__(self) -> None:
        self.has_odd_numbers = False

    @staticmethod
    def object_pairs_hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            times = Counter(name for name, _ in pairs)
            _refuse_twice(next(name for name, count in times.items() if count > 1))
        return members

    def parse_int(self, text: str) -> int | RawNumber:
        # The length first: int() of a very long text is slow, and refused by Python itself.
        if len(text) <= 11 and text != "-0" and _SMALLEST <= (number := int(text)) <= _LARGEST:
            return number
        self.has_odd_numbers = True
        return RawNumber(text)

    def parse_float(self, text: str) -> RawNumber:
        self.has_odd_numbers = True
        return RawNumber(text)

    @staticmethod
    def parse_constant(text: str) -> NoReturn:
        raise RequestUnreadable(f"* '{text}' is not a number.\n")


class _Position(Enum):
    """Where in a request a value stands: what is an `id`, and what holds one."""

    REQUEST = auto()
    PARAMS = auto()
    HAS_ID = auto()
    ID = auto()
    PLAIN = auto()

    def of_member(self, name: str) -> _Position:
        if self is _Position.ID:
            return _Position.ID
        if name == "id" and self in (_Position.REQUEST, _Position.HAS_ID):
            return _Position.ID
        return _Position.PARAMS if name == "params" and self is _Position.REQUEST else _Position.PLAIN

    def of_element(self) -> _Position:
        if self is _Position.ID:
            return _Position.ID
        return _Position.HAS_ID if self is _Position.PARAMS else _Position.PLAIN


def _normalize(value: Any, depth: int, place: _Position) -> Any:
    """`value` as rippled would hold it, or in an `id` as it was written. `depth` is what nesting is left."""
    if depth < 0:
        raise RequestUnreadable(_TOO_DEEP)
    if isinstance(value, dict):
        settled = {}
        for written_name, member in value.items():
            name = _settle_string(written_name, place)
            if name in settled:
                _refuse_twice(name)
            settled[name] = _normalize(member, depth - 1, place.of_member(name))
        return settled
    if isinstance(value, list):
        return [_normalize(element, depth - 1, place.of_element()) for element in value]
    if isinstance(value, str):
        return _settle_string(value, place)
    if isinstance(value, RawNumber) and place is not _Position.ID:
        return _settle_number(value.text)
    return value


def _settle_string(text: str, place: _Position) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestUnreadable("* A surrogate that is not half of a pair.\n") from None
    return text if place is _Position.ID else text.partition("\0")[0]


def _settle_number(text: str) -> int | float:
    if text == "-0":
        return 0
    if not text.lstrip("-").isdigit() and math.isfinite(number := float(text)):
        return number
    raise RequestUnreadable(f"* '{_shown(text)}' exceeds the allowable range.\n")


def _refuse_twice(name: str) -> NoReturn:
    raise RequestUnreadable(f"* Key '{_shown(name)}' appears twice.\n")


def _refuse(message: str, text: str, position: int) -> NoReturn:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    raise RequestUnreadable(f"* Line {line}, Column {column}\n  {message}\n")


def _shown(text: str) -> str:
    """`text` short and printable, for an error's text."""
    printable = text.encode("ascii", "backslashreplace").decode()
    return printable if len(printable) <= _SHOWN else f"{printable[:_SHOWN]}..."
