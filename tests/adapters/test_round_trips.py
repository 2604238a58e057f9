"""What goes from a version to its neighbour and back comes back as it was: for every adapter of every step."""

import importlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import VERSIONS, JsonObject
from adapters.adapter import Step
from proxy.demo.recorded import API_VERSIONS, read_lines, read_streams
from tests.support.conformance import differences, release_of
from tests.support.native import Ask, RecordedNode, serve
from tests.support.recorded import is_fault, recorded_requests
from tests.support.round_trip import Reported, same

STEPS = VERSIONS.steps
NEUTRAL = "account_lines"
"""A method that no version changed."""

some_examples = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
of_every_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)


class NoCases:
    """The cases of a step that has recordings in its folder instead."""

    CASES: Mapping[str, Any] = {}
    NO_WAY_BACK: Mapping[str, Any] = {}
    STREAMS: Mapping[str, Any] = {}
    LOSSES: Mapping[str, Any] = {}
    ERRORS = st.just(same({"accounts": []}))


def cases_of(step: Step) -> Any:
    """Where a step's generated cases stand, found by its name. A step without them has recordings in its folder."""
    try:
        return importlib.import_module(f"tests.adapters.round_trips.{step.name}")
    except ModuleNotFoundError:
        return NoCases


def recorded_methods(step: Step) -> set[str]:
    """The methods of which the recordings in a step's folder have answers that differ between its versions."""
    entries = read_lines("exchanges.jsonl.xz", step.name)
    return {entry["method"] for entry in entries if entry["http"][str(step.older)] != entry["http"][str(step.newer)]}


def recorded_types(step: Step) -> set[str]:
    """The types of the messages in the recordings in a step's folder."""
    streams = read_streams(step.name) if step.name in API_VERSIONS else {}
    return {message["type"] for stream in streams.values() for message in stream["messages"]}


def of_every(table: str) -> pytest.MarkDecorator:
    """A test for each step and each name in one of its tables of cases."""
    found = [(step, name) for step in STEPS for name in sorted(getattr(cases_of(step), table))]
    named = [pytest.param(step, name, id=f"{step.name}-{name}") for step, name in found]
    return pytest.mark.parametrize(("step", "name"), named)


def behind(step: Step, client: int, ask: Ask) -> Ask:
    """What looks like a node of version `client` and is one of the step's other version, adapted."""
    node = step.newer if client == step.older else step.older
    return lambda question: serve(client, node, question.method, question.params, ask)


def there_and_back(step: Step, version: int, method: str, params: JsonObject, ask: Ask) -> JsonObject:
    """A result of `version` as it comes back from its other version."""
    other = step.newer if version == step.older else step.older
    return serve(version, other, method, params, behind(step, other, ask))


def check(step: Step, method: str, reported: Reported) -> None:
    """Both versions' results become each other, and come back."""
    newer_node, older_node = reported.node(method, reported.newer), reported.node(method, reported.older)
    assert differences(reported.older, serve(step.older, step.newer, method, reported.params, newer_node)) == []
    assert differences(reported.newer, serve(step.newer, step.older, method, reported.params, older_node)) == []
    assert differences(reported.newer, there_and_back(step, step.newer, method, reported.params, newer_node)) == []
    assert differences(reported.older, there_and_back(step, step.older, method, reported.params, older_node)) == []


@of_every_step
def test_every_adapter_has_its_cases(step: Step) -> None:
    cases = cases_of(step)
    generated = set(cases.CASES) | set(cases.NO_WAY_BACK)
    assert set(step.methods) == generated | (set(step.methods) & recorded_methods(step))
    assert not set(cases.CASES) & set(cases.NO_WAY_BACK)
    types = set(step.streams.downgrades)
    assert types == set(step.streams.upgrades) == set(cases.STREAMS) | (types & recorded_types(step))


@of_every("CASES")
@some_examples
@given(data=st.data())
def test_results(step: Step, name: str, data: st.DataObject) -> None:
    check(step, name, data.draw(cases_of(step).CASES[name]))


@of_every_step
@some_examples
@given(data=st.data())
def test_errors_of_any_method(step: Step, data: st.DataObject) -> None:
    check(step, NEUTRAL, data.draw(cases_of(step).ERRORS))


@of_every("STREAMS")
@some_examples
@given(data=st.data())
def test_pushed_messages(step: Step, name: str, data: st.DataObject) -> None:
    older, newer = data.draw(cases_of(step).STREAMS[name])
    down = VERSIONS.stream_pipeline(step.older, step.newer).rewrite
    up = VERSIONS.stream_pipeline(step.newer, step.older).rewrite
    assert differences(older, down(_copy(newer))) == []
    assert differences(newer, up(_copy(older))) == []
    assert differences(newer, up(down(_copy(newer)))) == []
    assert differences(older, down(up(_copy(older)))) == []


def _copy(message: JsonObject) -> Any:
    return {name: dict(value) if isinstance(value, dict) else value for name, value in message.items()}


@pytest.mark.parametrize(
    ("step", "method", "reported"),
    [pytest.param(step, *loss, id=why) for step in STEPS for why, loss in cases_of(step).LOSSES.items()],
)
def test_losses_are_still_losses(step: Step, method: str, reported: Reported) -> None:
    older = there_and_back(step, step.older, method, reported.params, reported.node(method, reported.older))
    newer = there_and_back(step, step.newer, method, reported.params, reported.node(method, reported.newer))
    assert differences(reported.older, older) + differences(reported.newer, newer) != []


@of_every_step
@pytest.mark.parametrize("newer", [True, False], ids=["from-the-newer", "from-the-older"])
def test_every_recorded_result(step: Step, newer: bool) -> None:
    version = step.newer if newer else step.older
    no_way_back = cases_of(step).NO_WAY_BACK
    node = RecordedNode(version, release=release_of(step))
    differing = {}
    for question in recorded_requests("public", release_of(step)):
        native = node.ask(question)
        if is_fault(question, native) or question.method in no_way_back:
            continue
        back = there_and_back(step, version, question.method, question.params, node.ask)
        if found := differences(native, back):
            differing[f"{question.method} {question.params}"] = found[:4]
    assert not differing, "\n".join(f"{name}: {found}" for name, found in differing.items())
