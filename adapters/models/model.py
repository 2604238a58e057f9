"""The base class of all models, and the markers for what Python's types cannot say."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Self, Union, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    TypeAdapter,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import TypeAliasType

JsonSchema = dict[str, Any]


class NotInThisVersion:
    """Refuses every value."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_refuse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"not": {}}


def _refuse(value: Any) -> Any:
    raise PydanticCustomError("absent", "this member does not exist in this API version")


Absent = Annotated[None, NotInThisVersion()]
"""A member that does not exist in this version, because it was removed or came later: `metaData: Absent = None`.

An object with it is one of another version. In a subclass it takes away a member of the base class.
"""


def is_absent(field: FieldInfo) -> bool:
    """Whether a field is one that does not exist in its version."""
    return any(isinstance(item, NotInThisVersion) for item in field.metadata)


Null = Annotated[None, "null"]
"""JSON's null, as one of the types of an optional member: `hotwallet: AccountAddress | Null | None = None`."""


def _fields(schema: Any) -> Iterator[Any]:
    """The fields of a model's core schema, which may be inside validators."""
    while schema["type"] != "model-fields":
        if "schema" not in schema:
            return
        schema = schema["schema"]
    yield from schema["fields"].values()


@cache
def _adapter_of(found: Any) -> TypeAdapter[Any]:
    return TypeAdapter(found)


class Model(BaseModel):
    """An object of the API. It may have more members than are declared, since a release may add some.

    A member with the type `X | None` and the default None is optional: it may be absent, but not null. For one that may
    be null there is `Null`. Types are JSON's, without conversion.
    """

    model_config = ConfigDict(extra="allow", strict=True)

    any_required: ClassVar[tuple[str, ...]] = ()
    """Optional members of which at least one is required."""
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Groups of members: an object has members of one group only."""
    also: ClassVar[Any] = None
    """A further type that the object has, such as a union by `TransactionType`."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        # Pydantic takes `X | None` for null; here it only gives an absent member a value.
        for field in _fields(schema):
            inner = field["schema"]
            if inner["type"] == "default" and inner["schema"]["type"] == "nullable":
                field["schema"] = {**inner, "schema": inner["schema"]["schema"]}
        return schema

    @model_validator(mode="before")
    @classmethod
    def _check_also(cls, value: Any) -> Any:
        if cls.also is not None and isinstance(value, dict):
            _adapter_of(cls.also).validate_python(value)
        return value

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        present = self.model_fields_set
        if self.any_required and present.isdisjoint(self.any_required):
            raise PydanticCustomError("any_required", "one of these is required: " + ", ".join(self.any_required))
        if sum(not present.isdisjoint(group) for group in self.exclusive) > 1:
            groups = "; ".join(" or ".join(group) for group in self.exclusive)
            raise PydanticCustomError("exclusive", "these exclude each other: " + groups)
        return self


def union_by(member: str, name: str, description: str, *models: type[Model], other: Any = dict[str, Any]) -> Any:
    """A type `name` with one model for each value of `member`, which each model has as a literal.

    An object with another value, or without the member, is `other`: a release may add one.
    """
    tagged = {_literal(model, member): model for model in models}
    choices = [Annotated[model, Tag(tag)] for tag, model in tagged.items()]
    union = Union[(*choices, Annotated[other, Tag(OTHER_VALUE)])]  # type: ignore[valid-type]
    discriminator = Discriminator(ByMember(member, frozenset(tagged)))
    return TypeAliasType(name, Annotated[union, discriminator, Field(description=description)])


OTHER_VALUE = ""
"""The tag of a value that no model is for."""


@dataclass(frozen=True, slots=True)
class ByMember:
    """Chooses the model for a value: by the value of a member."""

    member: str
    known: frozenset[str]

    @property
    def __name__(self) -> str:
        """What pydantic calls it in errors."""
        return self.member

    def __call__(self, value: Any) -> str:
        """The tag of the model."""
        found = value.get(self.member) if isinstance(value, dict) else getattr(value, self.member, None)
        return found if isinstance(found, str) and found in self.known else OTHER_VALUE


def _literal(model: type[Model], member: str) -> str:
    (value,) = get_args(model.model_fields[member].annotation)
    return str(value)
