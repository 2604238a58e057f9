"""The JSON Schema of the configuration file."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from proxy.config.json_schema import json_schema

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(json_schema(), format_checker=jsonschema.FormatChecker())
NODE = {"name": "a", "http": "http://a"}


def test_the_default_file_is_valid_and_names_the_schema() -> None:
    text = (ROOT / "config.yaml").read_text()
    VALIDATOR.check_schema(VALIDATOR.schema)
    VALIDATOR.validate(yaml.safe_load(text))
    path = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (ROOT / path).is_file()


@pytest.mark.parametrize(
    "sections",
    [
        {"listen": [{"port": 1}, {"port": "${PORT}"}]},
        {"limits": None},
        {"limits": {"request_bytes": "1MiB"}, "timeouts": {"request": "30s", "connect": 1.5}},
        {"guard": {"trusted_proxies": ["10.0.0.0/8", "${NETWORK}"]}, "cors": "${CORS}"},
        {"nodes": [{"name": "a", "http_file": "/run/secrets/url", "headers_file": "/run/secrets/headers"}]},
        {"nodes": [{**NODE, "headers": {"X-Api-Key": "${KEY}"}, "api_version": "${VERSION:-2}"}]},
        {"nodes": "${NODES}"},
        {"versions": {"sunset": [{"version": 1, "date": "2027-06-30"}]}},
        {"network_id": 1},
    ],
)
def test_what_the_proxy_accepts_is_valid(sections: dict[str, Any]) -> None:
    VALIDATOR.validate({"nodes": [NODE], **sections})


@pytest.mark.parametrize(
    "sections",
    [
        {"listn": {}},
        {"listen": {"port": 70_000}},
        {"listen": {"port": "80"}},
        {"limits": {"least_rate": 1}},
        {"timeouts": {"request": "30x"}},
        {"nodes": [{"name": "a"}]},
        {"nodes": [{**NODE, "http_file": "x"}]},
        {"nodes": [{**NODE, "name_file": "x"}]},
        {"logging": {"level": "INFO"}},
        {"network_id": "main"},
    ],
)
def test_what_it_refuses_is_not(sections: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid({"nodes": [NODE], **sections})
