"""Requests of a session for what its node lacks, a method, a ledger or a transaction: another node may have it."""

from collections.abc import Callable

from adapters import JsonObject
from proxy.envelope import Call
from proxy.envelope.methods import SUBSCRIPTION_METHODS
from proxy.nodes.http import NodeFailure
from proxy.nodes.pool import Node, NodePool
from proxy.rpc.attempt import PlainTextAnswer
from proxy.rpc.dispatch import CallContext, Dispatcher
from proxy.telemetry.recorder import RequestRecord
from proxy.versions.own import own_error
from proxy.versions.translator import TranslatedResult


class OtherNodes:
    """Sends such requests over HTTP, as a session has one node: a rippled's for a Clio, a Clio's for a rippled."""

    def __init__(self, nodes: NodePool, dispatcher: Dispatcher) -> None:
        self._nodes = nodes
        self._dispatcher = dispatcher

    def serve(self, method: str, node: Node) -> bool:
        """Whether a session on `node` should have the method served by another node."""
        return node.lacks(method) and method not in SUBSCRIPTION_METHODS and self._nodes.any_has(method)

    async def answer(
        self, call: Call, record: RequestRecord, deadline: float, charge: Callable[[], bool]
    ) -> tuple[JsonObject, JsonObject]:
        """The result and what stands next to it. Raises NODE_ERRORS."""
        context = CallContext(record, deadline, charge)
        try:
            answer = await self._dispatcher.answer_uncached(call, context)
        except PlainTextAnswer as refusal:
            token = refusal.token
            if token is None:
                raise NodeFailure("invalid_response", record.node or "none") from None
            record.outcome, record.error = "error", token
            return own_error(token, None, call.version), {}
        if not isinstance(answer, TranslatedResult):
            raise TypeError("a session has no use for an HTTP response")
        return answer.result, answer.extras

    async def retry(self, call: Call, context: CallContext, node: Node, result: TranslatedResult) -> TranslatedResult:
        """The result of another node where `result`, of the session's, is about what that one lacks, or `result`."""
        return await self._dispatcher.answer_elsewhere(call, context, node, result)
