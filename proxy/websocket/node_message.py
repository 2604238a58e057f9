"""What a node's WebSocket messages are: responses to requests, pushed messages, or neither."""

import re
from typing import NamedTuple

import orjson
import structlog

from adapters import JsonObject
from adapters.errors import error_result
from proxy.envelope import InvalidAnswer, read_websocket_answer
from proxy.nodes.http import NodeFailure
from proxy.nodes.pool import Node
from proxy.telemetry.log_rate import RateLimitedLog
from proxy.versions.translator import NodeAnswer
from proxy.websocket.stream_names import stream_of_text, stream_of_type

log = RateLimitedLog(structlog.get_logger(__name__))

_RESPONSE = re.compile(rb'\{(?:"api_version":\d{1,9},)?"id":(\d{1,15}),"result":\{')
"""The beginning of a response as rippled writes it, its members in alphabetical order; errors begin otherwise."""
_NOTICE = re.compile(rb"[A-Za-z]+ [ -~]{1,199}\s*")
"""A line of text. Clio sends one to a client with too many requests in flight: it does not say to which of them."""


class NodeMessage(NamedTuple):
    """A node's response: its text, and parsed where that was needed to know which request it is for."""

    text: bytes
    parsed: JsonObject | None = None

    def read(self) -> JsonObject:
        """The response, parsed; empty where that is impossible."""
        if self.parsed is not None:
            return self.parsed
        try:
            answer: JsonObject = orjson.loads(self.text)
        except orjson.JSONDecodeError:
            return {}
        return answer

    def result(self) -> JsonObject:
        """The result, an error's members as the result of that; for an invalid response an error without a token."""
        try:
            return read_websocket_answer(self.read())[0]
        except InvalidAnswer:
            # A request with an invalid response may have taken effect, as a refused one may.
            return {"error": ""}


class Response(NamedTuple):
    """A response, and the number of the request that it is for; None where the node does not say."""

    number: int | None
    message: NodeMessage


class Pushed(NamedTuple):
    """A message that the node pushed, and the stream that it is counted as."""

    stream: str
    text: bytes


def read_message(text: bytes, node: Node) -> Response | Pushed | None:
    """What a message of the node is; None for one that is of no use, which is logged."""
    message = _classify(text)
    if message is None:
        log.warning("node_message_invalid", node=node.name, size=len(text))
    return message


def _classify(text: bytes) -> Response | Pushed | None:
    found = _RESPONSE.match(text)
    if found is not None:
        # A client that gets text with invalid UTF-8 has to close its connection.
        return Response(int(found[1]), NodeMessage(text, None if is_utf8(text) else {}))
    if not is_utf8(text):
        return None
    stream = stream_of_text(text)
    return Pushed(stream, text) if stream is not None else _classify_json(text)


def _classify_json(text: bytes) -> Response | Pushed | None:
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        if _NOTICE.fullmatch(text) is None:
            return None
        return Response(None, NodeMessage(text, error_result("tooBusy", text.decode().strip())))
    if not isinstance(answer, dict):
        return None
    kind, number = answer.get("type"), answer.get("id")
    if isinstance(kind, str) and kind not in ("response", "error"):
        return Pushed(stream_of_type(kind), text)
    if type(number) is int:
        return Response(number, NodeMessage(text, answer))
    if "id" not in answer and (isinstance(answer.get("error"), str) or isinstance(answer.get("result"), dict)):
        return Response(None, NodeMessage(text, answer))
    return None


def read_response(message: NodeMessage, node: Node, request_id: str | None = None) -> NodeAnswer:
    """The result in a node's response. Raises NodeFailure for an invalid response, which is logged.

    `request_id`: of the client's request that it is a response to.
    """
    answer = message.read()
    if answer.get("error") == "invalid_API_version":
        # The version that the node is spoken to in is the proxy's choice, and no error of the client's.
        log.warning("node_refuses_version", node=node.name, request_id=request_id)
        raise NodeFailure("nonsense", node.name)
    try:
        result, extras = read_websocket_answer(answer)
    except InvalidAnswer as invalid:
        log.warning("node_response_invalid", node=node.name, problem=str(invalid), request_id=request_id)
        raise NodeFailure("nonsense", node.name) from None
    return NodeAnswer(result, extras, len(message.text))


def is_utf8(text: bytes) -> bool:
    """Whether the text is valid UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
