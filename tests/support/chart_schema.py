"""The chart's values.schema.json: for the chart's own values written by hand, for `config` the proxy's own schema."""

import copy
import json
from pathlib import Path
from typing import Any

from proxy.config.json_schema import json_schema
from tests.support.installed import DEPLOY

FILE = DEPLOY / "helm" / "xrpl-version-proxy" / "values.schema.json"
_URLS = {"http": r"^https?://|\$\{", "websocket": r"^wss?://|\$\{"}


def values_schema(file: Path = FILE) -> str:
    """The text that the file should have: its own part as it is there, and the current schema of the configuration.

    Without descriptions and defaults: they are in `config schema`, and here they would only have to be maintained.
    """
    schema = json.loads(file.read_text())
    config = json_schema()
    definitions = config.pop("$defs")
    for definition in (config, *definitions.values()):
        definition.pop("description", None)
        definition["properties"] = {key: _precise(value) for key, value in definition["properties"].items()}
    for key, pattern in _URLS.items():
        definitions["NodeSettings"]["properties"][key] = {"type": "string", "pattern": pattern}
    own = copy.deepcopy(definitions["ListenSettings"])
    definitions["ListenSettings"]["properties"]["host"] = False
    own["properties"] |= {"host": False, "port": False}
    definitions["ListenMapping"] = own
    definitions["ObserveSettings"]["properties"] |= {"host": False, "port": False}
    config["properties"]["nodes"] |= {"minItems": 1, "maxItems": 100}
    items = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/ListenSettings"}}
    config["properties"]["listen"] = {
        "if": {"type": "array"},
        "then": items,
        "else": {"$ref": "#/$defs/ListenMapping"},
    }
    schema["properties"]["config"] = {
        key: value for key, value in config.items() if key not in ("$schema", "title", "description")
    }
    schema["$defs"] = definitions
    return _text(schema)


def _precise(value: dict[str, Any]) -> dict[str, Any]:
    """Without words, and a section or a list without its alternatives: so that an error names what is inside it."""
    value = {key: part for key, part in value.items() if key not in ("description", "default")}
    inner = [option for option in value.get("anyOf", ()) if "$ref" in option or option.get("type") == "array"]
    return inner[0] if len(inner) == 1 else value


def _text(schema: dict[str, Any]) -> str:
    """JSON with a line for each property and each definition."""
    lines = []
    for key, value in schema.items():
        if key in ("properties", "definitions", "$defs"):
            members = ",\n".join(f"    {json.dumps(name)}: {json.dumps(member)}" for name, member in value.items())
            lines.append(f"  {json.dumps(key)}: {{\n{members}\n  }}")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
