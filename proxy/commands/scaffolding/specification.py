"""Drafts a step's part of the specification: members of results that were added, removed, or changed their type."""

from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from adapters import JsonObject
from proxy.commands.scaffolding.methods import Exchange, MethodDraft, PushedPair, StreamDraft

_HEAD = """\
# What version {newer} changes of the specification of version {older}, drafted from a node's answers. Types are JSON's,
# and only the members of a result itself are compared. docs/development/specifications.md has the notation.

"""
Members = dict[str, set[str]]


def draft_specification(
    older: int,
    drafts: Sequence[MethodDraft],
    exchanges: Iterable[Exchange],
    streams: StreamDraft,
    pairs: Iterable[PushedPair],
) -> str:
    """The text of `specification.yaml`."""
    by_method: dict[str, list[tuple[JsonObject, JsonObject]]] = {}
    for each in exchanges:
        if "error" not in each.older and "error" not in each.newer:
            by_method.setdefault(each.method, []).append((each.older, each.newer))
    by_type: dict[str, list[tuple[JsonObject, JsonObject]]] = {}
    for pair in pairs:
        by_type.setdefault(pair.older["type"], []).append((pair.older, pair.newer))
    methods: JsonObject = {}
    for draft in drafts:
        if draft.removed:
            methods[draft.method] = None
        elif patch := _patch(by_method.get(draft.method, ())):
            methods[draft.method] = {"answer": patch}
    found: JsonObject = {}
    if methods:
        found["methods"] = methods
    messages = {kind: {"message": patch} for kind in streams.down if (patch := _patch(by_type.get(kind, ())))}
    if messages:
        found["streams"] = messages
    body = yaml.safe_dump(found, sort_keys=False, width=110) if found else "{}\n"
    return _HEAD.format(older=older, newer=older + 1) + body


def _patch(pairs: Sequence[tuple[JsonObject, JsonObject]]) -> JsonObject:
    older, newer = _members(one for one, _ in pairs), _members(other for _, other in pairs)
    always = {name for name in newer if all(name in other for _, other in pairs)}
    patch: JsonObject = {}
    for name in sorted(older.keys() | newer.keys()):
        if name[:1].isupper():  # the ledger's own, of which the specification has its types
            continue
        if name not in newer:
            patch[name] = None
        elif older.get(name) != newer[name]:
            patch[name if name in always else f"{name}?"] = " | ".join(sorted(newer[name]))
    return patch


def _members(results: Iterable[JsonObject]) -> Members:
    found: Members = {}
    for result in results:
        for name, value in result.items():
            found.setdefault(name, set()).add(_type(value))
    return found


def _type(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "none")
