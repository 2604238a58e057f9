"""What a step changes is laid over what the version before has, and can take it away."""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from adapters import VERSIONS
from adapters.adapter import Step
from proxy.spec import steps
from proxy.spec.notation import REFERENCE, NotationError
from proxy.spec.schemas import Schemas
from proxy.spec.source import Method, Source, Stream

STEP = Step(VERSIONS.newest, {})
OLDER, NEWER = STEP.older, STEP.newer
FAMILIES = {"server": "The server"}
PLAIN = {"a": "string", "b?": "integer"}
BLOCKS = {".base": {"a": "string", "c": {"d": "string"}}, ".v1": {"x": "string"}, ".v2": {"x": "integer"}}


@pytest.fixture
def lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lays a step's file over a source with a method `m`; the source."""

    def lay_over(answer: Any, patch: str) -> Source:
        (tmp_path / steps.FILE).write_text(patch)
        monkeypatch.setattr(steps, "step_folder", lambda _: tmp_path)
        monkeypatch.setattr(steps, "VERSIONS", SimpleNamespace(steps=(STEP,), oldest=1))
        texts: dict[str, Any] = {
            "types": {"T": {"t": "string"}},
            "streams": {"s": {"doc": "Pushed.", "message": {"n": "integer"}}},
            "errors": {"common": {".base": ["internal"], ".v2": ["notSynced"]}, "uncoded": {}},
            "server": {"m": {"doc": "A method.", "request": {}, "answer": copy.deepcopy(answer), "errors": []}},
        }
        steps.lay_steps_over(texts, FAMILIES)
        return Source(
            types=texts["types"],
            methods={name: Method(name, "server", **parts) for name, parts in texts["server"].items()},
            streams={kind: Stream(kind, **parts) for kind, parts in texts["streams"].items()},
            common_errors=texts["errors"]["common"],
            error_groups={},
            uncoded_errors=texts["errors"]["uncoded"],
            versions=tuple(range(1, NEWER + 1)),
        )

    return lay_over


def taken(source: Source, version: int, value: Any, part: str = "success") -> bool:
    """Whether a value is as an answer of `m`, or the message `s`, is specified at a version."""
    schemas = Schemas(source, version)
    name = schemas.streams["s"] if part == "stream" else schemas.methods["m"].success
    whole = {"$ref": REFERENCE + name, "components": {"schemas": schemas.components}}
    return Draft202012Validator(whole).is_valid(value)


@pytest.mark.parametrize(
    ("answer", "patch", "older", "newer"),
    [
        (PLAIN, "{n: integer}", {"a": "x"}, {"a": "x", "n": 1}),
        (PLAIN, "{a: null, n: string}", {"a": "x"}, {"n": "x"}),
        (PLAIN, "{a: integer}", {"a": "x"}, {"a": 1}),
        (PLAIN, "{b: string}", {"a": "x", "b": 1}, {"a": "x", "b": "1"}),
        (BLOCKS, "{x: boolean}", {"a": "x", "c": {"d": "x"}, "x": 1}, {"a": "x", "c": {"d": "x"}, "x": True}),
        (BLOCKS, "{a: never}", {"a": "x", "c": {"d": "x"}, "x": 1}, {"c": {"d": "x"}, "x": 1}),
        (BLOCKS, "{c: {d: integer}}", {"a": "x", "c": {"d": "x"}, "x": 1}, {"a": "x", "c": {"d": 1}, "x": 1}),
        ({".base": {"a": "T"}, ".v1": {"a": {"u?": "string"}}}, "{a: {v: integer}, w: null}",
         {"a": {"t": "x"}}, {"a": {"t": "x", "v": 1}}),
        ("string", "{a: integer}", "x", {"a": 1}),
    ],
)  # fmt: skip
def test_an_answer(lay: Any, answer: Any, patch: str, older: Any, newer: Any) -> None:
    source = lay(answer, f"methods: {{m: {{answer: {patch}}}}}")
    assert taken(source, OLDER, older)
    assert taken(source, NEWER, newer)
    assert not taken(source, NEWER, older)


def test_what_only_comes_extends_the_base(lay: Any) -> None:
    source = lay(PLAIN, "methods: {m: {answer: {n: integer}}}")
    components = Schemas(source, NEWER).components
    assert components[f"MSuccessResponseV{NEWER}"]["allOf"][0] == {"$ref": f"{REFERENCE}MSuccessResponseBase"}
    assert "MSuccessResponseBase" in Schemas(source, OLDER).components


def test_methods_come_and_go(lay: Any) -> None:
    added = "{family: server, doc: New., request: {}, answer: {a: string}, errors: []}"
    source = lay(PLAIN, f"methods: {{m: null, n: {added}}}")
    assert Schemas(source, OLDER).methods.keys() == {"m"}
    assert Schemas(source, NEWER).methods.keys() == {"n"}


def test_messages_types_and_errors(lay: Any) -> None:
    patch = """
streams: {s: {message: {n: null, count: integer}}}
types: {T: {t: integer}, New: {x: string}}
errors: {common: [internal, outOfSync], uncoded: {outOfSync: Not synced.}}
methods: {m: {errors: [actNotFound]}}
"""
    source = lay({"a": "T"}, patch)
    assert taken(source, OLDER, {"type": "s", "n": 1}, "stream")
    assert taken(source, NEWER, {"type": "s", "count": 1}, "stream")
    assert taken(source, OLDER, {"a": {"t": "x"}})
    assert taken(source, NEWER, {"a": {"t": 1}})
    tokens = {number: Schemas(source, number).components["CommonErrorToken"]["enum"] for number in (1, 2, NEWER)}
    assert tokens == {1: ["internal"], 2: ["internal", "notSynced"], NEWER: ["internal", "outOfSync"]}
    assert f"MErrorResponseV{NEWER}" in Schemas(source, NEWER).components


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ("method: {}", "there may be types, methods, streams, errors"),
        ("methods: {m: {reply: {}}}", "a step may change request, answer, errors"),
        ("methods: {n: {doc: New.}}", "n is new and needs a family: server"),
        ("[]", "the file is not a mapping"),
    ],
)
def test_faults_name_the_file(lay: Any, patch: str, words: str) -> None:
    with pytest.raises(NotationError, match=rf"^{STEP.name}/specification\.yaml: ") as raised:
        lay(PLAIN, patch)
    assert words in str(raised.value)
