"""One attempt to have a call over HTTP answered by one node, and what may come of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from adapters import JsonObject, NodeRequest
from proxy.access.fair_share import LARGE_RESPONSE_BYTES, FairShare
from proxy.envelope import InvalidAnswer, node_request, read_jsonrpc_answer
from proxy.envelope.methods import READING_METHODS
from proxy.http.response import TEXT
from proxy.nodes import Node, NodeFailure, NodeResponse
from proxy.nodes.http import MAX_REQUEST_BYTES
from proxy.nodes.own_requests import refuses_version
from proxy.rpc.large_translations import VERY_LARGE_BYTES, VeryLarge
from proxy.rpc.own_work import in_time
from proxy.rpc.refusal import OVERLOADED
from proxy.telemetry.log_rate import RateLimitedLog
from proxy.telemetry.recorder import RequestRecord
from proxy.versions.own import own_token
from proxy.versions.translator import UNABLE_ERRORS, NodeAnswer, TranslatedResult

log = RateLimitedLog(structlog.get_logger(__name__), lines=100)

_OVERLOADED = 503
"""The HTTP status of a node that is too busy, whatever comes with it: a line of text, or a bare error of Clio's."""
_TEXT_STATUSES = frozenset({400, 403, 429, _OVERLOADED})
"""The statuses of rippled's and Clio's responses in a line of text, and of a limit in front of a node."""
_TOKENS = {403: "forbidden", 429: "slowDown", _OVERLOADED: "tooBusy"}


class PlainTextAnswer(Exception):
    """The node responded with a line of text, which the client gets unchanged."""

    def __init__(self, answer: NodeResponse) -> None:
        super().__init__(answer.status)
        self.answer = answer

    @property
    def token(self) -> str | None:
        """The error that says the same where there is no HTTP status; None if no error does."""
        return _TOKENS.get(self.answer.status)

    @property
    def line(self) -> str | None:
        """The line of text; None for JSON."""
        text = self.answer.body[:200].decode(errors="replace").strip()
        return None if text.startswith(("{", "[")) else text


class VersionRefused(NodeFailure):
    """The node no longer supports the API version that is used with it, which is not the client's fault."""

    def __init__(self, node: str) -> None:
        super().__init__("invalid_response", node)


@dataclass(slots=True)
class PassthroughAnswer:
    """A node's answer that needs no translation: `body` as the node sent it, `answer` with the client's envelope."""

    body: bytes
    answer: bytes


Answer = PassthroughAnswer | TranslatedResult


class Attempt:
    """One attempt at a call of `method` on one node, in that node's API version."""

    __slots__ = (
        "_deadline",
        "_fair_share",
        "_may_have_acted",
        "_method",
        "_record",
        "_unable",
        "hands_over",
        "loads",
        "node",
        "version",
    )

    def __init__(
        self, node: Node, version: int, method: str, record: RequestRecord, deadline: float, fair_share: FairShare
    ) -> None:
        self.node = node
        self.version = version
        self.loads: Callable[[bytes], Any] = orjson.loads
        """Parses the response to the call's own method, as far as its adapters need that."""
        self.hands_over = False
        """Whether the first response is handed over if it is very large."""
        self._method = method
        self._record = record
        self._deadline = deadline
        self._fair_share = fair_share
        self._may_have_acted = False  # the node may have acted on a request that does not only read
        self._unable = False  # the node is temporarily unable to serve it

    def is_retryable(self, outcome: Answer | Exception) -> bool:
        """Whether the call may and should be sent to another node, given the outcome of this attempt."""
        if self._may_have_acted or isinstance(outcome, PassthroughAnswer):
            return False
        if isinstance(outcome, PlainTextAnswer):
            return outcome.answer.status >= 500 or outcome.answer.status == 429
        return self._unable and "error" in outcome.result if isinstance(outcome, TranslatedResult) else True

    async def ask(self, request: NodeRequest) -> NodeAnswer:
        """Send one request to the node. Raises NodeFailure, PlainTextAnswer, and VeryLarge as `take`."""
        return await self.take(await self.post(request.method, request.params), request.method)

    async def take(self, raw: NodeResponse, method: str) -> NodeAnswer:
        """As `read`, if it is large in a turn of the client. Raises VeryLarge the first time, if `hands_over`."""
        hands_over, self.hands_over = self.hands_over, False
        if len(raw.body) >= LARGE_RESPONSE_BYTES:
            if hands_over and len(raw.body) >= VERY_LARGE_BYTES and raw.status == 200:
                body, raw.body = raw.body, b""  # callers still have `raw`
                raise VeryLarge(body, raw.room)
            await self.take_turn(len(raw.body), is_translated=True)
        result, extras = self.read(raw, method)
        size, raw.body, raw.room = len(raw.body), b"", None
        return NodeAnswer(result, extras, size)

    def post(self, method: str, params: JsonObject) -> Awaitable[NodeResponse]:
        """As `ask`, without parsing the response."""
        reads_only = method in READING_METHODS
        body = node_request(method, params, self.version)
        if len(body) > MAX_REQUEST_BYTES:
            # What a rippled itself responds to, unless it resets the connection.
            raise PlainTextAnswer(NodeResponse(400, TEXT, b"Unable to parse request: larger than 1000000 bytes\r\n"))
        response = self.node.http.ask(
            body,
            client=self._record.peer,
            method=method,
            reads_only=reads_only,
            deadline=self._deadline,
        )
        return response if reads_only else self._track_side_effect(response)

    async def take_turn(self, size: int, *, is_translated: bool) -> None:
        """Wait for the client's turn to handle a response of `size` bytes. Raises NodeFailure at the deadline."""
        turn = self._fair_share.response_turn(self._record.peer, size, is_translated=is_translated)
        await in_time(turn, self.node.name, self._deadline)

    async def _track_side_effect(self, response: Awaitable[NodeResponse]) -> NodeResponse:
        try:
            answer = await response
        except NodeFailure as failure:
            self._may_have_acted |= failure.maybe_received
            raise
        self._may_have_acted = True
        return answer

    def read(self, raw: NodeResponse, method: str) -> tuple[JsonObject, JsonObject]:
        """The result of `method`, and the members next to it. Raises PlainTextAnswer, or NodeFailure."""
        if raw.status == _OVERLOADED:
            raise PlainTextAnswer(_without_page(raw))
        loads = self.loads if method == self._method else orjson.loads
        try:
            result, extras = read_jsonrpc_answer(raw.status, raw.body, loads)
        except InvalidAnswer as unreadable:
            name, request_id = self.node.name, self._record.request_id
            if refuses_version(raw):
                log.warning("node_refuses_version", name, node=name, api_version=self.version, request_id=request_id)
                raise VersionRefused(name) from None
            if raw.status not in _TEXT_STATUSES or (raw.status in (400, 403) and _is_page(raw)):
                log.warning("node_response_invalid", name, node=name, problem=str(unreadable), request_id=request_id)
                self.node.health.request_probe()
                raise NodeFailure("invalid_response", name) from None
            raise PlainTextAnswer(_without_page(raw)) from None
        if "error" in result:
            self._unable |= own_token(result["error"], self.version) in UNABLE_ERRORS
        if result.get("validated") is True:
            self.node.note_ledger(result.get("ledger_index"))
        return result, extras


def _is_page(raw: NodeResponse) -> bool:
    """Whether it is a page of HTML: of something in front of the node, as nodes return none."""
    return raw.body.lstrip()[:1] == b"<"


def _without_page(raw: NodeResponse) -> NodeResponse:
    """The response of something overloaded, with rippled's line in place of a page."""
    return NodeResponse(raw.status, TEXT, f"{OVERLOADED}\r\n".encode()) if _is_page(raw) else raw
