"""Writing JSON, with numbers as the client wrote them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import orjson

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS


@dataclass(slots=True)
class RawNumber:
    """A number in an `id` that must be returned as it was written: `1.50`, `-0`, `1e400`, forty digits."""

    text: str


class WrittenFloat(float):
    """A number that is written as the client wrote it, where orjson would write it otherwise: `1e15`, `1.50`, `-0`.

    orjson writes `1e15` as `1000000000000000.0`: a request could grow beyond what a node accepts.
    """

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> WrittenFloat:
        """The number in the JSON token `text`; `-0` is the integer 0 to rippled."""
        number = super().__new__(cls, 0 if text == "-0" else text)
        number.text = text
        return number


def write(value: Any) -> bytes:
    """`value` as compact JSON, with numbers as the client wrote them."""
    return orjson.dumps(value, _written, _OPTIONS)


def write_line(value: Any) -> bytes:
    """As `write`, with a line end."""
    return orjson.dumps(value, _written, _OPTIONS | orjson.OPT_APPEND_NEWLINE)


def write_sorted(value: Any) -> bytes:
    """As `write`, with the members of each object sorted by name, so that equal values give equal bytes."""
    return orjson.dumps(value, _written, _OPTIONS | orjson.OPT_SORT_KEYS)


def normalize_echo(value: Any) -> Any:
    """A value of a request as rippled writes it back: floats with at most 16 digits, and no point without need.

    The source is rippled's json_writer.cpp (`%.16g`). Text that was not parsed is echoed as it is.
    """
    if isinstance(value, float) and math.isfinite(value):
        return RawNumber(f"{value:.16g}")
    if isinstance(value, dict):
        return {name: normalize_echo(member) for name, member in value.items()}
    return [normalize_echo(element) for element in value] if isinstance(value, list) else value


def parsed(value: Any) -> Any:
    """`value`, parsed if it is an array or object of a large request that was left as text."""
    return orjson.loads(orjson.dumps(value)) if isinstance(value, orjson.Fragment) else value


def _written(value: Any) -> orjson.Fragment:
    if isinstance(value, (RawNumber, WrittenFloat)):
        return orjson.Fragment(value.text)
    raise TypeError(f"{type(value).__name__} is not JSON")
