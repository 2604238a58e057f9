"""A subclass extends its base class where it can, and repeats it where it takes away or widens."""

from typing import Annotated, Any, ClassVar, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypeAliasType

from adapters.models.model import Absent, Model, Null
from proxy.spec.generator import REFERENCE, generate
from tests.support.animals import Pet

Text = TypeAliasType("Text", Annotated[str, Field(pattern="^[a-z]*$", description="A text.")])
Token = TypeAliasType("Token", Literal["a", "b"])


class Inner(Model):
    deep: int


class InnerV2(Inner):
    deeper: int


class InnerV3(Inner):
    deep: str  # type: ignore[assignment]


class Found(Model):
    found: bool | None = None


class Base(Found):
    """A base."""

    text: Text = Field(description="Its text.")
    maybe: Text | None = None
    inner: Inner
    any_text: str


class Adds(Base):
    more: list[Inner] | None = None


class Narrows(Base):
    maybe: Text
    inner: InnerV2
    any_text: Token | Literal["c"]


class ForbidsWhatIsOptional(Base):
    maybe: Absent = None


class TakesAway(Base):
    text: Absent = None  # type: ignore[assignment]


class Retypes(Base):
    text: int  # type: ignore[assignment]


class RetypesInside(Base):
    inner: InnerV3


class MakesOptional(Base):
    text: Text | None = None  # type: ignore[assignment]


class TakesAwayAgain(Adds):
    inner: Absent = None  # type: ignore[assignment]


class Combined(Model):
    any_required: ClassVar[tuple[str, ...]] = ("one", "other")
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("one",), ("other", "third"))

    one: int | Null | None = None
    other: int | None = None
    third: int | None = None


MODELS = (
    *(Base, Adds, Narrows, ForbidsWhatIsOptional, TakesAway, Retypes, RetypesInside, MakesOptional, TakesAwayAgain),
    *(Combined, Pet),
)
SCHEMAS = generate({model.__name__: model for model in MODELS})


def parents(model: type[Model]) -> list[str]:
    return [part["$ref"].removeprefix(REFERENCE) for part in SCHEMAS[model.__name__].get("allOf", ()) if "$ref" in part]


@pytest.mark.parametrize(
    ("model", "extended"),
    [
        (Base, ["Found"]),
        (Adds, ["Base"]),
        (Narrows, ["Base"]),
        (ForbidsWhatIsOptional, ["Base"]),
        (TakesAway, ["Found"]),
        (Retypes, ["Found"]),
        (RetypesInside, ["Found"]),
        (MakesOptional, ["Found"]),
        (TakesAwayAgain, ["Found"]),
        (Pet, ["Animal"]),
    ],
)
def test_what_a_schema_extends(model: type[Model], extended: list[str]) -> None:
    assert parents(model) == extended


def test_what_is_extended_is_not_repeated() -> None:
    own = SCHEMAS["Adds"]["allOf"][-1]
    assert own == {"type": "object", "properties": {"more": {"type": "array", "items": {"$ref": f"{REFERENCE}Inner"}}}}


def test_what_is_taken_away_is_absent_and_the_rest_repeated() -> None:
    own = SCHEMAS["TakesAway"]["allOf"][-1]
    assert own["properties"]["text"] == {"not": {}}
    assert own["required"] == ["inner", "any_text"]
    assert SCHEMAS["TakesAwayAgain"]["allOf"][-1]["properties"].keys() == {
        *("text", "maybe", "inner", "any_text", "more")
    }


def test_references_have_no_neighbours() -> None:
    text = SCHEMAS["Base"]["allOf"][-1]["properties"]["text"]
    assert text == {"description": "Its text.", "allOf": [{"$ref": f"{REFERENCE}Text"}]}
    assert SCHEMAS["Base"]["description"] == "A base."
    assert SCHEMAS["Text"] == {"type": "string", "pattern": "^[a-z]*$", "description": "A text."}


def test_a_union_by_a_member_has_a_discriminator() -> None:
    animal = SCHEMAS["Animal"]
    mapping = {"dog": f"{REFERENCE}Dog", "cat": f"{REFERENCE}Cat"}
    assert animal["discriminator"] == {"propertyName": "kind", "mapping": mapping}
    assert [each.get("$ref") for each in animal["oneOf"]] == [*mapping.values(), None]


WHOLE = {"text": "a", "inner": {"deep": 1}, "any_text": "a"}
VALUES: list[dict[str, Any]] = [
    WHOLE,
    {**WHOLE, "maybe": "b"},
    {**WHOLE, "maybe": None},
    {**WHOLE, "maybe": "b", "inner": {"deep": 1, "deeper": 2}},
    {**WHOLE, "maybe": "b", "inner": {"deep": 1, "deeper": 2}, "any_text": "d"},
    {**WHOLE, "text": 1},
    {**WHOLE, "text": "A"},
    {**WHOLE, "inner": {"deep": "x"}},
    {**WHOLE, "more": [{"deep": 1}]},
    {**WHOLE, "more": [{}]},
    {name: value for name, value in WHOLE.items() if name != "text"},
    {name: value for name, value in WHOLE.items() if name != "inner"},
    {"one": None},
    {"one": 1, "third": 1},
    {"other": 1, "third": 1},
    {"third": 1},
    {"owner": "a", "kind": "dog", "name": "b"},
    {"owner": "a", "kind": "dog"},
    {"owner": "a", "kind": "cat", "lives": "b"},
    {"owner": "a", "kind": "fish"},
    {"owner": "a"},
    {"owner": 1, "kind": "fish"},
]


@pytest.mark.parametrize("model", MODELS)
def test_a_schema_accepts_what_its_model_accepts(model: type[Model]) -> None:
    whole = {"$ref": REFERENCE + model.__name__, "components": {"schemas": SCHEMAS}}
    validator = Draft202012Validator(whole)

    def accepted(value: dict[str, Any]) -> bool:
        try:
            TypeAdapter(model).validate_python(value)
        except ValidationError:
            return False
        return True

    of_schema = [validator.is_valid(value) for value in VALUES]
    assert of_schema == [accepted(value) for value in VALUES]
    assert {True, False} <= set(of_schema)
