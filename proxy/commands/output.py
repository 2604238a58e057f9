"""What commands write to standard output: JSON for people or for programs, and tables."""

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import click
import orjson


def echo_json(value: Any, *, lines: bool) -> None:
    """Write a JSON value on one line, or indented."""
    click.echo(orjson.dumps(value, option=0 if lines else orjson.OPT_INDENT_2))


def table(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> Iterator[str]:
    """The lines of a table; `right`: the columns that are aligned to the right."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = []
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - _width(cell))
            cells.append(space + cell if column in right else cell + space)
        yield "  ".join(cells).rstrip()


def _width(text: str) -> int:
    """The columns of a terminal that a text takes (UAX 11)."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )
