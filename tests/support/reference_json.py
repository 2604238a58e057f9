"""A slow and simple reading of requests, to which the readers of `proxy.envelope.strict_json` are compared."""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 25


class Refused(Exception):
    """The document is not a request that can be read in one way only."""


class Number(str):
    """The token of a number."""

    __slots__ = ()


def reference(body: bytes, *, in_params: bool) -> Any:
    """The document with its numbers as they were written, strings cut at their first NUL. Raises Refused."""
    try:
        text = body.decode()
        decoder = json.JSONDecoder(
            object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=_refuse
        )
        value, _ = decoder.raw_decode(text.lstrip(" \t\r\n"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise Refused from None
    if value is not None and not isinstance(value, (dict, list)):
        raise Refused
    return _settled(value, 0, ("request",) if in_params else ("holder",))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise Refused
    return dict(pairs)


def _refuse(_: str) -> None:
    raise Refused


def _settled(value: Any, depth: int, place: tuple[str, ...]) -> Any:
    if depth > MAX_DEPTH:
        raise Refused
    in_id = place[0] == "id"
    if isinstance(value, Number):
        if not in_id:
            _check_range(value)
        return value
    if isinstance(value, str):
        return _string(value, in_id)
    if isinstance(value, list):
        inner = ("holder",) if place == ("params",) else place if in_id else ("plain",)
        return [_settled(element, depth + 1, inner) for element in value]
    if isinstance(value, dict):
        settled = {
            _string(name, in_id): _settled(member, depth + 1, _of(name, place)) for name, member in value.items()
        }
        if len(settled) != len(value):
            raise Refused
        return settled
    return value


def _of(name: str, place: tuple[str, ...]) -> tuple[str, ...]:
    name = name.partition("\0")[0]
    if place[0] == "id":
        return place
    if name == "id" and place[0] in ("request", "holder"):
        return ("id",)
    return ("params",) if name == "params" and place[0] == "request" else ("plain",)


def _string(text: str, in_id: bool) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Refused
    return text if in_id else text.partition("\0")[0]


def _check_range(number: Number) -> None:
    if number.lstrip("-").isdigit():
        if len(number) > 11 or not -(2**31) <= int(number) < 2**32:
            raise Refused
    elif not math.isfinite(float(number)):
        raise Refused
