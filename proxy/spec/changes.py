"""What changed between two API versions, found by comparing their schemas."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from proxy.spec.fields import Fields, common_tokens, fields, tokens, types, used
from proxy.spec.schemas import Schemas, schemas

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
    before, after = schemas(older), schemas(newer)
    if older >= newer:
        raise ValueError(f"version {newer} does not come after version {older}")
    found = [*_of_tokens(ANY_METHOD, common_tokens(before), common_tokens(after))]
    for method in sorted({*before.methods, *after.methods}):
        found += _of_method(method, before, after)
    for kind in sorted({*before.streams, *after.streams}):
        then, now = (fields(each, each.streams[kind]) if kind in each.streams else {} for each in (before, after))
        found += _of_fields(kind, "message", then, now)
    older_types, newer_types = types(before), types(after)
    for name in (name for name in newer_types if name in older_types):
        then, now = fields(before, older_types[name]), fields(after, newer_types[name])
        for change in _of_fields(name, "type", then, now):
            found.append(replace(change, within=_within(name, before, after)))
    return found


def _within(name: str, *versions: Schemas) -> tuple[str, ...]:
    """The methods and pushed messages that contain the type, in either of two versions."""
    found = set()
    for each in versions:
        found |= {
            method
            for method, names in each.methods.items()
            if any(name in used(each, part) for part in (names.request, names.success, names.error))
        }
        found |= {kind for kind, schema in each.streams.items() if name in used(each, schema)}
    return tuple(sorted(found))


def _of_method(method: str, before: Schemas, after: Schemas) -> Iterator[Change]:
    then, now = before.methods.get(method), after.methods.get(method)
    if then is None or now is None:
        if then is not now:
            yield Change(method, "method", "added" if then is None else "removed")
        return
    yield from _of_fields(method, "request", fields(before, then.request), fields(after, now.request))
    yield from _of_fields(method, "answer", fields(before, then.success), fields(after, now.success))
    yield from _of_tokens(method, tokens(before, then.error), tokens(after, now.error))


def _of_tokens(subject: str, then: list[str], now: list[str]) -> Iterator[Change]:
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
