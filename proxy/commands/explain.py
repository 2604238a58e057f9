"""`explain` and `changes`: what differs between API versions, from the adapters' documentation."""

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from difflib import get_close_matches

import click

from adapters import VERSIONS
from proxy.commands.output import echo_json
from proxy.envelope.methods import KNOWN_METHODS
from proxy.spec import changes as schema_changes
from proxy.spec.adapter_docs import Change, Changes, changes_between

_WIDTH = 100
_SUBSCRIBING = ("subscribe", "unsubscribe")
_json_option = click.option("--json", "lines", is_flag=True, help="Print JSON on one line, for programs.")


@click.command(short_help="Show what changed in a method.")
@click.argument("method", required=False)
@_json_option
def explain(method: str | None, lines: bool) -> None:
    """Show what changed in METHOD between API versions; without METHOD, list all methods that changed."""
    steps = changes_between(VERSIONS.oldest, VERSIONS.newest)
    found = [change for step in steps for change in _about(step, method)]
    if method is not None and not found and method not in KNOWN_METHODS:
        known = KNOWN_METHODS | VERSIONS.changed_methods()
        meant = "".join(f"; did you mean {name}?" for name in get_close_matches(method, known, n=1))
        raise click.UsageError(f"unknown method {method[:64]}{meant}")
    if lines:
        echo_json([asdict(change) for change in found], lines=True)
    elif method is None:
        _echo(_listed(found))
    else:
        _echo(_explained(method, found, steps))


@click.command(short_help="Print a changelog of two versions.")
@click.argument("older", type=int)
@click.argument("newer", type=int)
@_json_option
def changes(older: int, newer: int, lines: bool) -> None:
    """Print what changed from API version OLDER to NEWER: a changelog in Markdown, from adapters and schemas."""
    for version in (older, newer):
        if not VERSIONS.oldest <= version <= VERSIONS.newest:
            raise click.UsageError(
                f"there are adapters for versions {VERSIONS.oldest} to {VERSIONS.newest}, not {version}"
            )
    if older >= newer:
        raise click.UsageError("the older version comes first")
    steps = changes_between(older, newer)
    if lines:
        echo_json([{**asdict(step), "schemas": _of_schemas(step)} for step in steps], lines=True)
    else:
        _echo(line for step in steps for line in _changelog(step))


def _about(step: Changes, method: str | None) -> list[Change]:
    """The changes of a step in one method, or all of them."""
    found = [change for change in step.methods if method in (None, change.subject)]
    if step.pushed is not None and (method is None or method in _SUBSCRIBING):
        found.append(step.pushed)
    if step.errors is not None and method is None:
        found.append(step.errors)
    return found


def _listed(found: list[Change]) -> Iterator[str]:
    width = max(len(change.subject) for change in found)
    for change in found:
        versions = f"{change.older} to {change.newer}"
        summary = textwrap.shorten(change.text[0], _WIDTH - width - len(versions) - 4, placeholder=" …")
        yield f"{change.subject:<{width}}  {versions}  {summary}"
    yield ""
    yield "Every other method is the same in all versions. `explain METHOD` shows details."


def _explained(method: str, found: list[Change], steps: list[Changes]) -> Iterator[str]:
    if not found:
        yield f"{method} is the same in API versions {VERSIONS.oldest} to {VERSIONS.newest}."
        yield ""
    for change in found:
        subject = method if change.subject == method else f"{method}: {change.subject}"
        yield f"{subject}, API version {change.older} to {change.newer}"
        yield ""
        yield from _paragraphs(change)
        for direction in change.directions:
            yield from _wrapped(f"- {direction}", "  ")
        if change.messages:
            yield from _wrapped(f"- rewritten if their type is {', '.join(change.messages)}", "  ")
        yield ""
    errors = [step.errors for step in steps if step.errors is not None]
    for change in errors:
        yield from _wrapped(f"Errors of any method, API version {change.older} to {change.newer}:")
        yield from _paragraphs(change)


def _paragraphs(change: Change) -> Iterator[str]:
    for paragraph in (*change.text, *(f"Loss: {loss}" for loss in change.losses)):
        yield from _wrapped(paragraph)
        yield ""


def _changelog(step: Changes) -> Iterator[str]:
    yield f"# From API version {step.older} to {step.newer}"
    yield ""
    yield "## Methods"
    yield ""
    for change in step.methods:
        yield f"### {change.subject}"
        yield ""
        yield from _paragraphs(change)
    if step.errors is not None:
        yield "## Errors of any method"
        yield ""
        yield from _paragraphs(step.errors)
    if step.pushed is not None:
        yield "## Pushed messages"
        yield ""
        yield from _wrapped(
            f"Changed are the messages of type {', '.join(f'`{name}`' for name in step.pushed.messages)}."
        )
        yield ""
        yield from _paragraphs(step.pushed)
    yield "## Fields and errors, from the schemas"
    yield ""
    for found in schema_changes(step.older, step.newer):
        within = f" (in {', '.join(found.within)})" if found.within else ""
        yield from _wrapped(f"- {found}{within}", "  ")
    yield ""


def _of_schemas(step: Changes) -> list[dict[str, object]]:
    return [asdict(change) for change in schema_changes(step.older, step.newer)]


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _echo(lines: Iterator[str]) -> None:
    click.echo("\n".join(lines).rstrip("\n"))
