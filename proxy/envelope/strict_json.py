"""Strict reading of a request's bytes, as rippled's own reader reads them.

A request is parsed once, here. Whatever two parsers might read differently (a duplicate key, a lone surrogate, a number
that no integer or float can hold) is refused, so that proxy and node cannot disagree. The source is rippled's
`json_reader.cpp`; what that one accepts and this one refuses is not JSON by RFC 8259 (comments, leading zeros, raw
control characters, invalid UTF-8).

There are three readers, chosen by cost: orjson for plain requests, as nearly all are; Python code for small ones; and
`large_json`, which runs no Python code per element, for large ones.
"""

from __future__ import annotations

from typing import Any

import orjson

from proxy.envelope.large_json import MAX_ELEMENTS, count_elements, read_large
from proxy.envelope.small_json import LARGEST_INTEGER, SMALLEST_INTEGER, Position, read_small
from proxy.envelope.unreadable import RequestUnreadable, TooManyElements, decode
from proxy.envelope.written_json import (
    RawNumber,
    WrittenFloat,
    normalize_echo,
    parsed,
    write,
    write_line,
    write_sorted,
)

__all__ = [
    "MAX_DEPTH",
    "MAX_ELEMENTS",
    "RawNumber",
    "RequestUnreadable",
    "TooManyElements",
    "WrittenFloat",
    "normalize_echo",
    "parsed",
    "read",
    "write",
    "write_line",
    "write_sorted",
]

MAX_DEPTH = 25
"""How many containers may enclose a value: rippled's `kNestLimit`."""

_UNCOUNTED_BYTES = 500
"""A body of at most this many bytes cannot have many elements."""
_MOST_PLAIN, _MOST_SMALL = 4_000, 500
"""Most elements that `_read_fast` and `read_small` read, within about a millisecond."""
_PLAIN = frozenset({str, bool, type(None)})
_PLAIN_DEPTH = 3
"""Nested containers of a plain request: an object, its `params`, and their object."""


def read(
    body: bytes, *, depth: int = MAX_DEPTH, params_have_ids: bool = False, max_elements: int = MAX_ELEMENTS
) -> Any:
    """The JSON value that `body` begins with; text after it is ignored, as by rippled.

    Numbers that orjson would write differently are `RawNumber` (in an `id`) or `WrittenFloat` (elsewhere). An `id` is a
    member of the top-level object and, with `params_have_ids`, of the objects in its `params` (JSON-RPC and batch).
    Everywhere else integers are -2^31 to 2^32-1, as rippled holds them, and strings end at their first NUL.

    A document with many elements (as `count_elements` counts them) has its large inner arrays and objects as
    `orjson.Fragment`: checked in the same way, and to be written as they are. More than `max_elements` are refused.

    Raises RequestUnreadable for anything that is not an object, an array or `null` or that could be read in two ways.
    """
    elements = count_elements(body) if len(body) > _UNCOUNTED_BYTES else 0
    if depth >= _PLAIN_DEPTH and elements <= _MOST_PLAIN:
        plain = _read_fast(body)
        if plain is not None:
            return plain
    position = Position.REQUEST if params_have_ids else Position.HAS_ID
    if elements <= _MOST_SMALL:
        return read_small(decode(body), depth, position)
    return read_large(body, depth, position, elements, max_elements)


def _read_fast(body: bytes) -> dict[str, Any] | None:
    """The request if it is plain, as nearly all are, so that every parser reads it alike; else None.

    Plain: an object of strings, booleans, small integers and nulls, and of arrays of such objects, whose strings have
    neither an escape nor a colon. If there are as many colons as members, no member was given twice.
    """
    if body.find(b"\\") >= 0 or body.find(b"-0") >= 0:  # `in` first tries the pattern as a number, and raises
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
                if type(element) is not dict:
                    return None
                for member in element.values():
                    if type(member) not in _PLAIN and not _is_small_integer(member):
                        return None
                members += len(element)
        elif type(value) not in _PLAIN and not _is_small_integer(value):
            return None
    return request if body.count(b":") == members else None


def _is_small_integer(value: Any) -> bool:
    return type(value) is int and SMALLEST_INTEGER <= value <= LARGEST_INTEGER
