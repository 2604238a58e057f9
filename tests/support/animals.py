"""Models with a union: the tests of models accept values of them, those of the generator describe them."""

from typing import Any, ClassVar, Literal

from adapters.models.model import Model, union_by


class Dog(Model):
    kind: Literal["dog"]
    name: str


class Cat(Model):
    kind: Literal["cat"]
    lives: int


Animal = union_by("kind", "Animal", "An animal.", Dog, Cat)


class Pet(Model):
    also: ClassVar[Any] = Animal

    owner: str
