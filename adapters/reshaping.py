"""Shapes: how one version's object is made from the other's, as `scaffold` drafts them.

A drafted adapter is a table of members that were moved, renamed, converted, added or removed, for people to correct. A
hand-written adapter is shorter, says why, and does not need this module.

A path names a member: `hash`, `tx_json.date` (inside a member), `../ledger_index` (of the enclosing object),
`?binary` (a parameter of the client), `.` (the object itself).
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from adapters.adapter import Conversation, JsonObject, MessageChange, MethodAdapter, NodeRequest, immediate
from adapters.errors import error_result
from adapters.json_values import ABSENT, is_boolean_or_absent, is_unsigned, with_boolean
from adapters.ledger_time import iso_time, ledger_seconds
from adapters.ledgers import Header, header_request, read_header
from adapters.transactions import transaction_hash

How = Literal["same", "text", "number", "iso_time", "seconds", "transaction_hash", "ledger_hash", "ledger_time"]
"""How a value is made from another: unchanged, as text or a number, a time in its other form, the hash of a
transaction's blob, or a member of the ledger with that index, which needs a node request.
"""
LOOK_UPS: tuple[How, ...] = ("ledger_hash", "ledger_time")


class Place(NamedTuple):
    """An object inside a result: `above` is the enclosing one; `params` are the client's."""

    own: JsonObject
    above: "Place | None"
    params: JsonObject


@dataclass(frozen=True, slots=True)
class When:
    """A condition on the value at `path`: `present`, `absent`, `text`, an `object`, `true`, or `equal` to `value`."""

    path: str
    state: Literal["present", "absent", "text", "object", "true", "equal"] = "present"
    value: Any = None

    def holds(self, place: Place) -> bool:
        """Whether it holds for an object."""
        found = find(place, self.path)
        if self.state == "text":
            return isinstance(found, str)
        if self.state == "object":
            return isinstance(found, dict)
        if self.state == "true":
            return found is True
        if self.state == "equal":
            return bool(found == self.value)
        return (found is ABSENT) == (self.state == "absent")


@dataclass(frozen=True, slots=True)
class Take:
    """A member that is the value at `path`."""

    path: str
    how: How = "same"
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """A member that always has this value."""

    value: Any
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Nested:
    """A member that is the object at `path`, or each of the objects in the list there, reshaped."""

    path: str
    shape: "Shape"
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """A member that the other version does not have."""

    path: str
    when: When | None = None


Member = Take | Constant | Nested


@dataclass(frozen=True, slots=True)
class Shape:
    """How an object is made: its own members without `drops`, plus the members of `spread` objects, plus `members`.

    `members`: by name the ways to make it; the first that applies counts. `capitals`: whether members that start with a
    capital letter, which are fields of the ledger, stay, are dropped, or are the only ones to stay.
    """

    members: Mapping[str, tuple[Member, ...]] = field(default_factory=dict)
    drops: tuple[Drop, ...] = ()
    spread: tuple[str, ...] = ()
    capitals: Literal["keep", "drop", "only"] = "keep"


def find(place: Place, path: str) -> Any:
    """The value at a path from an object; ABSENT if there is none."""
    if path == ".":
        return place.own
    if path.startswith("?"):
        return place.params.get(path[1:], ABSENT)
    while path.startswith("../"):
        if place.above is None:
            return ABSENT
        place, path = place.above, path[3:]
    value: Any = place.own
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return ABSENT
        value = value[name]
    return value


def converted(value: Any, how: How, headers: Mapping[int, Header | None]) -> Any:
    """A value made from another; ABSENT if that is impossible."""
    if how == "same":
        return value
    if how in LOOK_UPS:
        header = headers.get(value) if is_unsigned(value) else None
        if header is None:
            return ABSENT
        return header.ledger_hash if how == "ledger_hash" else iso_time(header.close_time)
    if isinstance(value, str):
        try:
            return _from_text(value, how)
        except ValueError:
            return ABSENT
    if how == "text" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return iso_time(value) if how == "iso_time" and is_unsigned(value) else ABSENT


def _from_text(value: str, how: How) -> Any:
    """Raises ValueError for a text that is not of the kind."""
    if how == "number":
        return int(value) if value.isdecimal() else ABSENT
    if how == "seconds":
        return ledger_seconds(value)
    return transaction_hash(value) if how == "transaction_hash" else ABSENT


_Reshaping = Generator[NodeRequest, JsonObject, Any]
_Headers = dict[int, Header | None]


def reshape(place: Place, shape: Shape, headers: _Headers) -> _Reshaping:
    """The object in the other version. Yields look-ups of ledgers, once each; their results are in `headers`."""
    made = _kept(place, shape)
    for name, ways in shape.members.items():
        for way in ways:
            if way.when is not None and not way.when.holds(place):
                continue
            value = yield from _made(place, way, headers)
            if value is not ABSENT:
                made[name] = value
                break
    return made


def _kept(place: Place, shape: Shape) -> JsonObject:
    dropped = {drop.path for drop in shape.drops if drop.when is None or drop.when.holds(place)}
    spread = [name for name in shape.spread if isinstance(place.own.get(name), dict)]
    made = {}
    for name, value in place.own.items():
        is_capital = name[:1].isupper()
        left_out = is_capital if shape.capitals == "drop" else shape.capitals == "only" and not is_capital
        if not left_out and name not in dropped and name not in spread:
            made[name] = value
    for name in spread:
        made.update({word: value for word, value in place.own[name].items() if f"{name}.{word}" not in dropped})
    return made


def _made(place: Place, way: Member, headers: _Headers) -> _Reshaping:
    if isinstance(way, Constant):
        return way.value
    value = find(place, way.path)
    if value is ABSENT:
        return ABSENT
    if isinstance(way, Take):
        if way.how in LOOK_UPS and is_unsigned(value) and value not in headers:
            result = yield header_request(value)
            headers[value] = None if "error" in result else read_header(result)
        return converted(value, way.how, headers)
    above = place.above if way.path == "." else place
    if isinstance(value, list):
        items = []
        for item in value:
            inner = Place(item, above, place.params)
            items.append((yield from reshape(inner, way.shape, headers)) if isinstance(item, dict) else item)
        return items
    if not isinstance(value, dict):
        return ABSENT
    return (yield from reshape(Place(value, above, place.params), way.shape, headers))


@dataclass(frozen=True, slots=True)
class Strict:
    """A parameter that the newer version accepts as a boolean only.

    `error`: its refusal of other values. `first`: whether that comes before all other checks. `with_result`: whether
    it comes with the result that the request has without the parameter.
    """

    name: str
    error: Mapping[str, Any]
    first: bool = False
    with_result: bool = False


@dataclass(frozen=True, slots=True)
class ErrorChange:
    """A changed error: `was` is its former token; a message of None matches any."""

    was: str
    message: str | None
    error: Mapping[str, Any]


class ReshapingAdapter(MethodAdapter):
    """A drafted adapter, which applies its tables."""

    down = Shape()
    up = Shape()
    strict: tuple[Strict, ...] = ()
    errors_have_data = False
    """Whether the tables also apply to what an error comes with."""
    down_errors: tuple[ErrorChange, ...] = ()
    up_errors: tuple[ErrorChange, ...] = ()

    def serve_older(self, params: JsonObject) -> Conversation:
        """Convert by the tables, with strict parameters converted to booleans."""
        asked = params
        for each in self.strict:
            asked = with_boolean(asked, each.name)
        result = yield NodeRequest(self.method, asked)
        return (yield from self._converted(result, params, self.down, self.down_errors))

    def serve_newer(self, params: JsonObject) -> Conversation:
        """Convert by the tables, with the newer version's refusals."""
        refusals = [each for each in self.strict if not is_boolean_or_absent(params, each.name)]
        for each in refusals:
            if each.first:
                return dict(each.error)
        bad = {each.name for each in refusals}
        result = yield NodeRequest(self.method, {name: value for name, value in params.items() if name not in bad})
        made = yield from self._converted(result, params, self.up, self.up_errors)
        if refusals and "error" not in result:
            return {**(made if refusals[0].with_result else {}), **refusals[0].error}
        return made

    def _converted(
        self, result: JsonObject, params: JsonObject, shape: Shape, errors: tuple[ErrorChange, ...]
    ) -> Conversation:
        if "error" not in result or (self.errors_have_data and not result.keys() <= set(ERROR_MEMBERS)):
            result = yield from reshape(Place(result, None, params), shape, {})
        if "error" not in result:
            return result
        for change in errors:
            if result["error"] == change.was and change.message in (None, result.get("error_message")):
                rest = {name: value for name, value in result.items() if name not in ERROR_MEMBERS}
                return {**rest, **change.error}
        return result


class RemovedMethod(MethodAdapter):
    """A drafted adapter of a method that the newer version does not have; how to serve an older client is open."""

    def serve_newer(self, params: JsonObject) -> Conversation:
        """The newer version's error for an unknown method."""
        return immediate(error_result("unknownCmd"))


ERROR_MEMBERS = ("error", "error_code", "error_message")


def message_change(shape: Shape) -> MessageChange:
    """The change of a pushed message by a shape, without look-ups."""

    def change(message: JsonObject) -> JsonObject:
        reshaping = reshape(Place(message, None, {}), shape, {})
        try:
            next(reshaping)
            while True:
                reshaping.send({"error": "noLookUp"})
        except StopIteration as stop:
            made: JsonObject = stop.value
            return made

    return change
