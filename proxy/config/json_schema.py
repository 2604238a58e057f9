"""The JSON Schema of the configuration file, for editors and the Helm chart."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from proxy.config.keys import FILE_SUFFIX, item_kind, secret_keys, section
from proxy.config.settings import Settings

_REFERENCE = {"type": "string", "pattern": r"\$\{"}
"""A value with a reference to an environment variable, whatever the type of the key."""


def schema_text() -> str:
    """The schema as indented JSON, with a newline at the end."""
    return json.dumps(json_schema(), indent=2) + "\n"


def json_schema() -> dict[str, Any]:
    """The schema of the file as JSON Schema 2020-12; what depends on several keys is left to `check-config`."""
    document = Settings.model_json_schema(mode="validation")
    document = {"$schema": GenerateJsonSchema.schema_dialect, **document, "title": "xrpl-version-proxy"}
    models = {model.__name__: model for model in _models(Settings)}
    for name, schema in (("Settings", document), *document["$defs"].items()):
        if name != "Settings":
            schema.pop("title", None)
        schema["properties"] = {key: _property(value) for key, value in schema["properties"].items()}
        for secret in secret_keys(models[name]):
            words = f"path of a file with the value of {secret}"
            schema["properties"][secret + FILE_SUFFIX] = {"type": "string", "description": words}
            if secret in schema.get("required", ()):
                schema["required"].remove(secret)
                if not schema["required"]:
                    del schema["required"]
                schema["oneOf"] = [{"required": [secret]}, {"required": [secret + FILE_SUFFIX]}]
    return document


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """A section and all sections inside it."""
    found = [model]
    for field in model.model_fields.values():
        for kind in (field.annotation, item_kind(field.annotation)):
            inner = section(kind)
            if inner is not None:
                found += _models(inner)
    return found


def _property(schema: dict[str, Any]) -> dict[str, Any]:
    """Allow a reference in place of a value, and null in place of a section, which means its defaults."""
    words: dict[str, Any] = {key: schema.pop(key) for key in ("description", "default") if key in schema}
    schema.pop("title", None)
    options = schema.pop("anyOf", None) or [schema]
    options = [_with_reference_items(option) for option in options]
    if "default" in words and any("$ref" in option for option in options):
        del words["default"]  # the defaults are those of the keys inside
        options.append({"type": "null"})
    if not any(option == {"type": "string"} for option in options):
        options.append(_REFERENCE)
    return {**words, "anyOf": options}


def _with_reference_items(option: dict[str, Any]) -> dict[str, Any]:
    items = option.get("items")
    if items is None or "$ref" in items:
        return option
    return {**option, "items": {"anyOf": [*(items.get("anyOf") or [items]), _REFERENCE]}}
