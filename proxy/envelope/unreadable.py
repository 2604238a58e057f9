"""The error for bytes that are not a request, worded as rippled's JSON reader words it."""

from __future__ import annotations

from collections.abc import Callable
from json import JSONDecodeError
from typing import NoReturn, TypeVar

TOO_DEEP = "* Syntax error: maximum nesting depth exceeded\n"
_SHOWN = 40
"""Most characters of a key or number that an error quotes."""

T = TypeVar("T")


class RequestUnreadable(ValueError):
    """The bytes are not a request. The text says why, in the form of rippled's `getFormattedErrorMessages`."""


class TooManyElements(RequestUnreadable):
    """The request has more elements than are allowed, whatever they are."""


def parse(text: str, read: Callable[[], T]) -> T:
    """The result of `read`, which parses `text` with functions of `json`; their errors become RequestUnreadable."""
    try:
        return read()
    except StopIteration as stop:
        refuse_at("Syntax error: value, object or array expected.", text, stop.value)
    except JSONDecodeError as error:
        refuse_at(f"Syntax error: {error.msg}.", text, error.pos)
    except RecursionError:
        raise RequestUnreadable(TOO_DEEP) from None


def decode(body: bytes) -> str:
    """The text of `body`. Raises RequestUnreadable if it is not UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        refuse_at("Not valid UTF-8.", body[: error.start].decode(), error.start)


def refuse_at(message: str, text: str, position: int) -> NoReturn:
    """Raises RequestUnreadable with the line and column of `position` in `text`."""
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    raise RequestUnreadable(f"* Line {line}, Column {column}\n  {message}\n")


def refuse_duplicate(name: str) -> NoReturn:
    """Raises RequestUnreadable for an object that has the key `name` twice."""
    raise RequestUnreadable(f"* Key '{_shown(name)}' appears twice.\n")


def refuse_number(number: str) -> NoReturn:
    """Raises RequestUnreadable for a number that rippled cannot hold."""
    raise RequestUnreadable(f"* '{_shown(number)}' exceeds the allowable range.\n")


def refuse_surrogate() -> NoReturn:
    """Raises RequestUnreadable for an escape sequence that is half of a character."""
    raise RequestUnreadable("* A surrogate that is not half of a pair.\n")


def _shown(text: str) -> str:
    """`text`, shortened and printable."""
    printable = text[: _SHOWN + 1].encode("ascii", "backslashreplace").decode()
    return printable if len(printable) <= _SHOWN else f"{printable[:_SHOWN]}..."
