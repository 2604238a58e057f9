"""What the models accept: JSON's types, optional members, and what no Python type says."""

from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from adapters.models.model import Absent, Model, Null
from tests.support.animals import Animal, Pet


class Plain(Model):
    name: str
    count: int | None = None
    hot: str | Null | None = None
    anything: Any = None


class Newer(Plain):
    count: Absent = None


class OneOf(Model):
    any_required: ClassVar[tuple[str, ...]] = ("one", "other")

    one: int | None = None
    other: int | None = None


class Exclusive(Model):
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("from_", "to"), ("at",))

    from_: int | None = None
    to: int | None = None
    at: int | None = None


class Home(Model):
    animals: list[Animal]


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (Plain, {"name": "a"}),
        (Plain, {"name": "a", "count": 1, "hot": None, "anything": None}),
        (Plain, {"name": "a", "of a newer release": [1]}),
        (Newer, {"name": "a"}),
        (OneOf, {"other": 1}),
        (Exclusive, {"from_": 1, "to": 2}),
        (Exclusive, {"at": 1}),
        (Pet, {"owner": "a", "kind": "cat", "lives": 9}),
        (Pet, {"owner": "a", "kind": "fish"}),
        (Home, {"animals": [{"kind": "dog", "name": "a"}, {"kind": "fish"}, {}]}),
    ],
)
def test_accepted(model: type[Model], value: dict[str, Any]) -> None:
    assert model.model_validate(value).model_dump(exclude_unset=True) == value


@pytest.mark.parametrize(
    ("model", "value", "place"),
    [
        (Plain, {}, "name"),
        (Plain, {"name": 1}, "name"),
        (Plain, {"name": "a", "count": None}, "count"),
        (Plain, {"name": "a", "count": True}, "count"),
        (Plain, {"name": "a", "count": "1"}, "count"),
        (Newer, {"name": "a", "count": 1}, "count"),
        (OneOf, {}, "one of these is required: one, other"),
        (Exclusive, {"to": 1, "at": 1}, "these exclude each other: from_ or to; at"),
        (Pet, {"owner": "a", "kind": "cat"}, "lives"),
        (Home, {"animals": [{"kind": "dog"}]}, "animals.0.dog.name"),
    ],
)
def test_refused(model: type[Model], value: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as raised:
        model.model_validate(value)
    assert place in str(raised.value)
