"""The AsyncAPI 3 document of one API version: requests over WebSocket, and pushed messages."""

from typing import Any

from adapters.models.method import FAMILIES
from adapters.models.pages import documentation_of
from proxy.spec import envelopes
from proxy.spec.envelopes import reference
from proxy.spec.examples import recorded_examples
from proxy.spec.generator import Schema
from proxy.spec.openapi import HOST, INTRODUCTION, Document, information
from proxy.spec.schemas import MethodSchemas, schemas

_WEBSOCKET = """

Over WebSocket each message is a request, with the method in `command`, and its response has the same `id`. Requests on
one connection may use different versions; pushed messages have the version of the last `subscribe`."""

_PUSHED = "pushed"
_MANY_CHANNELS = "One WebSocket carries all channels. They are separate because tools copy channels into operations."


def asyncapi(version: int) -> Document:
    """The document of an API version, as JSON values. Raises ValueError for an unknown version."""
    return _Writer(version).document()


class _Writer:
    """Builds one document, method by method, stream by stream."""

    def __init__(self, version: int) -> None:
        self._version = version
        self._examples = recorded_examples(version)
        self._operations: dict[str, Any] = {}
        self._channels: dict[str, Any] = {}
        self._components: dict[str, Any] = {
            name: _with_plain_discriminator(schema) for name, schema in schemas(version).components.items()
        }
        self._components["RequestMembers"] = envelopes.request_members(version)
        self._components["AnswerMembers"] = envelopes.ANSWER_MEMBERS
        self._components["WebSocketRefusal"] = envelopes.WEBSOCKET_REFUSAL

    def document(self) -> Document:
        for name, names in schemas(self._version).methods.items():
            self._add_method(name, names)
        for kind, schema in schemas(self._version).streams.items():
            self._add_push(f"stream.{kind}", f"push.{kind}", schemas(self._version).description(schema), schema)
        self._add_push("refusal", "refuse", envelopes.WEBSOCKET_REFUSAL["description"], "WebSocketRefusal")
        return {
            "asyncapi": "3.0.0",
            "info": information(self._version, INTRODUCTION + _WEBSOCKET) | {"license": {"name": "MIT"}},
            "defaultContentType": "application/json",
            "servers": {"proxy": {"host": "{host}", "protocol": "ws", "variables": {"host": HOST}}},
            "channels": self._channels,
            "operations": self._operations,
            "components": {"schemas": self._components},
        }

    def _add_method(self, name: str, names: MethodSchemas) -> None:
        method = names.method
        payloads = {
            "request": envelopes.websocket_request(name, names),
            "answer": envelopes.websocket_answer(names),
        }
        examples = self._examples_of(name)
        for part, payload in payloads.items():
            self._channel(method.family, FAMILIES[method.family])["messages"][f"{name}.{part}"] = {
                "summary": method.doc,
                "correlationId": {"location": "$message.payload#/id"},
                "payload": payload,
                **({"examples": examples[part]} if examples[part] else {}),
            }
        self._operations[name] = {
            "action": "receive",
            "summary": method.doc,
            "tags": [{"name": FAMILIES[method.family]}],
            **({"externalDocs": {"url": page}} if (page := documentation_of(name)) else {}),
            **_on_channel(method.family, f"{name}.request"),
            "reply": _on_channel(method.family, f"{name}.answer"),
        }

    def _examples_of(self, method: str) -> dict[str, list[Document]]:
        """Examples of requests and of responses, from recordings."""
        known = (("success", self._examples.successes), ("error", self._examples.errors))
        found = [(name, examples[method]) for name, examples in known if method in examples]
        return {
            "request": [
                _example("recorded", example.source, {"id": 1, "command": method, **example.request})
                for name, example in found
                if name == "success"
            ],
            "answer": [
                _example(name, example.source, example.websocket) for name, example in found if example.websocket
            ],
        }

    def _add_push(self, message: str, operation: str, doc: str, schema: str) -> None:
        """A message that is not a response to a request."""
        example = self._examples.messages.get(message.removeprefix("stream."))
        self._channel(_PUSHED, "Pushed messages")["messages"][message] = {
            "summary": doc,
            "payload": reference(schema),
            **({"examples": [_example("recorded", example.source, example.websocket)]} if example else {}),
        }
        self._operations[operation] = {"action": "send", "summary": doc, **_on_channel(_PUSHED, message)}

    def _channel(self, name: str, title: str) -> Document:
        fresh = {"address": "/", "title": title, "description": _MANY_CHANNELS, "messages": {}}
        channel: Document = self._channels.setdefault(name, fresh)
        return channel


def _example(name: str, source: str, payload: Any) -> Document:
    return {"name": name, "summary": f"Recorded from {source}", "payload": payload}


def _with_plain_discriminator(schema: Schema) -> Schema:
    """AsyncAPI's discriminator is only the name of a member."""
    if "discriminator" not in schema:
        return schema
    return {**schema, "discriminator": schema["discriminator"]["propertyName"]}


def _on_channel(channel: str, message: str) -> Document:
    place = f"#/channels/{channel}"
    return {"channel": {"$ref": place}, "messages": [{"$ref": f"{place}/messages/{message}"}]}
