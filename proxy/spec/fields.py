"""A schema as a list of fields with their paths, for comparing versions and for people.

A field whose type has a name is listed by that name; the type's own fields are listed once, with the type.
"""

from typing import NamedTuple

from adapters.models.versions import is_shared, stem_of
from proxy.spec.generator import REFERENCE, Schema
from proxy.spec.schemas import Schemas, references

_VAGUE = ("any", "object")


class Field(NamedTuple):
    """One field of an object inside a message."""

    type: str
    """In words: `string`, `AccountAddress`, `Hash256 | none`."""
    required: bool
    doc: str = ""

    def __str__(self) -> str:
        return self.type if self.required else f"{self.type}, optional"


Fields = dict[str, Field]
"""By path: `account_data.signer_lists`, `transactions[].tx_json`, `balances.*`; `(all of Transaction)` for inherited
fields."""


def fields(schemas: Schemas, name: str) -> Fields:
    """The fields of a schema, in the order of the source, without those that must be absent."""
    reader = _Reader(schemas, stem_of(name))
    schema = schemas.components[name]
    found = reader.fields(schema)
    for part in (schema, *schema.get("allOf", ())):
        found |= reader.named_alternatives(part)
    return {path: field for path, field in found.items() if field.type != "never"}


def types(schemas: Schemas) -> dict[str, str]:
    """The named types, and the schema of each in this version."""
    stems = dict.fromkeys(stem_of(name) for name in schemas.components if is_shared(name))
    return {stem: schemas.name(stem) for stem in stems}


def used(schemas: Schemas, name: str) -> set[str]:
    """The names of all types inside a schema."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for reference in references(schemas.components[waiting.pop()]):
            if reference not in found:
                found.add(reference)
                waiting.append(reference)
    return {stem_of(each) for each in found}


def tokens(schemas: Schemas, name: str) -> list[str]:
    """The error tokens of a method's schema of errors, without those of any method."""
    own = schemas.components[name]["allOf"][-1]
    return sorted(_tokens(own["properties"]["error"]))


def common_tokens(schemas: Schemas) -> list[str]:
    """The error tokens that any method may return."""
    return sorted(_tokens(schemas.components[schemas.name("CommonErrorToken")]))


def _tokens(schema: Schema) -> set[str]:
    found = {*schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])}
    return found.union(*map(_tokens, schema.get("anyOf", ())))


class _Reader:
    """Follows references among the schemas of one version."""

    def __init__(self, schemas: Schemas, stem: str) -> None:
        self._components = schemas.components
        self._stem = stem

    def fields(self, schema: Schema) -> Fields:
        """Every field within, by path; `never` is included, to override what is inherited."""
        # A reference, alone or with a description, is a field whose type is listed elsewhere.
        if "$ref" in schema or _is_described_reference(schema):
            return {}
        found: Fields = {}
        for part in (*schema.get("allOf", ()), {name: schema[name] for name in schema if name != "allOf"}):
            found = _both(found, self._own(part))
        return found

    def _own(self, schema: Schema) -> Fields:
        """The fields of one part of an `allOf`."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(REFERENCE)
            if stem_of(name) == self._stem or not is_shared(name):
                return self.fields(self._components[name])
            return {f"(all of {stem_of(name)})": Field(stem_of(name), required=True)}
        found: Fields = {}
        for name, inner in schema.get("properties", {}).items():
            required = name in schema.get("required", ())
            found[name] = Field(self._type(inner), required, self._doc(inner))
            found |= self._within(name, inner)
        if "items" in schema:
            found |= self._within("[]", schema["items"])
        if isinstance(schema.get("additionalProperties"), dict):
            inner = schema["additionalProperties"]
            found["*"] = Field(self._type(inner), required=False)
            found |= self._within("*", inner)
        # An `anyOf` with only `required` says which fields belong together, and has no fields.
        if alternatives := [self.fields(each) for each in schema.get("anyOf", ()) if each.keys() != {"required"}]:
            found = _both(found, _either(alternatives))
        return found

    def _within(self, name: str, schema: Schema) -> Fields:
        """The fields inside a field, with the types that it includes."""
        inner = self.fields(schema)
        return {_below(name, path): field for path, field in inner.items() if not path.startswith("(")}

    def named_alternatives(self, schema: Schema) -> Fields:
        """The named types that a value may have instead of fields."""
        alternatives = (*schema.get("anyOf", ()), *schema.get("oneOf", ()))
        names = [self._type(each) for each in alternatives if "$ref" in each]
        return {f"(or {name})": Field(name, required=False) for name in names}

    def _doc(self, schema: Schema) -> str:
        doc: str = schema.get("description", "")
        return doc

    def _type(self, schema: Schema) -> str:
        """The description of a type, in words."""
        if schema.get("not") == {}:
            return "never"
        if "$ref" in schema:
            return stem_of(schema["$ref"].removeprefix(REFERENCE))
        if "const" in schema:
            return f"{schema['const']!r}"
        if "enum" in schema:
            return " | ".join(f"{value!r}" for value in schema["enum"])
        if "anyOf" in schema and "properties" not in schema:
            return " | ".join(dict.fromkeys(self._type(each) for each in schema["anyOf"]))
        if taken_over := [self._type(each) for each in schema.get("allOf", ()) if "$ref" in each]:
            return " & ".join(taken_over)
        kind = schema.get("type", "any")
        if kind == "array":
            items = self._type(schema.get("items", {}))
            return f"({items})[]" if " | " in items else f"{items}[]"
        return {"null": "none"}.get(kind, kind) if isinstance(kind, str) else " | ".join(kind)


def _is_described_reference(schema: Schema) -> bool:
    parts = schema.get("allOf", ())
    return schema.keys() == {"description", "allOf"} and len(parts) == 1 and "$ref" in parts[0]


def _below(name: str, path: str) -> str:
    return f"{name}{path}" if path.startswith("[]") else f"{name}.{path}"


def _both(one: Fields, other: Fields) -> Fields:
    """The fields of a schema that is both: forbidden or required if either says so."""
    merged = dict(one)
    for path, field in other.items():
        known = merged.get(path)
        if known is None or field.type == "never" or known.type == "never":
            merged[path] = field if known is None or field.type == "never" else known
        else:
            vague = field.type in _VAGUE
            merged[path] = Field(
                known.type if vague else field.type, known.required or field.required, field.doc or known.doc
            )
    for path in [path for path, field in merged.items() if field.type == "never"]:
        for inner in [each for each in merged if each.startswith((f"{path}.", f"{path}["))]:
            del merged[inner]
    return merged


def _either(alternatives: list[Fields]) -> Fields:
    """The fields of a schema that is one of several: all fields, required if all require it."""
    merged: Fields = {}
    for path in dict.fromkeys(path for each in alternatives for path in each):
        had = [each[path] for each in alternatives if path in each and each[path].type != "never"]
        types = " | ".join(dict.fromkeys(field.type for field in had)) or "never"
        required = len(had) == len(alternatives) and all(field.required for field in had)
        merged[path] = Field(types, required, next((field.doc for field in had if field.doc), ""))
    return merged
