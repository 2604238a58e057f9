"""The OpenAPI 3.1 document of one API version: JSON-RPC over HTTP."""

from typing import Any

from adapters import VERSIONS
from adapters.models.method import FAMILIES, Method
from adapters.models.pages import documentation_of
from proxy.spec import envelopes
from proxy.spec.envelopes import reference
from proxy.spec.examples import recorded_examples
from proxy.spec.generator import Schema
from proxy.spec.schemas import schemas

Document = dict[str, Any]

INTRODUCTION = """\
The XRP Ledger's API for clients of this version. A request states its version in `api_version`, a whole number among
its parameters; without it, it is a request of version 1. An unsupported version is refused (XLS-22).

Objects may have more members than are listed here, and new ones may be added without a new version. Errors are those of
rippled: match their tokens, not their messages."""

_JSONRPC = """

JSON-RPC requests are POSTed to any path. The paths here only tell methods apart; `method` in the body counts."""


def openapi(version: int) -> Document:
    """The document of an API version, as JSON values. Raises ValueError for an unknown version."""
    components = dict(schemas(version).components)
    components["RequestMembers"] = envelopes.request_members(version)
    components["AnswerMembers"] = envelopes.ANSWER_MEMBERS
    components["BatchRequest"] = envelopes.BATCH_REQUEST
    components["BatchAnswer"] = envelopes.BATCH_ANSWER
    paths: dict[str, Any] = {"/": {"get": _READINESS}}
    for name, names in schemas(version).methods.items():
        if "http" not in names.method.transports:
            continue
        components[f"{names.stem}JsonRpcRequest"] = envelopes.jsonrpc_request(name, names, components)
        components[f"{names.stem}JsonRpcAnswer"] = envelopes.jsonrpc_answer(names)
        paths[f"/{name}"] = {"post": _operation(names.method, examples=_examples(name, version))}
    batch = Method("batch", "server", "Several requests, each with its own API version.")
    paths["/batch"] = {"post": _operation(batch, "")}
    return {
        "openapi": "3.1.0",
        "info": information(version, INTRODUCTION + _JSONRPC),
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "http://{host}", "variables": {"host": HOST}}],
        "security": [],
        "tags": [{"name": title} for title in FAMILIES.values()],
        "paths": paths,
        "components": {"schemas": components, "responses": _RESPONSES},
    }


HOST = {"default": "localhost:51233", "description": "The address of the server."}


def information(version: int, description: str) -> Document:
    """The `info` of a document; its version is the API's."""
    beta = " (beta)" if VERSIONS.is_beta(version) else ""
    return {
        "title": f"XRP Ledger API, version {version}{beta}",
        "version": str(version),
        "description": description,
        "license": {"name": "MIT", "identifier": "MIT"},
    }


def _examples(method: str, version: int) -> tuple[Document, Document]:
    """Examples of requests and of responses, from recordings."""
    found = recorded_examples(version)
    requests: Document = {}
    responses: Document = {}
    if (example := found.successes.get(method)) is not None:
        value = {"method": method, "params": [example.request]}
        requests["recorded"] = {"summary": f"Recorded from {example.source}", "value": value}
    for kind, known in (("success", found.successes), ("error", found.errors)):
        if (example := known.get(method)) is not None:
            responses[kind] = {"summary": f"Recorded from {example.source}", "value": example.http}
    return requests, responses


def _operation(method: Method, form: str = "JsonRpc", examples: tuple[Document, Document] = ({}, {})) -> Document:
    page = documentation_of(method.name)
    return {
        "operationId": method.name,
        "summary": method.doc,
        "tags": [FAMILIES[method.family]],
        **({"externalDocs": {"url": page}} if page else {}),
        "requestBody": {"required": True, "content": _json(reference(f"{method.stem}{form}Request"), examples[0])},
        "responses": {
            "200": {
                "description": "The response, which may be an error, unless `ripplerpc` is 3.0 or above.",
                "content": _json(reference(f"{method.stem}{form}Answer"), examples[1]),
            },
            "400": {"$ref": "#/components/responses/Unreadable"},
            "403": {"$ref": "#/components/responses/Forbidden"},
            "503": {"$ref": "#/components/responses/Unavailable"},
            "default": {"$ref": "#/components/responses/Error"},
        },
    }


def _json(schema: Schema, examples: Document | None = None) -> Document:
    return {"application/json": {"schema": schema, **({"examples": examples} if examples else {})}}


def _text(example: str) -> Document:
    return {"text/plain": {"schema": {"type": "string"}, "example": example}}


_ANY_ERROR: Schema = {
    "allOf": [reference("AnswerMembers"), {"anyOf": envelopes.jsonrpc_errors("ErrorResponse")}],
}

_RESPONSES: Document = {
    "Unreadable": {
        "description": "The request is malformed, or its API version is not supported; or an error, if "
        "`ripplerpc` is 3.0 or above.",
        "content": {**_text("invalid_API_version"), **_json(_ANY_ERROR)},
    },
    "Forbidden": {
        "description": "The method is for administrators only.",
        "content": {**_text("Forbidden"), **_json(_ANY_ERROR)},
    },
    "Unavailable": {
        "description": "No node is available, or the server is overloaded.",
        "content": {**_json(_ANY_ERROR), **_text("Server is overloaded")},
    },
    "Error": {
        "description": "An error with its own HTTP status, if `ripplerpc` is 3.0 or above; or no node gave a "
        "usable response, or the request was refused.",
        "content": {**_json(_ANY_ERROR), **_text("Request was not received in time")},
    },
}

_READINESS: Document = {
    "operationId": "readiness",
    "summary": "Readiness, for load balancers.",
    "tags": [FAMILIES["server"]],
    "responses": {
        "200": {"description": "They can.", "content": _text("This server is ready.")},
        "503": {"description": "They cannot.", "content": _text("This server is not ready: no node is available.")},
    },
}
