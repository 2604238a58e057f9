"""JSON Schema from the models, so that a subclass is an `allOf` of its base class and what it adds.

The schemas keep to what JSON Schema 2020-12 (OpenAPI 3.1) and draft 7 (AsyncAPI 3) read alike: no neighbours of a
`$ref`, no boolean schemas.
"""

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations, product
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import TypeAliasType

from adapters.models.model import OTHER_VALUE, ByMember, Model, is_absent
from adapters.models.versions import all_types

Schema = dict[str, Any]
REFERENCE = "#/components/schemas/"


@cache
def all_schemas() -> dict[str, Schema]:
    """The schema of every model and type of all versions, by its name."""
    return generate(all_types())


def generate(types: Mapping[str, Any]) -> dict[str, Schema]:
    """The schemas of models and types, and of those that they refer to, by name."""
    adapters = [(name, "validation", TypeAdapter(found)) for name, found in types.items()]
    _, document = TypeAdapter.json_schemas(
        adapters,  # type: ignore[arg-type]
        ref_template=REFERENCE + "{model}",
        schema_generator=_Generator,
    )
    return {name: _clean(schema) for name, schema in document["$defs"].items()}


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with inheritance."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """In the order of the models, instead of the alphabet's."""
        return value

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Without the default, which only means that the member is optional."""
        return self.generate_inner(schema["schema"])

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        model = schema["cls"]
        whole = super().model_schema(schema)
        whole.pop("title", None)
        if not issubclass(model, Model):
            return whole
        parents, flattened = _inherited(model)
        names = [name for name in model.model_fields if any(name in _own(each) for each in (model, *flattened))]
        own: Schema = {"type": "object", "additionalProperties": whole["additionalProperties"]}
        if names:
            own["properties"] = {name: whole["properties"][name] for name in names}
        if required := [name for name in whole.get("required", ()) if name in names]:
            own["required"] = required
        for each in (model, *flattened):
            own |= _combinations(each)
        included: list[Schema] = [self.generate_inner(parent.__pydantic_core_schema__) for parent in parents]
        included += [
            self.generate_inner(TypeAdapter(each.also).core_schema)
            for each in (model, *flattened)
            if vars(each).get("also") is not None
        ]
        described = {"description": whole["description"]} if "description" in whole else {}
        if not included:
            return {**described, **own}
        return {**described, "allOf": included + ([own] if own.keys() != {"type", "additionalProperties"} else [])}

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        discriminator = schema["discriminator"]
        if not isinstance(discriminator, ByMember):
            return super().tagged_union_schema(schema)
        member = discriminator.member
        mapping = {
            str(tag): self.generate_inner(choice)["$ref"]
            for tag, choice in schema["choices"].items()
            if tag != OTHER_VALUE
        }
        listed = {"type": "object", "properties": {member: {"enum": sorted(mapping)}}, "required": [member]}
        fallback = self.generate_inner(schema["choices"][OTHER_VALUE])
        fields = {"allOf": [fallback]} if "$ref" in fallback else {"type": "object"}
        other = {"title": f"Another {member}", **fields, "not": listed}
        return {
            "oneOf": [*({"$ref": reference} for reference in mapping.values()), other],
            "discriminator": {"propertyName": member, "mapping": mapping},
        }


def _inherited(model: type[Model]) -> tuple[list[type[Model]], list[type[Model]]]:
    """The base classes that a schema can extend, and those of which it has to repeat the members.

    `allOf` cannot take a member away or give it another type.
    """
    parents: list[type[Model]] = []
    flattened: list[type[Model]] = []
    waiting = [each for each in model.__bases__ if issubclass(each, Model) and each is not Model]
    for base in waiting:
        if all(_narrows(model.model_fields[name], field) for name, field in base.model_fields.items()):
            parents.append(base)
        else:
            flattened.append(base)
            waiting += [each for each in base.__bases__ if issubclass(each, Model) and each is not Model]
    return parents, flattened


def _narrows(field: FieldInfo, inherited: FieldInfo) -> bool:
    """Whether every value of a field is also one of the field that it replaces."""
    if field.is_required() < inherited.is_required():
        return False
    if is_absent(field):
        return not inherited.is_required()
    return _is_narrower(_type(field), _type(inherited))


def _type(field: FieldInfo) -> Any:
    """The annotation without the None that means an optional member."""
    annotation = field.annotation
    if not field.is_required() and get_origin(annotation) in (Union, UnionType):
        left = tuple(each for each in get_args(annotation) if each is not NoneType)
        return left[0] if len(left) == 1 else Union[left]  # noqa: UP007 - made of a tuple
    return annotation


def _is_narrower(annotation: Any, inherited: Any) -> bool:
    if annotation == inherited or inherited is Any:
        return True
    if inherited is str:
        return all(_is_text(each) for each in _alternatives(annotation))
    if isinstance(annotation, type) and isinstance(inherited, type) and issubclass(annotation, Model):
        return inherited in _extended(annotation)
    return False


def _extended(model: type[Model]) -> Iterator[type]:
    for parent in _inherited(model)[0]:
        yield parent
        yield from _extended(parent)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _is_text(annotation: Any) -> bool:
    if isinstance(annotation, TypeAliasType):
        return all(_is_text(each) for each in _alternatives(annotation.__value__))
    if get_origin(annotation) is Annotated:
        return _is_text(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return all(isinstance(value, str) for value in get_args(annotation))
    return annotation is str


def _own(model: type[Model]) -> dict[str, Any]:
    """The annotations of the class itself."""
    return inspect.get_annotations(model)


def _combinations(model: type[Model]) -> Schema:
    """Which members an object needs, and which exclude each other, if the class itself says so."""
    found: Schema = {}
    if vars(model).get("any_required"):
        found["anyOf"] = [{"required": [name]} for name in model.any_required]
    if vars(model).get("exclusive"):
        pairs = [pair for groups in combinations(model.exclusive, 2) for pair in product(*groups)]
        found["not"] = {"anyOf": [{"required": list(pair)} for pair in pairs]}
    return found


def _clean(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_clean(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    cleaned = {name: _clean(value) for name, value in schema.items()}
    if cleaned.get("additionalProperties") is True:
        del cleaned["additionalProperties"]
    if "$ref" in cleaned and len(cleaned) > 1:
        return {
            **{name: value for name, value in cleaned.items() if name != "$ref"},
            "allOf": [{"$ref": cleaned["$ref"]}],
        }
    return cleaned
