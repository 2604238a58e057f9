"""The adapters' own documentation: which methods changed between two versions, how, and what is lost."""

import inspect
from dataclasses import dataclass

from adapters import VERSIONS
from adapters.adapter import ErrorAdapter, MethodAdapter, Step, StreamAdapter

_LOSS = "Loss: "


@dataclass(frozen=True, slots=True)
class Direction:
    """How a client is served from a node of the neighbouring version."""

    client: int
    node: int
    request_rewritten: bool
    result_rewritten: bool
    converses: bool
    """The adapter decides on the node requests: one or several, others, or none."""

    def __str__(self) -> str:
        done = [
            words
            for words, holds in (
                ("the request is rewritten", self.request_rewritten),
                ("the result is rewritten", self.result_rewritten),
                ("the adapter makes the node requests that it needs", self.converses),
            )
            if holds
        ]
        return f"v{self.client} client, v{self.node} node: {'; '.join(done) or 'unchanged'}"


@dataclass(frozen=True, slots=True)
class Change:
    """What changed from version `older` to `newer` in a method, in the errors of any method, or in pushed messages."""

    subject: str
    older: int
    newer: int
    text: tuple[str, ...]
    """The description, in paragraphs."""
    losses: tuple[str, ...]
    """What cannot be converted exactly for a client of the other version, and the choice made."""
    directions: tuple[Direction, ...] = ()
    messages: tuple[str, ...] = ()
    """The types of pushed messages that are rewritten."""


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes between two neighbouring versions."""

    older: int
    newer: int
    methods: tuple[Change, ...]
    errors: Change | None
    pushed: Change | None


def changes_between(older: int, newer: int) -> list[Changes]:
    """The changes from one version up to another, step by step. Raises ValueError if there are no such steps."""
    return [_changes_of(step) for step in VERSIONS.route(older, newer)]


def _changes_of(step: Step) -> Changes:
    methods = tuple(_of_method(step, step.methods[name]) for name in sorted(step.methods))
    errors = pushed = None
    if type(step.errors) is not ErrorAdapter:
        errors = Change("errors", step.older, step.newer, *_docstring_parts(step.errors, ErrorAdapter))
    if messages := tuple(sorted(step.streams.downgrades.keys() | step.streams.upgrades.keys())):
        pushed = Change(
            "pushed messages", step.older, step.newer, *_docstring_parts(step.streams, StreamAdapter), messages=messages
        )
    return Changes(step.older, step.newer, methods, errors, pushed)


def _of_method(step: Step, adapter: MethodAdapter) -> Change:
    directions = (
        _direction(adapter, step.older, step.newer, "upgrade_request", "downgrade", "serve_older"),
        _direction(adapter, step.newer, step.older, "downgrade_request", "upgrade", "serve_newer"),
    )
    return Change(
        adapter.method, step.older, step.newer, *_docstring_parts(adapter, MethodAdapter), directions=directions
    )


def _direction(adapter: MethodAdapter, client: int, node: int, request: str, convert: str, serve: str) -> Direction:
    def overridden(name: str) -> bool:
        return getattr(type(adapter), name) is not getattr(MethodAdapter, name)

    converted = overridden(f"{convert}_result") or overridden(f"{convert}_error")
    return Direction(client, node, overridden(request), converted, overridden(serve))


def _docstring_parts(adapter: object, base: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paragraphs of an adapter's docstring, and of its bases in its package, and the losses among them."""
    paragraphs: list[str] = []
    for kind in type(adapter).__mro__:
        if kind is base:
            break
        paragraphs += [" ".join(part.split()) for part in inspect.cleandoc(kind.__doc__ or "").split("\n\n")]
    filled = [part for part in paragraphs if part]
    losses = tuple(part.removeprefix(_LOSS) for part in filled if part.startswith(_LOSS))
    return tuple(part for part in filled if not part.startswith(_LOSS)), losses
