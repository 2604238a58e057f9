"""Durations and sizes with a unit, such as `30s` and `1MiB`, in addition to plain seconds and bytes; and days."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import Field

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_NUMBER = r"(?:0|[1-9][0-9]{0,11})"
_DURATION = rf"^({_NUMBER}(?:\.[0-9]{{1,6}})?)({'|'.join(_SECONDS)})$"
_SIZE = rf"^({_NUMBER})({'|'.join(_BYTES)})$"


def read_duration(value: object) -> object:
    """Convert a text such as `500ms`, `30s`, `5m`, `2h` or `1d` to seconds; return any other value unchanged."""
    match = re.fullmatch(_DURATION, value, re.ASCII) if isinstance(value, str) else None
    return value if match is None else round(float(match[1]) * _SECONDS[match[2]], 9)


def read_size(value: object) -> object:
    """Convert a text such as `10kB` (10,000), `64KiB` (65,536) or `1MiB` to bytes; return any other value unchanged."""
    match = re.fullmatch(_SIZE, value, re.ASCII) if isinstance(value, str) else None
    return value if match is None else int(match[1]) * _BYTES[match[2]]


def duration_schema(lowest: float, highest: float) -> Any:
    """The type that describes a duration in the JSON Schema: seconds, or a text with a unit."""
    return Annotated[float, Field(ge=lowest, le=highest)] | Annotated[str, Field(pattern=_DURATION)]


def size_schema(lowest: int, highest: int) -> Any:
    """The type that describes a size in the JSON Schema: bytes, or a text with a unit."""
    return Annotated[int, Field(ge=lowest, le=highest)] | Annotated[str, Field(pattern=_SIZE)]


def read_date(value: object) -> object:
    """Read a day written as 2027-06-30, the only form of ISO 8601 accepted here. Raises ValueError."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return date.fromisoformat(value)
    if type(value) is date:
        return value
    raise ValueError("not a day")
