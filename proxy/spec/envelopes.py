"""The envelopes of parameters and results, as schemas: JSON-RPC, batches and WebSocket."""

from collections.abc import Mapping

from proxy.spec.generator import REFERENCE, Schema
from proxy.spec.schemas import MethodSchemas

_STRING: Schema = {"type": "string"}
_ERROR_STATUS: Schema = {
    "type": "object",
    "properties": {
        "status": {"const": "error"},
        "request": {"description": "As it was sent, with its secrets masked.", "type": "object"},
    },
    "required": ["status", "request"],
}
"""What an error has next to its token, code and message."""


def reference(name: str) -> Schema:
    """A reference to the schema of that name."""
    return {"$ref": REFERENCE + name}


def request_members(version: int) -> Schema:
    """Members that any request may have among its parameters. Without `api_version` it is a request of version 1."""
    return {
        "description": "Members of any request.",
        "type": "object",
        "properties": {
            "api_version": {"description": "The API version of the request.", "const": version},
            "id": {"description": "Any value; the response has it too."},
            "jsonrpc": {"description": "The response has it too."},
            "ripplerpc": {"description": 'From "2.0" on errors are next to `result`.', **_STRING},
        },
        **({} if version == 1 else {"required": ["api_version"]}),
    }


ANSWER_MEMBERS: Schema = {
    "description": "Members of any response.",
    "type": "object",
    "properties": {
        "id": {"description": "As in the request."},
        "jsonrpc": {"description": "As in the request."},
        "ripplerpc": {"description": "As in the request."},
        "warning": {"description": '"load" if the client is about to be disconnected.', **_STRING},
        "warnings": {"type": "array", "items": {"$ref": f"{REFERENCE}ServerWarning"}},
        "forwarded": {"description": "Whether Clio forwarded the request to a rippled.", "type": "boolean"},
    },
}


def jsonrpc_request(method: str, names: MethodSchemas, components: Mapping[str, Schema]) -> Schema:
    """The body of a POST that calls the method; `params` is optional if no parameter is required."""
    params = {
        "type": "array",
        "items": {"allOf": [reference(names.request), reference("RequestMembers")]},
        "minItems": 1,
        "maxItems": 1,
    }
    said = any("required" in components[name] for name in (names.request, "RequestMembers"))
    return {
        "type": "object",
        "properties": {"method": {"const": method}, "params": params},
        "required": ["method", "params"] if said else ["method"],
    }


def jsonrpc_answer(names: MethodSchemas) -> Schema:
    """The body of the response: a result, an error as a result, or from `ripplerpc` 2.0 on an error in its place."""
    return {"allOf": [reference("AnswerMembers"), {"anyOf": [_success(names.success), *jsonrpc_errors(names.error)]}]}


def _success(success: str) -> Schema:
    status = {"type": "object", "properties": {"status": {"const": "success"}}, "required": ["status"]}
    return {
        "type": "object",
        "properties": {"result": {"allOf": [reference(success), status]}},
        "required": ["result"],
    }


def jsonrpc_errors(error: str) -> list[Schema]:
    """The two forms of an error in JSON-RPC."""
    next_to: Schema = {
        "type": "object",
        "properties": {
            "code": {"type": ["integer", "null"]},
            "message": {"type": ["string", "null"]},
            "status": {"const": "error"},
        },
        "required": ["code", "message", "status"],
    }
    return [
        {"type": "object", "properties": {part: {"allOf": [reference(error), form]}}, "required": [part]}
        for part, form in (("result", _ERROR_STATUS), ("error", next_to))
    ]


BATCH_REQUEST: Schema = {
    "description": "Several requests, each flat and with its own API version.",
    "type": "object",
    "properties": {
        "method": {"const": "batch"},
        "params": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"method": _STRING, "api_version": {"type": "integer", "minimum": 1}},
                "required": ["method"],
            },
        },
    },
    "required": ["method", "params"],
}

BATCH_ANSWER: Schema = {
    "description": "The responses in the order of the requests. A malformed request gets an error without a token.",
    "type": "array",
    "items": {
        "anyOf": [
            {"type": "object", "properties": {part: {"type": "object"}}, "required": [part]}
            for part in ("result", "error")
        ],
    },
}


def websocket_request(method: str, names: MethodSchemas) -> Schema:
    """A message that calls the method, with either of the two names of the member."""
    named: Schema = {
        "type": "object",
        "properties": {"command": {"const": method}, "method": {"const": method}},
        "anyOf": [{"required": ["command"]}, {"required": ["method"]}],
    }
    return {"allOf": [named, reference(names.request), reference("RequestMembers")]}


def websocket_answer(names: MethodSchemas) -> Schema:
    """The response message; an error's members are at its top."""
    success: Schema = {
        "type": "object",
        "properties": {"result": reference(names.success), "status": {"const": "success"}},
        "required": ["result", "status"],
    }
    typed: Schema = {"type": "object", "properties": {"type": {"const": "response"}}, "required": ["type"]}
    forms: list[Schema] = [success, {"allOf": [reference(names.error), _ERROR_STATUS]}]
    return {"allOf": [typed, reference("AnswerMembers"), {"anyOf": forms}]}


WEBSOCKET_REFUSAL: Schema = {
    "description": "The response to a message that is not a request: not JSON, no method, an unsupported API version.",
    "anyOf": [
        {
            "type": "object",
            "properties": {"type": {"const": "error"}, "error": {"const": "jsonInvalid"}, "value": _STRING},
            "required": ["type", "error", "value"],
        },
        {
            "type": "object",
            "properties": {
                "type": {"const": "response"},
                "status": {"const": "error"},
                "error": {"enum": ["missingCommand", "invalid_API_version"]},
                "error_message": _STRING,
                "request": {"type": "object"},
            },
            "required": ["type", "status", "error", "request"],
        },
    ],
}
