"""The OpenAPI 3.1 document of one API version: JSON-RPC over HTTP."""

from typing import Any

from adapters import VERSIONS
from proxy.spec import envelopes
from proxy.spec.envelopes import reference
from proxy.spec.notation import Schema
from proxy.spec.schemas import schemas
from proxy.spec.source import families, family_title, read_source

Document = dict[str, Any]

INTRODUCTION = """\
The XRP Ledger's API as clients of this version have it. A request says its version by `api_version`, a whole number
among its parameters; without it, it is of version 1. A version that is not served is refused (XLS-22).

Objects may have more members than are listed here, and get new ones without a new version. Errors are those of
rippled; their tokens, not their messages, are what to go by."""

_JSONRPC = """

JSON-RPC is asked by POST at any path. The paths listed here name the method for the reader's sake; what counts is
`method` in the body."""


def openapi(version: int) -> Document:
    """The document of an API version, as JSON values. Raises ValueError for a version that there is none of."""
    components = dict(schemas(version).components)
    components["RequestMembers"] = envelopes.request_members(version)
    components["AnswerMembers"] = envelopes.ANSWER_MEMBERS
    components["BatchRequest"] = envelopes.BATCH_REQUEST
    components["BatchAnswer"] = envelopes.BATCH_ANSWER
    paths: dict[str, Any] = {"/": {"get": _READINESS}}
    for name, names in schemas(version).methods.items():
        method = read_source().methods[name]
        if "http" not in method.transports:
            continue
        components[f"{names.stem}JsonRpcRequest"] = envelopes.jsonrpc_request(name, names, components)
        components[f"{names.stem}JsonRpcAnswer"] = envelopes.jsonrpc_answer(names)
        paths[f"/{name}"] = {"post": _operation(name, method.doc, family_title(method.family), names.stem)}
    batch = "Several requests at once, each of its own API version."
    paths["/batch"] = {"post": _operation("batch", batch, family_title("server"), "Batch", "")}
    return {
        "openapi": "3.1.0",
        "info": information(version, INTRODUCTION + _JSONRPC),
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "http://{host}", "variables": {"host": HOST}}],
        "security": [],
        "tags": [{"name": family_title(family)} for family in families()],
        "paths": paths,
        "components": {"schemas": components, "responses": _RESPONSES},
    }


HOST = {"default": "localhost:51233", "description": "Where the server listens."}


def information(version: int, description: str) -> Document:
    """The `info` of a document; its version is the API's."""
    beta = " (beta)" if VERSIONS.is_beta(version) else ""
    return {
        "title": f"XRP Ledger API, version {version}{beta}",
        "version": str(version),
        "description": description,
        "license": {"name": "MIT", "identifier": "MIT"},
    }


def _operation(method: str, doc: str, family: str, stem: str, form: str = "JsonRpc") -> Document:
    return {
        "operationId": method,
        "summary": doc,
        "tags": [family],
        "requestBody": {"required": True, "content": _json(reference(f"{stem}{form}Request"))},
        "responses": {
            "200": {
                "description": "The answer. An error too, unless `ripplerpc` is 3.0 or above.",
                "content": _json(reference(f"{stem}{form}Answer")),
            },
            "400": {"$ref": "#/components/responses/Unreadable"},
            "403": {"$ref": "#/components/responses/Forbidden"},
            "503": {"$ref": "#/components/responses/Unavailable"},
            "default": {"$ref": "#/components/responses/Error"},
        },
    }


def _json(schema: Schema) -> Document:
    return {"application/json": {"schema": schema}}


def _text(example: str) -> Document:
    return {"text/plain": {"schema": {"type": "string"}, "example": example}}


_ANY_ERROR: Schema = {
    "allOf": [reference("AnswerMembers"), {"anyOf": envelopes.jsonrpc_errors("ErrorResponse")}],
}

_RESPONSES: Document = {
    "Unreadable": {
        "description": "The request cannot be read, or is of an API version that is not served; or an error, where "
        "`ripplerpc` is 3.0 or above.",
        "content": {**_text("invalid_API_version"), **_json(_ANY_ERROR)},
    },
    "Forbidden": {
        "description": "The method is for the node's administrators.",
        "content": {**_text("Forbidden"), **_json(_ANY_ERROR)},
    },
    "Unavailable": {
        "description": "No node can be asked, or there is too much to do.",
        "content": {**_json(_ANY_ERROR), **_text("Server is overloaded")},
    },
    "Error": {
        "description": "An error with an HTTP status of its own, where `ripplerpc` is 3.0 or above; or no node gave a "
        "usable answer, or the request was refused unread.",
        "content": {**_json(_ANY_ERROR), **_text("Request was not received in time")},
    },
}

_READINESS: Document = {
    "operationId": "readiness",
    "summary": "Whether requests can be answered, for load balancers.",
    "tags": [family_title("server")],
    "responses": {
        "200": {"description": "They can.", "content": _text("This server is ready.")},
        "503": {"description": "They cannot.", "content": _text("This server is not ready: no node can be asked.")},
    },
}
