"""JSON for people or for programs, on standard output."""

import sys
from typing import Any

import click
import orjson

# Longer text is written without colours, which would take seconds.
_COLOURED_BYTES = 1_000_000


def echo_json(value: Any, *, lines: bool) -> None:
    """Write a JSON value on one line, or indented and, on a terminal, in colours."""
    if lines:
        click.echo(orjson.dumps(value))
        return
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    if sys.stdout.isatty() and len(text) < _COLOURED_BYTES:
        from rich.console import Console  # slow to import, and rarely needed
        from rich.json import JSON

        Console().print(JSON(text), soft_wrap=True)
    else:
        click.echo(text)
