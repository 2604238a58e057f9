"""Derives how one version's objects are made from the other's, from pairs of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from adapters import JsonObject
from adapters.json_values import ABSENT
from adapters.ledgers import Header
from adapters.reshaping import Constant, Drop, How, Member, Nested, Place, Shape, Take, When, converted, find
from proxy.commands.scaffolding.conditions import reachable, separate

Headers = Mapping[int, Header | None]

_HOWS: tuple[How, ...] = (
    "same",
    "text",
    "number",
    "iso_time",
    "seconds",
    "transaction_hash",
    "ledger_hash",
    "ledger_time",
)
_MOST_EXAMPLES = 600
_DEEPEST = 6
_MOST_WAYS = 4
_ALIKE = 0.8
"""The share of members that must be found elsewhere for an object to count as moved."""


class Example(NamedTuple):
    """An object of one version with its place, and its counterpart in the other version."""

    place: Place
    target: JsonObject


def learn(examples: Sequence[Example], headers: Headers, depth: int = 0, *, only_capitals: bool = False) -> Shape:
    """The shape that makes the target of each example from its object, as far as there is one."""
    if depth > _DEEPEST or not examples:
        return Shape()
    step = max(1, len(examples) // _MOST_EXAMPLES)
    return _Learner(examples[::step], headers, depth, only_capitals).shape()


class _Learner:
    def __init__(self, examples: Sequence[Example], headers: Headers, depth: int, only_capitals: bool) -> None:
        self._examples = examples
        self._headers = headers
        self._depth = depth
        self._spread = () if only_capitals else tuple(self._find_spread())
        self._gathered = {} if only_capitals else dict(self._find_gathered())
        self._only_capitals = only_capitals

    def shape(self) -> Shape:
        members: dict[str, tuple[Member, ...]] = {**self._gathered}
        names = dict.fromkeys(name for example in self._examples for name in example.target)
        for name in names:
            if name not in members and (ways := self._ways(name)):
                members[name] = tuple(ways)
        capitals = "only" if self._only_capitals else "drop" if self._gathered else "keep"
        return Shape(members, tuple(self._drops()), self._spread, capitals)  # type: ignore[arg-type]  # of Literals

    # Objects that moved

    def _find_spread(self) -> Iterator[str]:
        """The members whose members are the target's."""
        names = dict.fromkeys(
            name for each in self._examples for name, value in each.place.own.items() if isinstance(value, dict)
        )
        for name in names:
            having = [each for each in self._examples if isinstance(each.place.own.get(name), dict)]
            if any(name in each.target for each in having):
                continue
            pairs = [(each.target, word, inner) for each in having for word, inner in each.place.own[name].items()]
            if pairs and sum(same(target.get(word), inner) for target, word, inner in pairs) >= _ALIKE * len(pairs):
                yield name

    def _find_gathered(self) -> Iterator[tuple[str, tuple[Member, ...]]]:
        """The target's members that the object's own members, those of the ledger, have moved into."""
        names = dict.fromkeys(
            name for each in self._examples for name, value in each.target.items() if isinstance(value, dict)
        )
        for name in names:
            having = [e for e in self._examples if isinstance(e.target.get(name), dict) and name not in e.place.own]
            capitals = [
                (each.place.own, word, inner)
                for each in having
                for word, inner in each.target[name].items()
                if word[:1].isupper()
            ]
            if capitals and sum(same(own.get(word), inner) for own, word, inner in capitals) >= _ALIKE * len(capitals):
                inner = learn([Example(e.place, e.target[name]) for e in having], self._headers, self._depth + 1,
                              only_capitals=True)  # fmt: skip
                others = [each.place for each in self._examples if name not in each.target]
                when = separate([each.place for each in having], others) if others else None
                yield name, (Nested(".", inner, when),)
                return

    # Single members

    def _default(self, example: Example, name: str) -> Any:
        """A target's value under a name without a rule for it; None if it has none."""
        for child in self._spread:
            inner = example.place.own.get(child)
            if isinstance(inner, dict) and name in inner:
                return inner[name]
        is_capital = name[:1].isupper()
        if (self._only_capitals and not is_capital) or (self._gathered and is_capital) or name in self._spread:
            return None
        return example.place.own.get(name)

    def _ways(self, name: str) -> list[Member]:
        having = [each for each in self._examples if name in each.target]
        left = [each for each in having if not same(self._default(each, name), each.target[name])]
        ways: list[Member] = []
        while left and len(ways) < _MOST_WAYS:
            way: Member | None = self._best_way(name, left, ways)
            if way is None or not all(self._covers(way, each, name) for each in left):
                way = self._nested_way(name, left) or way
            if way is None:
                break
            ways.append(way)
            before = len(left)
            left = [each for each in left if not self._covers(way, each, name)]
            if len(left) == before:
                break
        return ways

    def _covers(self, way: Member, example: Example, name: str) -> bool:
        if way.when is not None and not way.when.holds(example.place):
            return False
        if isinstance(way, Nested):
            return isinstance(example.target[name], (dict, list)) and bool(example.target[name])
        return same(self._value(way, example.place), example.target[name])

    def _value(self, way: Member, place: Place) -> Any:
        if isinstance(way, Constant):
            return way.value
        found = find(place, way.path)
        return converted(found, way.how, self._headers) if isinstance(way, Take) and _is_there(found) else found

    def _nested_way(self, name: str, left: Sequence[Example]) -> Nested | None:
        """The object, or list of objects, that a member is a changed form of."""
        having = [each for each in left if _objects(each.target[name])]
        if not having:
            return None
        scores: dict[str, float] = {}
        for each in having[:40]:
            for other, value in each.place.own.items():
                likeness = _likeness(value, each.target[name])
                if likeness > 0.3:
                    scores[other] = scores.get(other, 0.0) + likeness + (1 if other == name else 0)
        if not scores:
            return None
        path = max(scores, key=lambda other: scores[other])
        inner: list[Example] = []
        for each in (e for e in self._examples if name in e.target):  # the unchanged rest is evidence too
            mine, others = _objects(each.place.own.get(path)), _objects(each.target[name])
            for one, other_object in zip(mine, others, strict=False):
                inner.append(Example(Place(one, each.place, each.place.params), other_object))
        if not inner:
            return None
        shape = learn(inner, self._headers, self._depth + 1)
        applies = [each.place for each in having if path in each.place.own]
        others_places = [e.place for e in self._examples if path in e.place.own and not _objects(e.target.get(name))]
        if path != name and others_places:
            return Nested(path, shape, separate(applies, others_places))
        texts = [place for place in others_places if not _objects(place.own.get(path))]
        return Nested(path, shape, None if len(texts) == len(others_places) else separate(applies, others_places))

    def _best_way(self, name: str, left: Sequence[Example], ways: Sequence[Member]) -> Take | Constant | None:
        """The value elsewhere that most of those left are made of, with the condition under which they are."""
        counted: dict[tuple[str, How], int] = {}
        for each in left[:60]:
            for source in self._sources(each.place, each.target[name], name):
                counted[source] = counted.get(source, 0) + 1
        ranked = sorted(counted, key=lambda source: (-counted[source], _distance(source, name)))
        for path, how in ranked[:8]:
            when, fits = self._condition(Take(path, how), name, ways)
            if fits:
                return Take(path, how, when)
        values = {orjson.dumps(each.target[name]) for each in left}
        # A number that is always the same, or a text seen once, is more likely the node's than the version's.
        if len(values) == 1 and len(left) > 1 and isinstance(left[0].target[name], (str, bool)):
            constant = Constant(left[0].target[name])
            when, fits = self._condition(constant, name, ways)
            if fits:
                return Constant(constant.value, when)
        return None

    def _applies(self, way: Member, place: Place) -> bool:
        return (way.when is None or way.when.holds(place)) and _is_there(self._value(way, place))

    def _condition(self, way: Take | Constant, name: str, ways: Sequence[Member]) -> tuple[When | None, bool]:
        """The condition under which a way is right (None: always), and whether there is one. `ways` come before it."""
        right, wrong = [], []
        for each in self._examples:
            value = self._value(way, each.place)
            if not _is_there(value):
                continue
            if name in each.target and same(value, each.target[name]):
                right.append(each.place)
            elif not any(self._applies(earlier, each.place) for earlier in ways):
                wrong.append(each.place)
        if not right:
            return None, False
        if not wrong:
            return None, True
        when = separate(right, wrong)
        return when, when is not None or len(wrong) * 20 < len(right)

    def _sources(self, place: Place, wanted: Any, name: str) -> Iterator[tuple[str, How]]:
        is_plain = not isinstance(wanted, (dict, list))
        for path, value in reachable(place):
            last = path.rpartition("/")[2].rpartition(".")[2]
            if isinstance(wanted, bool) and last != name:
                continue
            if same(value, wanted):
                yield path, "same"
            elif is_plain and isinstance(value, (int, str)):
                for how in _HOWS[1:]:
                    if same(converted(value, how, self._headers), wanted):
                        yield path, how

    # Removed members

    def _drops(self) -> Iterator[Drop]:
        for path in dict.fromkeys(path for each in self._examples for path in self._defaults(each)):
            name = path.rpartition(".")[2]
            having = [each for each in self._examples if path in self._defaults(each)]
            gone = [each.place for each in having if name not in each.target]
            stays = [each.place for each in having if name in each.target]
            if gone and not stays:
                yield Drop(path)
            elif gone:
                when = separate(gone, stays)
                if when is not None:
                    yield Drop(path, when)

    def _defaults(self, example: Example) -> Iterator[str]:
        for name in example.place.own:
            is_capital = name[:1].isupper()
            if (self._only_capitals and not is_capital) or (self._gathered and is_capital):
                continue
            if name not in self._spread or not isinstance(example.place.own[name], dict):
                yield name
        for child in self._spread:
            inner = example.place.own.get(child)
            if isinstance(inner, dict):
                yield from (f"{child}.{word}" for word in inner)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal JSON; 1, true and 1.0 are not."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (dict, list)):
        return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
    return bool(one == other)


def _is_there(value: Any) -> bool:
    return value is not ABSENT


def _objects(value: Any) -> list[JsonObject]:
    """The objects in a value: itself, or those in a list."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _likeness(one: Any, other: Any) -> float:
    """The share of the members of two objects, or of the first of two lists, that are in both."""
    mine, others = _objects(one), _objects(other)
    if isinstance(one, list) != isinstance(other, list) or len(mine) != len(others) or not mine:
        return 0.0
    names = mine[0].keys() | others[0].keys()
    if not names:
        return 0.0
    found = sum(name in mine[0] and name in others[0] for name in names)
    # Objects of one list may have become objects with those within.
    nested = max((len(v.keys() & others[0].keys()) for v in mine[0].values() if isinstance(v, dict)), default=0)
    inner = max((len(v.keys() & mine[0].keys()) for v in others[0].values() if isinstance(v, dict)), default=0)
    return max(found, nested, inner, 1 if isinstance(one, list) else 0) / len(names)


def _distance(source: tuple[str, How], name: str) -> tuple[int, int, int, int]:
    path, how = source
    last = path.rpartition("/")[2].rpartition(".")[2]
    return path.count("../"), _HOWS.index(how), path.count(".") - (2 if last == name else 0), len(path)
