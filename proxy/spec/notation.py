"""The short notation of the specifications, read into JSON Schema (described in docs/development/specifications.md).

The schemas keep to what JSON Schema 2020-12 (OpenAPI 3.1) and draft 7 (AsyncAPI 3) read alike: no neighbours of a
`$ref`, no boolean schemas.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

Schema = dict[str, Any]
Name = Callable[[str], str]
"""Returns the name in a version's document of a type in the source. Raises NotationError for an unknown one."""

REFERENCE = "#/components/schemas/"
_PRIMITIVES: Mapping[str, Schema] = {
    "any": {},
    "array": {"type": "array"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "never": {"not": {}},
    "none": {"type": "null"},
    "number": {"type": "number"},
    "object": {"type": "object"},
    "string": {"type": "string"},
}
_DOC = " -- "
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BLOCK = re.compile(r"\.v(\d+)")
_WORDS = frozenset({".any_of", ".doc", ".schema", ".with"})


class NotationError(ValueError):
    """The source is invalid; the message says what is wrong, and where."""


def yaml_mapping(text: str) -> dict[str, Any]:
    """A file of the source. Raises NotationError if it is not a mapping."""
    content = yaml.load(text, Loader=_LOADER)  # noqa: S506 - both are safe loaders
    if not isinstance(content, dict):
        raise NotationError("the file is not a mapping")
    return content


def blocks(value: Any) -> dict[int, Any]:
    """The blocks of a definition by version; empty if all versions are alike."""
    if not isinstance(value, dict):
        return {}
    return {int(match[1]): block for word, block in value.items() if (match := _BLOCK.fullmatch(word))}


def newest_block(value: Any, version: int) -> int | None:
    """The version whose block applies to `version`: the newest that is not newer. None if there is none."""
    return max((number for number in blocks(value) if number <= version), default=None)


def read_schema(value: Any, name: Name) -> Schema:
    """The JSON Schema of a type as it is written: an expression, a list of one for an array, or an object's fields.

    Raises NotationError.
    """
    if isinstance(value, str):
        return _read_described(value, name)
    if isinstance(value, list):
        if len(value) != 1:
            raise NotationError(f"a list means an array and contains the type of its items, not {len(value)} elements")
        return {"type": "array", "items": read_schema(value[0], name)}
    if isinstance(value, dict):
        return _read_object(value, name)
    raise NotationError(f"{value!r} is not a type: write an expression, a list of one type, or fields")


def _read_described(text: str, name: Name) -> Schema:
    expression, _, doc = text.partition(_DOC)
    schema = _read_expression(expression.strip(), name)
    if not doc:
        return schema
    return {"description": doc.strip(), **({"allOf": [schema]} if "$ref" in schema else schema)}


def _read_object(fields: Mapping[str, Any], name: Name) -> Schema:
    if unknown := {word for word in fields if word.startswith(".")} - _WORDS:
        raise NotationError(f"{', '.join(sorted(unknown))} not allowed here, only {', '.join(sorted(_WORDS))}")
    schema: Schema = {"description": fields[".doc"]} if ".doc" in fields else {}
    own = {word: value for word, value in fields.items() if not word.startswith(".")}
    if own or ".with" in fields or not fields.keys() & {".any_of", ".schema"}:
        schema["type"] = "object"
    if own:
        schema["properties"] = {word.removesuffix("?"): read_schema(value, name) for word, value in own.items()}
    # A field that must be absent cannot be required.
    required = [word for word, value in own.items() if not word.endswith("?") and value != "never"]
    if required:
        schema["required"] = required
    if ".with" in fields:
        schema["allOf"] = [{"$ref": REFERENCE + name(each)} for each in fields[".with"]]
    if ".any_of" in fields:
        schema["anyOf"] = [read_schema(each, name) for each in fields[".any_of"]]
    raw = fields.get(".schema", {})
    if twice := raw.keys() & schema.keys() - {"type"}:
        raise NotationError(f".schema has {', '.join(sorted(twice))}, which the fields define too")
    return {**schema, **raw}


def _read_expression(text: str, name: Name) -> Schema:
    """Alternatives separated by `|`; strings in single quotes become one `enum`."""
    alternatives = _parted(text)
    words = [each[1:-1] for each in alternatives if each.startswith("'") and each.endswith("'")]
    others = [each for each in alternatives if not each.startswith("'")]
    schemas = [_read_suffixed(each, name) for each in others]
    if words:
        schemas.append({"const": words[0]} if len(words) == 1 else {"enum": words})
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _parted(text: str) -> list[str]:
    """The alternatives of an expression; a `|` inside braces does not separate them."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "{") - (sign == "}")
        if sign == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def _read_suffixed(text: str, name: Name) -> Schema:
    if text.endswith("[]"):
        return {"type": "array", "items": _read_suffixed(text[:-2], name)}
    if text.endswith("{}") and text != "{}":
        return {"type": "object", "additionalProperties": _read_suffixed(text[:-2], name)}
    if text.startswith("{"):
        return read_schema(yaml.safe_load(text), name)
    if text in _PRIMITIVES:
        return dict(_PRIMITIVES[text])
    if not _NAME.fullmatch(text):
        raise NotationError(f"{text!r} is not a type")
    return {"$ref": REFERENCE + name(text)}
