"""What a method's parameters and results are sent in: JSON-RPC, batches and WebSocket, as schemas."""

from collections.abc import Mapping

from proxy.spec.notation import REFERENCE, Schema
from proxy.spec.schemas import MethodSchemas

_STRING: Schema = {"type": "string"}


def reference(name: str) -> Schema:
    """A reference to the schema of that name."""
    return {"$ref": REFERENCE + name}


def request_members(version: int) -> Schema:
    """What may stand among any request's parameters, besides the method's own. Only version 1 is taken for granted."""
    return {
        "description": "Of the request itself, whatever its method.",
        "type": "object",
        "properties": {
            "api_version": {"description": "The API version to be served in.", "const": version},
            "id": {"description": "Any value; the answer has it too."},
            "jsonrpc": {"description": "The answer has it too."},
            "ripplerpc": {"description": 'From "2.0" on errors stand beside the result.', **_STRING},
        },
        **({} if version == 1 else {"required": ["api_version"]}),
    }


ANSWER_MEMBERS: Schema = {
    "description": "Of the answer itself, whatever its method.",
    "type": "object",
    "properties": {
        "id": {"description": "As in the request."},
        "jsonrpc": {"description": "As in the request."},
        "ripplerpc": {"description": "As in the request."},
        "warning": {"description": '"load" where the client is about to be cut off.', **_STRING},
        "warnings": {"type": "array", "items": {"$ref": f"{REFERENCE}ServerWarning"}},
        "forwarded": {"description": "Whether Clio had the answer from a rippled.", "type": "boolean"},
    },
}


def jsonrpc_request(method: str, names: MethodSchemas, components: Mapping[str, Schema]) -> Schema:
    """The body of a POST that asks for the method; without `params` where nothing has to be said."""
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
    """The body that answers it: a result, an error as a result, or from `ripplerpc` 2.0 on an error in its place."""
    return {"allOf": [reference("AnswerMembers"), {"anyOf": [_success(names.success), *jsonrpc_errors(names.error)]}]}


def _success(success: str) -> Schema:
    status = {"type": "object", "properties": {"status": {"const": "success"}}, "required": ["status"]}
    return {
        "type": "object",
        "properties": {"result": {"allOf": [reference(success), status]}},
        "required": ["result"],
    }


def jsonrpc_errors(error: str) -> list[Schema]:
    """The two forms in which JSON-RPC answers the error of that name."""
    within: Schema = {
        "type": "object",
        "properties": {
            "status": {"const": "error"},
            "request": {"description": "As it was sent, with its secrets masked.", "type": "object"},
        },
        "required": ["status", "request"],
    }
    beside: Schema = {
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
        for part, form in (("result", within), ("error", beside))
    ]


BATCH_REQUEST: Schema = {
    "description": "Several requests at once, each flat and of its own API version.",
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
    "description": "The answers in the order of the requests. One refused unread has an error without a token.",
    "type": "array",
    "items": {
        "anyOf": [
            {"type": "object", "properties": {part: {"type": "object"}}, "required": [part]}
            for part in ("result", "error")
        ],
    },
}


def websocket_request(method: str, names: MethodSchemas) -> Schema:
    """A message that asks for the method, under either of the names that a method has there."""
    named: Schema = {
        "type": "object",
        "properties": {"command": {"const": method}, "method": {"const": method}},
        "anyOf": [{"required": ["command"]}, {"required": ["method"]}],
    }
    return {"allOf": [named, reference(names.request), reference("RequestMembers")]}


def websocket_answer(names: MethodSchemas) -> Schema:
    """The message that answers it; an error's members stand at its top."""
    success: Schema = {
        "type": "object",
        "properties": {"result": reference(names.success), "status": {"const": "success"}},
        "required": ["result", "status"],
    }
    error: Schema = {
        "type": "object",
        "properties": {
            "status": {"const": "error"},
            "request": {"description": "As it was sent, with its secrets masked.", "type": "object"},
        },
        "required": ["status", "request"],
    }
    typed: Schema = {"type": "object", "properties": {"type": {"const": "response"}}, "required": ["type"]}
    forms: list[Schema] = [success, {"allOf": [reference(names.error), error]}]
    return {"allOf": [typed, reference("AnswerMembers"), {"anyOf": forms}]}


WEBSOCKET_REFUSAL: Schema = {
    "description": "What answers a message that is no request: no JSON, no method, or an API version not served.",
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
