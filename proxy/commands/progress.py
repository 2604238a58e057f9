"""A progress bar, for commands that make many requests."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


def progress_bar(label: str, length: int) -> "ProgressBar[int]":
    """A progress bar of `length` steps on standard error, if that is a terminal."""
    return click.progressbar(length=length, label=label, show_pos=True, file=sys.stderr, hidden=not sys.stderr.isatty())
