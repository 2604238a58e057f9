"""Strict reading of a document with many elements, without Python code per element.

The members that the proxy itself needs (of the request, of its `params`, of the items of a batch) are read one by one,
up to a limit. Their values are checked by the C scanner of `json`, whose callbacks are methods of lists, then by C
functions over what these collected, and are passed on as text, unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]  # json's own, in C
from json.scanner import make_scanner
from math import isinf
from operator import itemgetter
from typing import Any, NoReturn

import orjson

from proxy.envelope.small_json import (
    LARGEST_INTEGER,
    SMALLEST_INTEGER,
    Position,
    ScannerConfig,
    normalize,
    normalize_string,
    read_small,
    read_value,
)
from proxy.envelope.unreadable import (
    TOO_DEEP,
    RequestUnreadable,
    TooManyElements,
    decode,
    parse,
    refuse_duplicate,
    refuse_number,
    refuse_surrogate,
)

MAX_ELEMENTS = 65_536
"""Most elements of a request, as `count_elements` counts them; they are checked in about 10 milliseconds."""
_MOST_MEMBERS = 4_000
"""Most members and elements that are read one by one."""
_PARSED_ELEMENTS = 1_000
"""Most elements of inner arrays and objects that are parsed, in total; larger ones stay text."""

_CONVERTED_TOGETHER = 4_096
"""Numbers that are parsed together."""

_MEMBER_COST, _CONTAINER_COST = 4, 8
_NOT_STRUCTURE = bytes(set(range(256)) - set(b",:[{"))
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ROUND = bytes.maketrans(b"[]{}", b"()()")
_WHITESPACE = b" \t\r\n"

_SPACE = re.compile(r"[ \t\r\n]*+")
_NAME = re.compile(r'"([^"\\\x00-\x1f]*+)"[ \t\r\n]*+:[ \t\r\n]*+')
"""A member's name without escapes, up to its value."""
_IN_STRING = bytes.maketrans(b'"\t\r\n', b"    ")

_OBJECTS = frozenset({Position.REQUEST, Position.HAS_ID, Position.ITEM_PARAM})
_ARRAYS = frozenset({Position.PARAMS, Position.ITEM_PARAMS})
"""Positions whose members and elements are read one by one."""


def count_elements(document: bytes) -> int:
    """An upper bound of a document's cost: each value counts 1, as a member of an object 4, as a container 8 more.

    Commas, colons and brackets inside strings are counted too.
    """
    structure = document.translate(None, _NOT_STRUCTURE)
    containers = structure.count(b"[") + structure.count(b"{")
    return len(structure) + (_MEMBER_COST - 1) * structure.count(b":") + (_CONTAINER_COST - 1) * containers


def read_large(body: bytes, depth: int, position: Position, elements: int, max_elements: int) -> Any:
    """The JSON value that `body` begins with. `elements` as counted; other arguments as in `strict_json.read`.

    An array at the top, which is not a request, is returned empty.
    """
    structure = None
    if elements > max_elements:
        structure = _structure(body, elements, max_elements)
        elements = elements if structure is None else count_elements(structure)
        if elements > max_elements:
            raise TooManyElements(
                f"* {elements} elements, more than the {max_elements} that are allowed "
                "(a member of an object counts 4, an array or object 8).\n"
            )
    text = decode(body)
    start = _skip_space(text, 0)
    if text[start : start + 1] not in ("{", "["):
        return read_small(text, depth, position)
    reader = _Reader(text, depth, structure)
    value, end = parse(text, lambda: reader.document(start, position))
    reader.check(end)
    return value


class _Collector:
    """Settings of the C scanner that collect what has to be checked; its own result is not used."""

    strict = True
    object_hook = None

    def __init__(self) -> None:
        self.objects: list[list[tuple[str, Any]]] = []
        self.integers: list[str] = []
        self.floats: list[str] = []
        self.object_pairs_hook = self.objects.append
        self.parse_int = self.integers.append
        self.parse_float = self.floats.append

    @staticmethod
    def parse_constant(text: str) -> NoReturn:
        raise RequestUnreadable(f"* '{text}' is not a number.\n")


class _Reader:
    """Reads one document. Its methods raise RequestUnreadable and what the scanner of `json` raises."""

    def __init__(self, text: str, depth: int, structure: bytes | None) -> None:
        self._text = text
        self._depth = depth
        self._structure = structure  # of the whole text, if it is known
        self._plain, self._ids = _Collector(), _Collector()
        self._scan = make_scanner(self._plain)  # type: ignore[arg-type]  # typeshed wants a decoder here
        self._scan_id = make_scanner(self._ids)  # type: ignore[arg-type]
        self._scan_scalar = make_scanner(ScannerConfig())  # type: ignore[arg-type]
        self._members = 0
        self._parsed = 0

    def document(self, start: int, position: Position) -> tuple[Any, int]:
        """The object or array at `start`, and where it ends."""
        if self._text[start] == "{":
            return self._object(start, position)
        return [], self._scan(self._text, start)[1]

    def _value(self, start: int, position: Position) -> tuple[Any, int]:
        first = self._text[start : start + 1]
        if first == "{":
            return self._object(start, position) if position in _OBJECTS else self._container(start, position)
        if first == "[":
            return self._array(start, position) if position in _ARRAYS else self._container(start, position)
        value, end = self._scan_scalar(self._text, start)
        return (value if type(value) is int else normalize(value, 0, position)), end

    def _container(self, start: int, position: Position) -> tuple[Any, int]:
        in_id = position is Position.ID
        _, end = (self._scan_id if in_id else self._scan)(self._text, start)
        content = self._text[start:end].encode()
        if self._parsed < _PARSED_ELEMENTS:
            self._parsed += count_elements(content)
            if self._parsed <= _PARSED_ELEMENTS:
                return read_value(self._text[start:end], 0, self._depth, position)[0], end
        return orjson.Fragment(content), end

    def _object(self, start: int, position: Position) -> tuple[dict[str, Any], int]:
        text, members = self._text, dict[str, Any]()
        at = _skip_space(text, start + 1)
        if text[at : at + 1] == "}":
            return members, at + 1
        while True:
            name, at = self._name(at)
            name = normalize_string(name, position)
            if name in members:
                refuse_duplicate(name)
            self._count_member()
            members[name], at = self._value(at, position.of_member(name))
            at = _skip_space(text, at)
            if text[at : at + 1] == "}":
                return members, at + 1
            if text[at : at + 1] != ",":
                raise JSONDecodeError("Expecting ',' delimiter", text, at)
            at = _skip_space(text, at + 1)

    def _name(self, start: int) -> tuple[str, int]:
        """A member's name, and where its value begins."""
        if (match := _NAME.match(self._text, start)) is not None:
            return match[1], match.end()
        if self._text[start : start + 1] != '"':
            raise JSONDecodeError("Expecting property name enclosed in double quotes", self._text, start)
        name, end = scanstring(self._text, start + 1, True)
        end = _skip_space(self._text, end)
        if self._text[end : end + 1] != ":":
            raise JSONDecodeError("Expecting ':' delimiter", self._text, end)
        return name, _skip_space(self._text, end + 1)

    def _array(self, start: int, position: Position) -> tuple[list[Any], int]:
        text, elements, inner = self._text, list[Any](), position.of_element()
        at = _skip_space(text, start + 1)
        if text[at : at + 1] == "]":
            return elements, at + 1
        while True:
            self._count_member()
            element, at = self._value(at, inner)
            elements.append(element)
            at = _skip_space(text, at)
            if text[at : at + 1] == "]":
                return elements, at + 1
            if text[at : at + 1] != ",":
                raise JSONDecodeError("Expecting ',' delimiter", text, at)
            at = _skip_space(text, at + 1)

    def _count_member(self) -> None:
        self._members += 1
        if self._members > _MOST_MEMBERS:
            raise TooManyElements(f"* More than {_MOST_MEMBERS} parameters.\n")

    def check(self, end: int) -> None:
        """Refuse what the scanner accepts: depth, duplicate keys, numbers out of range, lone surrogates.

        `end`: where the document ends.
        """
        document = self._text[:end]
        if document.count("[") + document.count("{") > self._depth:
            structure = self._structure if end == len(self._text) else None
            if structure is None:
                structure = _without_strings(document.encode())
            if _is_deeper(structure, self._depth):
                raise RequestUnreadable(TOO_DEEP)
        _check_objects(self._ids.objects)
        _check_objects(self._plain.objects)
        # Outside an `id`, rippled's names end at a NUL; no valid name has one.
        names = map(itemgetter(0), chain.from_iterable(self._plain.objects))
        if "\\u0000" in document and "\0" in "".join(names):
            raise RequestUnreadable("* A key that has a NUL.\n")
        _check_numbers(self._plain)
        if "\\ud" in document or "\\uD" in document:
            _check_surrogates(document.encode())


def _skip_space(text: str, start: int) -> int:
    return _SPACE.match(text, start).end()  # type: ignore[union-attr]  # it always matches


def _check_objects(objects: list[list[tuple[str, Any]]]) -> None:
    if sum(map(len, objects)) == sum(map(len, map(dict, objects))):
        return
    seen = set[str]()
    for name, _ in next(members for members in objects if len(dict(members)) != len(members)):
        if name in seen:
            refuse_duplicate(name)
        seen.add(name)


def _check_numbers(numbers: _Collector) -> None:
    for some in _in_parts(numbers.integers):
        integers = _converted(some)
        if min(integers) < SMALLEST_INTEGER or max(integers) > LARGEST_INTEGER:
            refuse_number(next(number for number in some if _is_out_of_range(number)))
    for some in _in_parts(numbers.floats):
        _converted(some)


def _in_parts(numbers: list[str]) -> Iterator[list[str]]:
    """Some at a time, so that little memory is needed for their values."""
    for start in range(0, len(numbers), _CONVERTED_TOGETHER):
        yield numbers[start : start + _CONVERTED_TOGETHER]


def _converted(numbers: list[str]) -> list[float]:
    """Parse the numbers with orjson, integers beyond 64 bits as floats. Refuses what no float can hold."""
    try:
        values: list[float] = orjson.loads(f"[{','.join(numbers)}]")
    except orjson.JSONDecodeError:
        refuse_number(next(number for number in numbers if isinf(float(number))))
    return values


def _is_out_of_range(integer: str) -> bool:
    return not SMALLEST_INTEGER <= float(integer) <= LARGEST_INTEGER


def _check_surrogates(document: bytes) -> None:
    """Refuse lone surrogates: orjson parses the contents of all strings of `document` as one string."""
    strings = document.replace(b"\\\\", b"  ").replace(b'\\"', b"  ").translate(_IN_STRING)
    try:
        orjson.loads(b'"%b"' % strings)
    except orjson.JSONDecodeError:
        refuse_surrogate()


def _structure(document: bytes, elements: int, max_elements: int) -> bytes | None:
    """`document` as `_without_strings` has it; `elements` is the count with those inside strings.

    None if they are more than `max_elements` even without those, or if there are too many strings.
    """
    document = _without_escapes(document)
    if document.count(b'"') > max_elements:
        return None
    parts = document.split(b'"')
    if elements - sum(map(len, parts[1::2])) * _CONTAINER_COST > max_elements:
        return None
    return b"0".join(parts[::2])


def _without_escapes(document: bytes) -> bytes:
    """`document` without escaped quotation marks: each that is left starts or ends a string."""
    return document.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in document else document


def _without_strings(document: bytes) -> bytes:
    """`document` with `0` in place of each string. Invalid JSON stays invalid."""
    return b"0".join(_without_escapes(document).split(b'"')[::2])


def _is_deeper(structure: bytes, depth: int) -> bool:
    """Whether more than `depth` containers enclose a value or an empty container: of JSON without its strings."""
    structure = structure.translate(None, _WHITESPACE)
    brackets = structure.replace(b"[]", b"").replace(b"{}", b"").translate(_ROUND, _NOT_BRACKETS)
    for _ in range(depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"()", b"")
    return bool(brackets)
