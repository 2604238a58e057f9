"""Messages held against the documents of an API version."""

from functools import cache
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator

from proxy.spec import Document, asyncapi, openapi
from proxy.spec.generator import REFERENCE
from proxy.spec.schemas import schemas

Json = Any


@cache
def document(kind: str, version: int) -> Document:
    """The OpenAPI (`openapi`) or AsyncAPI (`asyncapi`) document of a version."""
    return openapi(version) if kind == "openapi" else asyncapi(version)


@cache
def _component(version: int, name: str) -> Validator:
    components = document("openapi", version)["components"]
    return Draft202012Validator({"$ref": REFERENCE + name, "components": components})


@cache
def _payload(version: int, message: str) -> Validator:
    reported = document("asyncapi", version)
    (payload,) = (
        channel["messages"][message]["payload"]
        for channel in reported["channels"].values()
        if message in channel["messages"]
    )
    # What AsyncAPI reads schemas as, unless it is specified otherwise.
    return Draft7Validator({"allOf": [payload], "components": reported["components"]})


def fault(version: int, name: str, value: Json) -> str | None:
    """What is wrong with the value as the schema `name` of the version's OpenAPI document; None where it is so."""
    return _told(_component(version, name), name, value)


def message_fault(version: int, message: str, value: Json) -> str | None:
    """What is wrong with the value as the message `message` of the version's AsyncAPI document."""
    return _told(_payload(version, message), message, value)


def result_fault(version: int, method: str, result: dict[str, Json]) -> str | None:
    """What is wrong with a result, as adapters see it, of a method at a version; unknown methods have errors only."""
    if "error" in result and (wrong := fault(version, "ErrorCodes", result)):
        return wrong
    reported = schemas(version).methods.get(method)
    if reported is None:
        return fault(version, "ErrorResponse", result)
    return fault(version, reported.error if "error" in result else reported.success, result)


def request_fault(version: int, method: str, params: dict[str, Json]) -> str | None:
    """What is wrong with a method's parameters at a version that has the method."""
    return fault(version, schemas(version).methods[method].request, params)


def stem(version: int, method: str) -> str:
    """What the names of a method's schemas begin with."""
    return schemas(version).methods[method].stem


def _told(validator: Validator, name: str, value: Json) -> str | None:
    error = best_match(validator.iter_errors(value))
    return None if error is None else f"{name}: {error.json_path}: {error.message[:200]}"
