"""Reads a generated AsyncAPI document as lists of fields, for comparing two versions.

AsyncAPI, because only it has every method and every stream message. A field whose type has a name is listed by that
name; the type's own fields are listed once, with the type.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

Schema = dict[str, Any]
_VERSION = re.compile(r"(Base|V\d+)$")
_VAGUE = ("any", "object")
_NEVER = "never"


class Field(NamedTuple):
    """One field of a message or a type."""

    type: str
    """In words: `string`, `AccountAddress`, `Hash256 | null`."""
    required: bool
    doc: str = ""

    def __str__(self) -> str:
        return self.type if self.required else f"{self.type}, optional"


Fields = dict[str, Field]
"""By path: `account_data.signer_lists`, `transactions[].tx_json`, `balances.*`; `(all of Transaction)` for the fields
of a type that has its own list."""


class Method(NamedTuple):
    """A method in one version."""

    doc: str
    family: str
    request: Fields
    result: Fields
    errors: tuple[str, ...]
    """The tokens of its own errors, without those of any method."""


class Type(NamedTuple):
    """A named type in one version. Without fields, `constraints` is its JSON Schema."""

    doc: str
    fields: Fields
    constraints: str
    refers_to: frozenset[str]


class Reading:
    """One document. `methods`: by name. `messages`: of streams, by their `type`. `types`: by name without version."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._schemas: Mapping[str, Schema] = document["components"]["schemas"]
        # A schema that extends its base stands for both.
        self._current = {
            _bare(name): name for name in sorted(self._schemas, key=lambda name: not name.endswith("Base"))
        }
        self._listed = {name for schema in self._schemas.values() for name in _types_of_fields(schema)}

    @cached_property
    def methods(self) -> dict[str, Method]:
        """Every method of the version."""
        found = {}
        for name, operation in self._document["operations"].items():
            if operation["action"] == "receive":
                stem = "".join(part.capitalize() for part in name.split("_"))
                found[name] = Method(
                    operation.get("summary", ""),
                    next((tag["name"] for tag in operation.get("tags", ())), ""),
                    self._fields_of(f"{stem}Request"),
                    self._fields_of(f"{stem}SuccessResponse"),
                    tuple(_tokens(self._schema(f"{stem}ErrorResponse"))),
                )
        return found

    @cached_property
    def messages(self) -> dict[str, tuple[str, Fields]]:
        """The description and the fields of every stream message."""
        found = {}
        for operation in self._document["operations"].values():
            if operation["action"] == "send":
                message = self._resolve(self._resolve(operation["messages"][0]))
                fields = self._fields(self._resolve(message["payload"]), of=_bare(message["payload"].get("$ref", "")))
                kind = fields.get("type", Field(_NEVER, required=False)).type.strip('"')
                if " " not in kind:  # otherwise it is not a stream's, but the answer to an invalid request
                    found[kind] = (message.get("summary", ""), _present(fields))
        return found

    @cached_property
    def types(self) -> dict[str, Type]:
        """Every type that a field of a method or a message has, directly or within another type."""
        lists = [fields for _, fields in self.messages.values()]
        for method in self.methods.values():
            lists += [method.request, method.result]
        waiting = {name for fields in lists for name in self.mentioned(fields)}
        found: dict[str, Type] = {}
        while waiting:
            name = waiting.pop()
            found[name] = self._type_of(name)
            waiting |= found[name].refers_to - found.keys()
        return dict(sorted(found.items()))

    @cached_property
    def common_errors(self) -> tuple[str, ...]:
        """The tokens of the errors that any method may return."""
        return tuple(_tokens({"properties": {"error": self._schema("CommonErrorToken")}}))

    def _type_of(self, name: str) -> Type:
        schema = self._schema(name)
        fields = self._fields_of(name)
        plain = {word: value for word, value in schema.items() if word not in ("description", "title", "examples")}
        constraints = _text("any value" if not plain else json.dumps(_without_versions(plain), sort_keys=True))
        mentioned = self.mentioned(fields) if fields else set(map(_bare, _references(plain)))
        return Type(schema.get("description", ""), fields, "" if fields else constraints, frozenset(mentioned - {name}))

    def mentioned(self, fields: Fields) -> set[str]:
        """The named types that fields have."""
        return {
            word for field in fields.values() for word in re.findall(r"[A-Z]\w+", field.type) if word in self._current
        }

    def _schema(self, name: str) -> Schema:
        return self._schemas[self._current[name]] if name in self._current else {}

    def _fields_of(self, name: str) -> Fields:
        return _present(self._fields(self._schema(name), of=name))

    def _resolve(self, value: Any) -> Any:
        """The value itself, or what its reference leads to."""
        if not isinstance(value, dict) or "$ref" not in value:
            return value
        place: Any = self._document
        for step in value["$ref"].removeprefix("#/").split("/"):
            place = place[step.replace("~1", "/").replace("~0", "~")]
        return place

    def _fields(self, schema: Any, *, expand: bool = True, of: str = "") -> Fields:
        """Every field within, by path. With `expand`, what it inherits too: inside a field, that is the type's.

        `of`: the name of the schema without its version, whose older forms it extends.
        """
        if not isinstance(schema, dict) or "$ref" in schema:
            return {}
        found: Fields = {}
        for part in schema.get("allOf", ()):
            found = _all_of(
                found, self._inherited(part, of) if expand and "$ref" in part else self._fields(part, expand=expand)
            )
        found = _all_of(found, self._own(schema))
        for word in ("anyOf", "oneOf"):
            # An alternative with only `required` says which fields belong together, and has no fields.
            alternatives = [each for each in schema.get(word, ()) if each.keys() != {"required"}]
            if named := [self._type(each) for each in alternatives if "$ref" in each] if expand else []:
                found["(one of)"] = Field(" | ".join(named), required=False)
            if inline := [fields for each in alternatives if (fields := self._fields(each, expand=expand))]:
                found = _all_of(found, _one_of(inline, len(alternatives)))
        return found

    def _inherited(self, part: Schema, of: str) -> Fields:
        name = _bare(part["$ref"])
        if name == of or part["$ref"].endswith("Base") or name not in self._listed:
            return self._fields(self._resolve(part), of=of)
        return {f"(all of {name})": Field(name, required=True)}

    def _own(self, schema: Schema) -> Fields:
        found: Fields = {}
        required = schema.get("required", ())
        for name, inner in schema.get("properties", {}).items():
            doc = inner.get("description", "") if isinstance(inner, dict) else ""
            found[name] = Field(self._type(inner), name in required, doc)
            found |= self._within(name, inner)
        if "items" in schema:
            found |= self._within("[]", schema["items"])
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict):
            found["*"] = Field(self._type(extra), required=False, doc=extra.get("description", ""))
            found |= self._within("*", extra)
        return found

    def _within(self, name: str, schema: Any) -> Fields:
        inner = self._fields(schema, expand=False)
        return {f"{name}{path}" if path.startswith("[]") else f"{name}.{path}": field for path, field in inner.items()}

    def _type(self, schema: Any) -> str:
        """A type in words."""
        if not isinstance(schema, dict):
            return "any" if schema else _NEVER
        if schema.get("not") == {}:
            return _NEVER
        if "$ref" in schema:
            return _bare(schema["$ref"])
        if "const" in schema:
            return json.dumps(schema["const"])
        if "enum" in schema:
            return " | ".join(map(json.dumps, schema["enum"]))
        for word in ("anyOf", "oneOf"):
            if word in schema and "properties" not in schema:
                return " | ".join(dict.fromkeys(map(self._type, schema[word])))
        if inherited := [self._type(each) for each in schema.get("allOf", ()) if "$ref" in each]:
            return " & ".join(inherited)
        kind = schema.get("type", "any")
        if kind == "array":
            items = self._type(schema.get("items", {}))
            return f"({items})[]" if " " in items else f"{items}[]"
        return kind if isinstance(kind, str) else " | ".join(kind)


def _bare(name: str) -> str:
    """The name of a schema, or of what a reference leads to, without its version."""
    return _VERSION.sub("", name.rsplit("/", 1)[-1])


def _text(value: str) -> str:
    return value.replace("#/components/schemas/", "")


def _without_versions(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _bare(inner) if name == "$ref" else _without_versions(inner)
            for name, inner in value.items()
            if name != "description" or not isinstance(inner, str)
        }
    return list(map(_without_versions, value)) if isinstance(value, list) else value


def _references(value: Any) -> Iterator[str]:
    """Every reference inside a schema."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _types_of_fields(schema: Any) -> Iterator[str]:
    """The names of what a schema does not inherit from but refers to: the types of its fields, and its alternatives."""
    if not isinstance(schema, dict):
        return
    for word, inner in schema.items():
        parts = inner if isinstance(inner, list) else ()
        if word == "allOf":
            for part in parts:
                yield from _types_of_fields({name: part[name] for name in part if name != "$ref"})
        elif word in ("anyOf", "oneOf"):
            for part in parts:
                yield from [_bare(part["$ref"])] if "$ref" in part else _types_of_fields(part)
        else:
            yield from map(_bare, _references(inner))


def _tokens(schema: Schema) -> list[str]:
    """The values that `error` may have, except those of a referenced schema."""
    found: set[str] = set()
    waiting: list[Any] = [each.get("properties", {}).get("error") for each in (schema, *schema.get("allOf", ()))]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found |= {*each.get("enum", ())} | ({each["const"]} if "const" in each else set())
            waiting += [*each.get("anyOf", ()), *each.get("oneOf", ())]
    return sorted(found)


def _present(fields: Fields) -> Fields:
    return {path: field for path, field in fields.items() if field.type != _NEVER}


def _all_of(one: Fields, other: Fields) -> Fields:
    """The fields of a schema that is both: forbidden or required if either says so, of the more exact type."""
    merged = dict(one)
    for path, field in other.items():
        known = merged.get(path)
        if known is None or field.type == _NEVER:
            merged[path] = field
        elif known.type != _NEVER:
            exact = known.type if field.type in _VAGUE else field.type
            merged[path] = Field(exact, known.required or field.required, field.doc or known.doc)
    for path in [path for path, field in merged.items() if field.type == _NEVER]:
        for inner in [each for each in merged if each.startswith((f"{path}.", f"{path}["))]:
            del merged[inner]
    return merged


def _one_of(alternatives: list[Fields], count: int) -> Fields:
    """The fields of a schema that is one of `count`: all of them, required if all alternatives require them."""
    merged: Fields = {}
    for path in dict.fromkeys(path for each in alternatives for path in each):
        had = [each[path] for each in alternatives if path in each and each[path].type != _NEVER]
        types = " | ".join(dict.fromkeys(field.type for field in had)) or _NEVER
        required = len(had) == count and all(field.required for field in had)
        merged[path] = Field(types, required, next((field.doc for field in had if field.doc), ""))
    return merged
