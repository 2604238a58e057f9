"""The schemas of one API version, generated from its models."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from adapters.errors import ERRORS
from adapters.models.method import Method
from adapters.models.versions import VersionModels, all_types, is_shared, models_of, stem_of
from proxy.spec.generator import REFERENCE, Schema, all_schemas

_ALWAYS = ("ErrorResponse", "CommonErrorToken", "ServerWarning")


class MethodSchemas(NamedTuple):
    """A method, and the names of its schemas among `Schemas.components`."""

    method: Method
    request: str
    """The schema of its parameters."""
    success: str
    """The schema of a successful result."""
    error: str
    """The schema of an error."""

    @property
    def stem(self) -> str:
        """The common prefix: `AccountInfo`."""
        return self.method.stem


class Schemas:
    """All schemas of one API version, from `schemas()`.

    `components`: by the name that references use. `methods`, `streams`: those of a method, and the name of that of the
    `type` of a stream message.
    """

    def __init__(self, models: VersionModels, types: Mapping[str, Any], generated: Mapping[str, Schema]) -> None:
        """`types`, `generated`: all models of all versions, and their schemas."""
        self._models = models
        self._types = types
        self._generated = generated
        self._names = {stem: _name(found) for stem, found in models.types.items()}
        self.methods = {name: self._of_method(method) for name, method in models.methods.items()}
        self.streams = {kind: self._names[stem] for kind, stem in models.streams.items()}
        self._own = {stem_of(name) for name in (*_ALWAYS, *self.streams.values(), *self._of_methods())}
        used = self._reachable([*map(self.name, _ALWAYS), *self.streams.values(), *self._of_methods()])
        self.components: dict[str, Schema] = {name: self._component(name) for name in generated if name in used}
        self._describe()
        self.components["ErrorCodes"] = _error_codes(models)
        self.components["StreamMessage"] = _stream_message(self.streams)

    def name(self, stem: str) -> str:
        """The name of a type's schema in this version. Raises ValueError for an unknown type."""
        if stem not in self._names:
            raise ValueError(f"there is no model {stem} in API version {self._models.version}")
        return self._names[stem]

    def description(self, name: str) -> str:
        """The description of a schema; empty if it has none."""
        text: str = self.components[name].get("description", "")
        return text

    def _of_method(self, method: Method) -> MethodSchemas:
        parts = ("Request", "SuccessResponse", "ErrorResponse")
        return MethodSchemas(method, *(self.name(method.stem + part) for part in parts))

    def _of_methods(self) -> Iterable[str]:
        return (name for names in self.methods.values() for name in names[1:])

    def _component(self, name: str) -> Schema:
        """A schema with references to the types of this version. What is a part of it alone is written inside it."""

        def in_version(reference: str) -> str:
            return REFERENCE + self.name(stem_of(reference.removeprefix(REFERENCE)))

        def inherited(reference: str) -> str:
            newer = in_version(reference)
            names = (each.removeprefix(REFERENCE) for each in (reference, newer))
            return newer if self._may_extend(name, *names) else reference

        schema = dict(self._generated[name])
        parents = [{"$ref": inherited(each["$ref"])} for each in schema.get("allOf", ()) if "$ref" in each]
        own = [each for each in schema.pop("allOf", ()) if "$ref" not in each]
        changed: Schema = _with_references(schema, in_version)
        if parents or own:
            changed["allOf"] = [*parents, *_with_references(own, in_version)]
        inlined: Schema = self._with_parts(changed)
        return inlined

    def _with_parts(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._with_parts(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            name = value["$ref"].removeprefix(REFERENCE)
            return value if is_shared(name) or stem_of(name) in self._own else self._component(name)
        changed = {word: self._with_parts(each) for word, each in value.items()}
        if "allOf" in changed:
            changed["allOf"] = [inner for each in changed["allOf"] for inner in each.get("allOf", [each])]
        return changed

    def _may_extend(self, name: str, parent: str, newer: str) -> bool:
        """Whether a schema can extend this version's form of its base class: not if it is a part of that itself."""
        if not isinstance(self._types[parent], type):
            return True
        if stem_of(name) == stem_of(parent) or not isinstance(self._types[newer], type):
            return False
        return not issubclass(self._types[newer], self._types[name])

    def _reachable(self, names: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += references(self._component(name))
        return found

    def _describe(self) -> None:
        """Describe what has no description of its own: by its method, or as the form that all versions have."""
        texts = {}
        for names in self.methods.values():
            name = names.method.name
            texts[f"{names.stem}Request"] = f"The parameters of {name}."
            texts[f"{names.stem}SuccessResponse"] = f"The result of {name}."
            texts[f"{names.stem}ErrorResponse"] = f"An error of {name}."
            texts[f"{names.stem}RequestBase"] = f"What the parameters of {name} have in every version."
            texts[f"{names.stem}SuccessResponseBase"] = f"What the result of {name} has in every version."
        for name, schema in self.components.items():
            common = (self._generated.get(stem_of(name) + suffix, {}).get("description") for suffix in ("Base", ""))
            text = texts.get(name) or texts.get(stem_of(name)) or next(filter(None, common), None)
            if text and "description" not in schema:
                self.components[name] = {"description": text, **schema}


@cache
def schemas(version: int) -> Schemas:
    """The schemas of an API version. Raises ValueError for one that does not exist."""
    return Schemas(models_of(version), all_types(), all_schemas())


def references(schema: Any) -> set[str]:
    """The names of the schemas that a schema refers to."""
    found: set[str] = set()

    def note(reference: str) -> str:
        found.add(reference.removeprefix(REFERENCE))
        return reference

    _with_references(schema, note)
    return found


def _with_references(value: Any, change: Callable[[str], str]) -> Any:
    """A copy of a schema with every reference changed, also those of a discriminator's mapping."""
    if isinstance(value, str):
        return change(value) if value.startswith(REFERENCE) else value
    if isinstance(value, list):
        return [_with_references(each, change) for each in value]
    if isinstance(value, dict):
        return {name: _with_references(each, change) for name, each in value.items()}
    return value


def _name(found: Any) -> str:
    name: str = found.__name__
    return name


def _error_codes(models: VersionModels) -> Schema:
    """The code of each token.

    This is separate from ErrorResponse, which every response refers to: there it would make the AsyncAPI parser take
    minutes.
    """
    coded: list[Schema] = [
        {
            "description": error.message,
            "properties": {"error": {"const": error.token}, "error_code": {"const": error.code}},
        }
        for error in ERRORS.values()
    ]
    uncoded: list[Schema] = [
        {"description": meaning, "properties": {"error": {"const": token}}}
        for token, meaning in models.uncoded_errors.items()
    ]
    return {
        "description": "The code of an error's token; some have none.",
        "type": "object",
        "anyOf": coded + uncoded,
    }


def _stream_message(streams: dict[str, str]) -> Schema:
    mapping = {kind: REFERENCE + name for kind, name in sorted(streams.items())}
    return {
        "description": "A stream message, by its type.",
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
