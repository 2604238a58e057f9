"""Nodes in memory: conversations driven without a socket, against recorded answers or ones that a test lays out."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from adapters import VERSIONS, Conversation, JsonObject, NodeInfo, NodeRequest, Versions
from adapters.errors import ERRORS
from adapters.node import UNKNOWN_NODE
from proxy.demo.recorded import PortKind, Release, recordings

Ask = Callable[[NodeRequest], JsonObject]
"""Answers one question with a result as adapters see it: without `status`, `request` and the rest of an envelope."""

UNKNOWN_METHOD: JsonObject = {"error": "unknownCmd", "error_code": 32, "error_message": "Unknown method."}
LONGEST = 1000


class Miss(AssertionError):
    """An adapter asked what nobody recorded or laid out."""


def drive(conversation: Conversation, ask: Ask) -> JsonObject:
    """Runs a conversation to its end, each question answered by `ask`."""
    try:
        question = next(conversation)
        for _ in range(LONGEST):
            question = conversation.send(ask(question))
    except StopIteration as stop:
        result: JsonObject = stop.value
        return result
    raise AssertionError(f"still asking after {LONGEST} questions: {question}")


def serve(
    client: int,
    node: int,
    method: str,
    params: JsonObject,
    ask: Ask,
    versions: Versions = VERSIONS,
    server: NodeInfo = UNKNOWN_NODE,
) -> JsonObject:
    """The result for a client of version `client` from a node of version `node` that answers by `ask`.

    `server`: the node's software and release. Fails where the client's parameters were changed.
    """
    before = copy.deepcopy(params)
    result = drive(versions.pipeline(client, node, method, server).converse(params), ask)
    assert params == before, f"{method} changed its client's parameters"
    return result


class RecordedNode:
    """A node of one API version that answers as the recorded rippled did; `asked` is what it was asked."""

    def __init__(self, version: int, port_kind: PortKind = "public", release: Release = "rippled-2.6") -> None:
        self._recordings = recordings(version, port_kind, release)
        self.asked: list[NodeRequest] = []

    def ask(self, question: NodeRequest) -> JsonObject:
        """The recorded result. Raises Miss for parameters of a known method that no recording holds."""
        self.asked.append(question)
        found = self._recordings.http(question.method, question.params)
        if found is None:
            if question.method in self._recordings.methods:
                raise Miss(f"{question.method} {question.params}")
            return dict(UNKNOWN_METHOD)
        if found.text is not None:
            return {"error": "text", "error_message": found.text}
        result: JsonObject = orjson.loads(orjson.dumps(found.result if found.error is None else found.error))
        result.pop("status", None)
        return result


class LaidOutNode:
    """A node that a test lays out: for each method the results in turn, the last one for good.

    A result that is a function is called with the parameters. `asked` is what it was asked.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = {name: list(given) if isinstance(given, list) else [given] for name, given in answers.items()}
        self.asked: list[tuple[str, JsonObject]] = []

    def ask(self, question: NodeRequest) -> JsonObject:
        """The result laid out for the question. Raises Miss for a method that none is laid out for."""
        self.asked.append((question.method, copy.deepcopy(question.params)))
        waiting = self._answers.get(question.method)
        if not waiting:
            raise Miss(f"{question.method} {question.params}")
        given = waiting[0] if len(waiting) == 1 else waiting.pop(0)
        result: JsonObject = copy.deepcopy(given(question.params) if callable(given) else given)
        return result


def error(token: str, message: str | None = None, **extras: Any) -> JsonObject:
    """An error's result, with its code and message where they are rippled's own, and what stands next to it."""
    known = ERRORS[token]
    return {
        **extras,
        "error": token,
        "error_code": known.code,
        "error_message": message or known.message,
    }
