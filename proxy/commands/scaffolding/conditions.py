"""Conditions that distinguish the objects to which a rule applies from the others."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from adapters.reshaping import Place, When

_FIRST = 12
"""The number of objects whose members are tried; a condition must hold for all."""
_HIGHEST = 2
"""How many enclosing objects a path may go up."""


def separate(applies: Sequence[Place], others: Sequence[Place]) -> When | None:
    """A condition that holds for each of `applies` and for none of `others`; None if none was found."""
    tried: set[str] = set()
    candidates = [*_of(applies, tried), *_absences(others)]
    for condition in sorted(candidates, key=_cost):
        if all(condition.holds(place) for place in applies) and not any(condition.holds(place) for place in others):
            return condition
    return None


def _cost(condition: When) -> tuple[int, int, int]:
    """The order of candidates: simple and near ones first."""
    states = ("present", "text", "object", "absent", "true", "equal")
    return condition.path.count("../") + condition.path.count("?"), states.index(condition.state), len(condition.path)


def _of(places: Sequence[Place], tried: set[str]) -> Iterator[When]:
    for place in islice(places, _FIRST):
        for path, value in _members(place):
            if path in tried:
                continue
            tried.add(path)
            yield When(path)
            if isinstance(value, str):
                yield When(path, "text")
                if path.endswith("Type"):
                    yield When(path, "equal", value)
            elif isinstance(value, dict):
                yield When(path, "object")
            elif value is True:
                yield When(path, "true")


def _absences(places: Sequence[Place]) -> Iterator[When]:
    seen: set[str] = set()
    for place in islice(places, _FIRST):
        for path, _ in _members(place):
            if path not in seen:
                seen.add(path)
                yield When(path, "absent")


def _members(place: Place) -> Iterator[tuple[str, Any]]:
    """What a condition may name: the members that `reachable` finds, and the request's parameters."""
    yield from reachable(place)
    for name, value in place.params.items():
        yield f"?{name}", value


def reachable(place: Place) -> Iterator[tuple[str, Any]]:
    """The members of an object, of inner objects and of enclosing ones, by path."""
    for name, value in place.own.items():
        yield name, value
        if isinstance(value, dict):
            for word, inner in value.items():
                yield f"{name}.{word}", inner
    above, prefix = place.above, "../"
    for _ in range(_HIGHEST):
        if above is None:
            break
        for name, value in above.own.items():
            yield prefix + name, value
        above, prefix = above.above, prefix + "../"
