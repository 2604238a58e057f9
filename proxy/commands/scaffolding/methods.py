"""Derives the changes of each method between two versions from its exchanges, including errors and strictness."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, ClassVar, NamedTuple

from adapters import JsonObject
from adapters.adapter import MethodAdapter, StreamAdapter
from adapters.json_values import is_unsigned
from adapters.reshaping import (
    ERROR_MEMBERS,
    ErrorChange,
    Place,
    RemovedMethod,
    ReshapingAdapter,
    Shape,
    Strict,
    message_change,
)
from proxy.commands.scaffolding.learning import Example, Headers, learn, same

UNCHANGED = Shape()
_ALMOST_ALL = 0.9
_TYPES, _REFUSALS = 2, 3
"""Types of values, or refusals, that are enough to say that it is for its type that a parameter is refused."""


class Exchange(NamedTuple):
    """A node's responses to the same request in the older and in the newer version, without envelopes."""

    method: str
    params: JsonObject
    older: JsonObject
    newer: JsonObject


class PushedPair(NamedTuple):
    """A stream message in both versions."""

    older: JsonObject
    newer: JsonObject


@dataclass(frozen=True, slots=True)
class MethodDraft:
    """The changes of a method; `questions` are open ones, each with its evidence."""

    method: str
    down: Shape = UNCHANGED
    up: Shape = UNCHANGED
    strict: tuple[Strict, ...] = ()
    down_errors: tuple[ErrorChange, ...] = ()
    up_errors: tuple[ErrorChange, ...] = ()
    errors_have_data: bool = False
    removed: bool = False
    added: bool = False
    questions: tuple[str, ...] = ()

    def adapter(self) -> MethodAdapter:
        """The draft as an adapter."""
        members: dict[str, Any] = {"method": self.method, "down": self.down, "up": self.up, "strict": self.strict}
        members |= {"down_errors": self.down_errors, "up_errors": self.up_errors}
        members["errors_have_data"] = self.errors_have_data
        base = RemovedMethod if self.removed else ReshapingAdapter
        made: MethodAdapter = type("Drafted", (base,), members)()
        return made


@dataclass(frozen=True, slots=True)
class StreamDraft:
    """The changes of pushed messages, by type."""

    down: Mapping[str, Shape] = field(default_factory=dict)
    up: Mapping[str, Shape] = field(default_factory=dict)

    def adapter(self) -> StreamAdapter:
        """The draft as an adapter."""
        down = {kind: message_change(shape) for kind, shape in self.down.items()}
        up = {kind: message_change(shape) for kind, shape in self.up.items()}

        class Drafted(StreamAdapter):
            downgrades: ClassVar = down
            upgrades: ClassVar = up

        return Drafted()


def draft_method(method: str, exchanges: Sequence[Exchange], headers: Headers) -> MethodDraft | None:
    """The changes of a method; None if there are none."""
    if all(same(each.older, each.newer) for each in exchanges):
        return None
    if all(each.newer.get("error") == "unknownCmd" for each in exchanges):
        return MethodDraft(method, removed=True)
    if all(each.older.get("error") == "unknownCmd" for each in exchanges):
        return MethodDraft(method, added=True)
    strict = tuple(_strict(exchanges))
    loose = [each for each in exchanges if not _is_refused(each, strict)]
    both = [each for each in loose if "error" not in each.older and "error" not in each.newer]
    down, up = _shapes(both, headers)
    with_data = [(each.newer, each.older) for each in exchanges if _has_data(each.newer) and _has_data(each.older)]
    return MethodDraft(
        method,
        down=down,
        up=up,
        strict=strict,
        errors_have_data=_reshapes(down, [pair for pair in with_data if not same(*map(_data_of, pair))]),
        down_errors=tuple(_error_changes([(each.newer, each.older) for each in loose])),
        up_errors=tuple(_error_changes([(each.older, each.newer) for each in loose])),
    )


def _shapes(both: Sequence[Exchange], headers: Headers) -> tuple[Shape, Shape]:
    if all(same(each.older, each.newer) for each in both):
        return UNCHANGED, UNCHANGED
    down = learn([Example(Place(each.newer, None, each.params), each.older) for each in both], headers)
    up = learn([Example(Place(each.older, None, each.params), each.newer) for each in both], headers)
    return down, up


def draft_streams(pairs: Iterable[PushedPair]) -> StreamDraft:
    """The changes of pushed messages, without look-ups, which messages cannot make."""
    by_type: dict[str, list[PushedPair]] = {}
    for pair in pairs:
        by_type.setdefault(pair.older["type"], []).append(pair)
    down, up = {}, {}
    for kind, found in by_type.items():
        if all(same(pair.older, pair.newer) for pair in found):
            continue
        down[kind] = learn([Example(Place(pair.newer, None, {}), pair.older) for pair in found], {})
        up[kind] = learn([Example(Place(pair.older, None, {}), pair.newer) for pair in found], {})
    return StreamDraft(down, up)


# Errors


def _error_of(result: JsonObject) -> JsonObject:
    return {name: result[name] for name in ERROR_MEMBERS if name in result}


def _error_changes(pairs: Sequence[tuple[JsonObject, JsonObject]]) -> Iterable[ErrorChange]:
    """The changed errors, by token and message.

    One that never stays as it is becomes what it becomes most often, one that may stay only what it nearly always does.
    """
    found: dict[tuple[str, Any], list[JsonObject]] = {}
    failed = [(source, target) for source, target in pairs if "error" in source]
    for source, target in failed:
        found.setdefault((source["error"], source.get("error_message")), []).append(_error_of(target))
    for (token, message), targets in found.items():
        sources = [_error_of(one) for one, _ in failed if (one["error"], one.get("error_message")) == (token, message)]
        if all(same(one, other) for one, other in zip(sources, targets, strict=True)):
            continue
        most = max(targets, key=lambda target: sum(same(target, each) for each in targets))
        stays = sum(same(one, other) for one, other in zip(sources, targets, strict=True))
        if most and (not stays or sum(same(most, each) for each in targets) >= _ALMOST_ALL * len(targets)):
            yield ErrorChange(token, message if isinstance(message, str) else None, most)


def _has_data(result: JsonObject) -> bool:
    return "error" in result and len(result) > len(_error_of(result))


def _data_of(result: JsonObject) -> JsonObject:
    return {name: value for name, value in result.items() if name not in ERROR_MEMBERS}


def _reshapes(shape: Shape, pairs: Sequence[tuple[JsonObject, JsonObject]]) -> bool:
    """Whether a shape also makes what most of these errors come with from what it is in the other version."""
    change = message_change(shape)
    right = sum(same(change(_data_of(source)), _data_of(target)) for source, target in pairs)
    return bool(pairs) and right >= _ALMOST_ALL * len(pairs)


# Strictness


def _strict(exchanges: Sequence[Exchange]) -> Iterable[Strict]:
    """The parameters of which the newer version refuses every value that is not a boolean, and the older does not."""
    names = {name for each in exchanges for name in each.params}
    taken = {
        name
        for each in exchanges
        for name, value in each.params.items()
        if isinstance(value, bool) and "error" not in each.newer
    }
    for name in sorted(taken):
        # Without those of null, which may count as omitted.
        wrong = [each for each in exchanges if not isinstance(each.params.get(name), (bool, NoneType))]
        if any("error" not in each.newer for each in wrong):
            continue
        blamed = [each for each in wrong if _blames(each.newer, name) and not _blames(each.older, name)]
        alone = [each for each in wrong if "error" not in each.older and not _blames_another(each.newer, names, name)]
        refused = alone or blamed
        is_of_types = len({type(each.params[name]) for each in refused}) >= _TYPES or len(refused) >= _REFUSALS
        if not refused or not (blamed or is_of_types):
            continue
        errors = [_error_of(each.newer) for each in refused]
        error = max(errors, key=lambda one: sum(same(one, each) for each in errors))
        failing = [_error_of(each.newer) for each in wrong if "error" in each.older]
        first = bool(failing) and all(same(each, error) or _blames_another(each, names, name) for each in failing)
        with_result = all(len(each.newer) > len(_error_of(each.newer)) for each in refused)
        yield Strict(name, error, first=first, with_result=with_result)


def _blames(result: JsonObject, name: str) -> bool:
    """Whether an error's message names the parameter, as in rippled."""
    return f"'{name}'" in str(result.get("error_message", ""))


def _blames_another(error: JsonObject, names: Iterable[str], name: str) -> bool:
    return any(other != name and _blames(error, other) for other in names)


def _is_refused(exchange: Exchange, strict: Sequence[Strict]) -> bool:
    return any(not isinstance(exchange.params.get(each.name, True), bool) for each in strict)


def ledgers_named(exchanges: Iterable[Exchange]) -> set[int]:
    """The indexes of ledgers that results name, whose headers may explain a hash or a time."""
    found: set[int] = set()

    def search(value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name in ("ledger_index", "inLedger") and is_unsigned(inner):
                    found.add(inner)
                else:
                    search(inner)
        elif isinstance(value, list):
            for item in value:
                search(item)

    for each in exchanges:
        if not same(each.older, each.newer):
            search(each.older)
    return found
