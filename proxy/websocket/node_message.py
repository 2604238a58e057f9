"""Classifies a node's WebSocket messages: responses to requests, pushed messages, or neither."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
import structlog

from adapters import JsonObject
from adapters.errors import error_result
from proxy.envelope import InvalidAnswer, read_websocket_answer
from proxy.envelope.lazy_metadata import loads_lazy_metadata
from proxy.http.websocket_frames import is_utf8
from proxy.nodes.http import NodeFailure
from proxy.nodes.large_responses import Room
from proxy.nodes.pool import Node
from proxy.telemetry.log_rate import RateLimitedLog
from proxy.versions.translator import NodeAnswer
from proxy.websocket.stream_names import stream_of_text, stream_of_type

log = RateLimitedLog(structlog.get_logger(__name__))

_RESPONSE = re.compile(rb'\{(?:"api_version":\d{1,9},)?"id":(\d{1,15}),"result":\{')
"""The beginning of a response as rippled formats it, with members in alphabetical order; errors begin differently."""
_NOTICE = re.compile(rb"[A-Za-z]+ [ -~]{1,199}\s*")
"""A line of text. Clio sends one to a client with too many requests in flight, without saying which it rejects."""


class NodeMessage(NamedTuple):
    """A node's response: its text, and the number of its request, or None if it does not say.

    `parsed`: if the text had to be parsed to find that. `room`: that for a large one, for as long as its text is used.
    """

    text: bytes
    number: int | None
    parsed: JsonObject | None = None
    room: Room | None = None

    def read(self, loads: Callable[[bytes], Any] = orjson.loads) -> JsonObject:
        """The response, parsed by `loads`; empty if it cannot be parsed."""
        if self.parsed is not None:
            return self.parsed
        try:
            answer: JsonObject = loads(self.text)
        except orjson.JSONDecodeError:
            return {}
        return answer

    def result(self) -> JsonObject:
        """The result; of an error its members; of an invalid response an error without a token."""
        try:
            return read_websocket_answer(self.read())[0]
        except InvalidAnswer:
            # A request with an invalid response may have taken effect, like a refused one.
            return {"error": ""}


class Pushed(NamedTuple):
    """A message that the node pushed, and its stream for metrics."""

    stream: str
    text: bytes


def read_message(text: bytes, node: Node) -> NodeMessage | Pushed | None:
    """Classify a message of the node; None for an invalid one, which is logged."""
    message = _classify(text)
    if message is None:
        log.warning("node_message_invalid", node=node.name, size=len(text))
    return message


def _classify(text: bytes) -> NodeMessage | Pushed | None:
    found = _RESPONSE.match(text)
    if found is not None:
        # A client that receives invalid UTF-8 has to close its connection.
        return NodeMessage(text, int(found[1]), None if is_utf8(text) else {})
    if not is_utf8(text):
        return None
    stream = stream_of_text(text)
    return Pushed(stream, text) if stream is not None else _classify_json(text)


def _classify_json(text: bytes) -> NodeMessage | Pushed | None:
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        if _NOTICE.fullmatch(text) is None:
            return None
        return NodeMessage(text, None, error_result("tooBusy", text.decode().strip()))
    if not isinstance(answer, dict):
        return None
    kind, number = answer.get("type"), answer.get("id")
    if isinstance(kind, str) and kind not in ("response", "error"):
        return Pushed(stream_of_type(kind), text)
    if type(number) is int:
        return NodeMessage(text, number, answer)
    is_error = isinstance(answer.get("error"), str)
    if not (is_error or isinstance(answer.get("result"), dict)):
        return None
    # No request has an id of another type: a result with one may be anything but the response to a request in flight.
    return NodeMessage(text, None, answer if is_error or number is None else {})


def read_response(
    message: NodeMessage, node: Node, request_id: str | None = None, *, is_lazy: bool = False
) -> NodeAnswer:
    """As `read_result`, with the size of the response."""
    result, extras = read_result(message, node, request_id, is_lazy=is_lazy)
    return NodeAnswer(result, extras, len(message.text))


def read_result(
    message: NodeMessage, node: Node, request_id: str | None = None, *, is_lazy: bool = False
) -> tuple[JsonObject, JsonObject]:
    """The result in a node's response, and the members next to it.

    `request_id`: of the client's request that it is a response to. `is_lazy`: leave the metadata of listed transactions
    as text. Raises NodeFailure for an invalid response, which is logged.
    """
    answer = message.read(loads_lazy_metadata) if is_lazy else message.read()
    if answer.get("error") == "invalid_API_version":
        # The version used with the node is the proxy's choice, not the client's fault.
        log.warning("node_refuses_version", node=node.name, request_id=request_id)
        raise NodeFailure("invalid_response", node.name)
    try:
        return read_websocket_answer(answer)
    except InvalidAnswer as invalid:
        log.warning("node_response_invalid", node=node.name, problem=str(invalid), request_id=request_id)
        raise NodeFailure("invalid_response", node.name) from None
