"""The short notation, and what it says to who writes it wrongly."""

from typing import Any

import pytest

from proxy.spec.notation import NotationError, read_schema


def name(text: str) -> str:
    if text != "Known":
        raise NotationError(f"there is not a type {text}")
    return "KnownV2"


REF = {"$ref": "#/components/schemas/KnownV2"}


@pytest.mark.parametrize(
    ("written", "schema"),
    [
        ("string", {"type": "string"}),
        ("any", {}),
        ("never", {"not": {}}),
        ("Known", REF),
        ("Known[]", {"type": "array", "items": REF}),
        ("string[]{}", {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}),
        ("'a' | 'b'", {"enum": ["a", "b"]}),
        ("Known | 'a' | none", {"anyOf": [REF, {"type": "null"}, {"const": "a"}]}),
        ("string -- Why.", {"description": "Why.", "type": "string"}),
        ("Known -- Why.", {"description": "Why.", "allOf": [REF]}),
        (["string"], {"type": "array", "items": {"type": "string"}}),
        ({}, {"type": "object"}),
        (
            {"a": "string", "b?": "integer", "c": "never"},
            {
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "integer"}, "c": {"not": {}}},
                "required": ["a"],
            },
        ),
        (
            {".doc": "What.", ".with": ["Known"], ".any_of": [{"a": "string"}, "Known"]},
            {
                "description": "What.",
                "type": "object",
                "allOf": [REF],
                "anyOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, REF],
            },
        ),
        (
            "{a: string | 'x'}[]",
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"a": {"anyOf": [{"type": "string"}, {"const": "x"}]}},
                    "required": ["a"],
                },
            },
        ),
        ({".schema": {"type": "string", "pattern": "x"}}, {"type": "string", "pattern": "x"}),
    ],
)
def test_read(written: Any, schema: dict[str, Any]) -> None:
    assert read_schema(written, name) == schema


@pytest.mark.parametrize(
    ("written", "reported"),
    [
        ("Unknown", "there is not a type Unknown"),
        ("a b", "'a b' is not a type"),
        ("", "'' is not a type"),
        (5, "5 is not a type: write"),
        (["string", "integer"], "not 2 elements"),
        ({".v1": {}, "a": "string"}, ".v1 not allowed here, only .any_of, .doc, .schema, .with"),
        ({"a": "string", ".schema": {"required": ["b"]}}, ".schema has required, which the fields define too"),
    ],
)
def test_faults(written: Any, reported: str) -> None:
    with pytest.raises(NotationError, match=r"(?s).*") as raised:
        read_schema(written, name)
    assert reported in str(raised.value)
