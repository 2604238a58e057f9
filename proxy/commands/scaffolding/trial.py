"""Measures a step: the share of exchanges that it translates exactly, in both directions."""

import copy
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import orjson

from adapters import MISSHAPEN, Conversation, JsonObject, NodeInfo, NodeRequest, Versions
from adapters.adapter import Step
from adapters.errors import error_result
from adapters.json_values import json_differences
from adapters.node import UNKNOWN_NODE
from proxy.commands.scaffolding.methods import Exchange, PushedPair
from proxy.commands.verification.comparison import VOLATILE_FIELDS, line_of

_MOST_REQUESTS = 200
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Miss:
    """An exchange that a step does not translate exactly, with its first differences."""

    method: str
    params: JsonObject
    client: int
    node: int
    differences: tuple[str, ...]


@dataclass(slots=True)
class Score:
    """How many exchanges, by method (or `pushed TYPE`), are translated exactly: both directions are counted."""

    asked: Counter[str] = field(default_factory=Counter)
    exact: Counter[str] = field(default_factory=Counter)
    misses: list[Miss] = field(default_factory=list)
    missing: list[tuple[str, NodeRequest]] = field(default_factory=list)
    """Requests of the step that were not recorded, with the method that needs them; its exchange is not counted."""

    def share(self, *methods: str) -> float:
        """The share of these methods, or of all; 1 if there are no exchanges."""
        names = methods or tuple(self.asked)
        asked = sum(self.asked[name] for name in names)
        return sum(self.exact[name] for name in names) / asked if asked else 1.0

    def add(self, method: str, params: JsonObject, client: int, node: int, differences: tuple[str, ...]) -> None:
        """Count one exchange."""
        self.asked[method] += 1
        if differences:
            self.misses.append(Miss(method, params, client, node, differences))
        else:
            self.exact[method] += 1


def try_step(
    step: Step,
    exchanges: Sequence[Exchange],
    pairs: Iterable[PushedPair],
    node: NodeInfo = UNKNOWN_NODE,
    methods: Container[str] | None = None,
) -> Score:
    """Measure a step by exchanges, including those for its look-ups, and by messages.

    `methods`: those whose exchanges count; None for all.
    """
    versions = Versions((step,))
    score = Score()
    for client, other in ((step.older, step.newer), (step.newer, step.older)):
        is_older = other == step.older
        table = {_key(each.method, each.params): each.older if is_older else each.newer for each in exchanges}
        for each in exchanges:
            if methods is not None and each.method not in methods:
                continue
            native = each.newer if is_older else each.older
            conversation = versions.pipeline(client, other, each.method, node).converse(each.params)
            try:
                lines = partial(_lines, inexact=versions.inexact_fields(each.method))
                found = _differences(native, conversation, table, lines)
            except _NotRecorded as missing:
                score.missing.append((each.method, missing.request))
            else:
                score.add(each.method, each.params, client, other, found)
    for pair in pairs:
        for client, other, source, target in (
            (step.older, step.newer, pair.newer, pair.older),
            (step.newer, step.older, pair.older, pair.newer),
        ):
            kind = f"pushed {source['type']}"
            try:
                made = versions.stream_pipeline(client, other, node).rewrite(copy.deepcopy(source))
            except MISSHAPEN as error:
                score.add(kind, {}, client, other, (f"/: the adapter fails ({type(error).__name__})",))
            else:
                score.add(kind, {}, client, other, tuple(islice(_lines(target, made), _SHOWN)))
    return score


def _differences(
    native: JsonObject,
    conversation: Conversation,
    table: Mapping[tuple[str, bytes], JsonObject],
    lines: Callable[[JsonObject, JsonObject], Iterator[str]],
) -> tuple[str, ...]:
    try:
        request = next(conversation)
        for _ in range(_MOST_REQUESTS):
            request = conversation.send(_answer(request, table))
    except StopIteration as stop:
        return tuple(islice(lines(native, stop.value), _SHOWN))
    except MISSHAPEN as error:
        return (f"/: the adapter fails ({type(error).__name__})",)
    return ("/: takes more requests than a client may cause",)


def _lines(
    native: JsonObject,
    made: JsonObject,
    inexact: frozenset[str] = frozenset(),
) -> Iterator[str]:
    found = json_differences(native, made, volatile=VOLATILE_FIELDS[""])
    return (line_of(difference) for difference in found if difference.path not in inexact)


class _NotRecorded(Exception):
    def __init__(self, request: NodeRequest) -> None:
        super().__init__(request.method)
        self.request = request


def _answer(request: NodeRequest, table: Mapping[tuple[str, bytes], JsonObject]) -> JsonObject:
    found = table.get(_key(request.method, request.params))
    if found is None:
        bare = {name: value for name, value in request.params.items() if value is not False}
        found = table.get(_key(request.method, bare))
    if found is None and request.method == "ledger" and "binary" in request.params:
        return error_result("lgrNotFound")
    if found is None:
        raise _NotRecorded(request)
    result: JsonObject = copy.deepcopy(found)
    return result


def _key(method: str, params: JsonObject) -> tuple[str, bytes]:
    return method, orjson.dumps(params, option=orjson.OPT_SORT_KEYS)
