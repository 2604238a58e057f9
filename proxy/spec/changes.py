"""What changed between two API versions, found by comparing their documents."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from proxy.spec.asyncapi import asyncapi
from proxy.spec.reading import Fields, Method, Reading

Part = Literal["method", "request", "answer", "error", "message", "type"]
Kind = Literal["added", "removed", "changed"]
ANY_METHOD = "any method"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `subject` is a method, the `type` of a pushed message, a type of the schemas, or ANY_METHOD.

    `path` is the field's, such as `transactions[].tx_json`, or an error's token; empty for the method itself. `before`
    and `after` are the field's type, or empty. `within` names the methods and the pushed messages that contain a type.
    """

    subject: str
    part: Part
    kind: Kind
    path: str = ""
    before: str = ""
    after: str = ""
    within: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.path:
            return f"{self.subject}: the method was {self.kind}"
        details = {"added": f" ({self.after})", "removed": "", "changed": f" from {self.before} to {self.after}"}
        detail = "" if self.part == "error" or self.path.endswith(")") else details[self.kind]
        return f"{self.subject}: {self.part}: {self.path} {self.kind}{detail}"


def changes(older: int, newer: int) -> list[Change]:
    """What changed from one version to a newer one: methods in their order, then pushed messages, then types.

    A field that was added or removed is listed without those inside it; a type that changed is listed once, not
    everywhere it occurs. Raises ValueError for a version without a specification, and if `newer` is not after `older`.
    """
    if older >= newer:
        raise ValueError(f"version {newer} does not come after version {older}")
    before, after = Reading(asyncapi(older)), Reading(asyncapi(newer))
    found = [*_of_tokens(ANY_METHOD, before.common_errors, after.common_errors)]
    for method in sorted({*before.methods, *after.methods}):
        found += _of_method(method, before.methods.get(method), after.methods.get(method))
    for kind in sorted({*before.messages, *after.messages}):
        then, now = (each.messages[kind][1] if kind in each.messages else {} for each in (before, after))
        found += _of_fields(kind, "message", then, now)
    for name in sorted(before.types.keys() & after.types.keys()):
        for change in _of_fields(name, "type", before.types[name].fields, after.types[name].fields):
            found.append(replace(change, within=_within(name, before, after)))
    return found


def _within(name: str, *versions: Reading) -> tuple[str, ...]:
    """The methods and pushed messages that contain the type, in either of two versions."""
    found: set[str] = set()
    for each in versions:
        containing = {name}
        while more := {other for other, type_ in each.types.items() if type_.refers_to & containing} - containing:
            containing |= more
        for method, parts in each.methods.items():
            if any(each.mentioned(fields) & containing for fields in (parts.request, parts.result)):
                found.add(method)
        found |= {kind for kind, (_, fields) in each.messages.items() if each.mentioned(fields) & containing}
    return tuple(sorted(found))


def _of_method(method: str, then: Method | None, now: Method | None) -> Iterator[Change]:
    if then is None or now is None:
        yield Change(method, "method", "added" if then is None else "removed")
        return
    yield from _of_fields(method, "request", then.request, now.request)
    yield from _of_fields(method, "answer", then.result, now.result)
    yield from _of_tokens(method, then.errors, now.errors)


def _of_tokens(subject: str, then: Collection[str], now: Collection[str]) -> Iterator[Change]:
    for token in sorted({*then, *now}):
        if token not in now:
            yield Change(subject, "error", "removed", token)
        elif token not in then:
            yield Change(subject, "error", "added", token)


def _of_fields(subject: str, part: Part, then: Fields, now: Fields) -> Iterator[Change]:
    listed: list[str] = []
    for path in dict.fromkeys((*then, *now)):
        if path.startswith(tuple(listed)):
            continue
        if path not in now:
            yield Change(subject, part, "removed", path, before=str(then[path]))
        elif path not in then:
            yield Change(subject, part, "added", path, after=str(now[path]))
        elif str(then[path]) != str(now[path]):
            yield Change(subject, part, "changed", path, str(then[path]), str(now[path]))
            continue
        else:
            continue
        listed += (f"{path}.", f"{path}[")
