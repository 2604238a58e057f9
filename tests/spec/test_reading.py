"""The fields read from a document are those of its schemas, and differ between versions where `changes` says so."""

import re
from itertools import pairwise
from typing import Any

import pytest

from proxy.spec import asyncapi, changes, versions
from proxy.spec.reading import Field, Fields, Reading


def types_that_differ(before: Reading, after: Reading) -> set[str]:
    """The types that differ, themselves or by a type inside them."""
    found = {name for name in {*before.types, *after.types} if before.types.get(name) != after.types.get(name)}
    while True:
        sides = (before.types, after.types)
        more = {name for each in sides for name, known in each.items() if known.refers_to & found} - found
        if not more:
            return found
        found |= more


@pytest.mark.parametrize(("older", "newer"), list(pairwise(versions())))
def test_what_differs_is_what_has_changed(older: int, newer: int) -> None:
    before, after = Reading(asyncapi(older)), Reading(asyncapi(newer))
    types = types_that_differ(before, after)

    def has_changed(fields: Fields) -> bool:
        return any(word in types for field in fields.values() for word in re.findall(r"\w+", field.type))

    differing = set()
    for name in {*before.methods, *after.methods}:
        both = [each.methods[name] for each in (before, after) if name in each.methods]
        if len(both) == 1 or both[0] != both[1] or any(map(has_changed, (both[1].request, both[1].result))):
            differing.add(name)
    for kind in {*before.messages, *after.messages}:
        messages = [each.messages.get(kind) for each in (before, after)]
        if messages[0] != messages[1] or (messages[1] and has_changed(messages[1][1])):
            differing.add(kind)
    found = changes(older, newer)
    reported = {change.subject for change in found if change.part != "type"} - {"any method"}
    reported |= {name for change in found if change.part == "type" for name in change.within}
    assert differing == reported
    tokens = {change.path for change in found if change.subject == "any method"}
    assert {*before.common_errors} ^ {*after.common_errors} == tokens


def test_a_method() -> None:
    v1, v2 = (Reading(asyncapi(version)).methods["account_info"] for version in (1, 2))
    assert v1.request["signer_lists"] == Field("Truthy", required=False)
    assert v2.request["signer_lists"] == Field("boolean", required=False)
    assert "account_data.signer_lists" in v1.result
    assert "signer_lists" not in v1.result
    assert v2.result["signer_lists"].type == "SignerList[]"
    assert "account_data.signer_lists" not in v2.result
    assert str(v1.result["account_data"]) == "AccountRoot"
    assert v1.family == "Accounts"
    assert "actNotFound" in v1.errors
    assert "amendmentBlocked" not in v1.errors


def reading(**schemas: Any) -> Reading:
    """A document with the method `do_it`, whose request and result are of these schemas, and with others."""
    operations = {"do_it": {"action": "receive", "summary": "Does it.", "tags": [{"name": "Things"}]}}
    return Reading({"operations": operations, "components": {"schemas": {"DoItErrorResponse": {}, **schemas}}})


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_a_version_takes_away_and_narrows_what_its_base_has() -> None:
    base = {
        "properties": {"gone": {"type": "object", "properties": {"inner": {}}}, "more": {}, "same": {"type": "string"}},
        "required": ["same"],
    }
    own = {"properties": {"gone": {"not": {}}, "more": {"type": "integer"}}, "required": ["more"]}
    fields = reading(DoItRequestBase=base, DoItRequestV2={"allOf": [reference("DoItRequestBase"), own]}).methods[
        "do_it"
    ]
    assert {path: str(field) for path, field in fields.request.items()} == {"more": "integer", "same": "string"}


def test_alternatives_arrays_maps_and_named_types() -> None:
    found = reading(
        DoItRequest={
            "oneOf": [
                {"properties": {"one": {"const": 1}}, "required": ["one"]},
                {"properties": {"one": {"type": "string"}, "other": {"enum": ["a", None]}}, "required": ["one"]},
            ]
        },
        DoItSuccessResponse={
            "properties": {
                "list": {"type": "array", "items": {"type": "object", "properties": {"each": reference("NameV3")}}},
                "map": {"type": "object", "additionalProperties": {"anyOf": [reference("NameV3"), {"type": "null"}]}},
            },
            "allOf": [reference("Found")],
        },
        Found={"properties": {"found": True}},
        NameV3={"description": "A name.", "type": "string", "pattern": "^x$"},
    )
    method = found.methods["do_it"]
    assert {path: str(field) for path, field in method.request.items()} == {
        "one": "1 | string",
        "other": '"a" | null, optional',
    }
    assert {path: field.type for path, field in method.result.items()} == {
        "found": "any",
        "list": "object[]",
        "list[].each": "Name",
        "map": "object",
        "map.*": "Name | null",
    }
    assert found.types.keys() == {"Name"}
    assert (found.types["Name"].doc, found.types["Name"].constraints) == (
        "A name.",
        '{"pattern": "^x$", "type": "string"}',
    )
