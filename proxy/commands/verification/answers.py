"""Every request in each version, natively and through the adapters, with the responses compared."""

from collections.abc import AsyncIterator
from itertools import permutations

from adapters import JsonObject, NodeInfo, NodeRequest, Versions
from adapters.node import UNKNOWN_NODE
from proxy.commands.verification.comparison import Outcome, Verdict, differences
from proxy.commands.verification.node import NotAsked, RateLimitedNode
from proxy.config import LimitSettings
from proxy.versions.translator import NodeAnswer, Translator, UnexpectedShape

_ATTEMPTS = 3
"""Tries of a comparison: a ledger may close between two requests, so only what differs each time counts."""


class AnswerComparison:
    """Compares responses for every pair of `spoken` versions, over one transport of `node`.

    `server`: the node's software and release. `ignored`: names of fields to skip.
    """

    def __init__(
        self,
        node: RateLimitedNode,
        versions: Versions,
        spoken: tuple[int, ...],
        server: NodeInfo = UNKNOWN_NODE,
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        limits = LimitSettings()
        self._translator = Translator(
            max_subrequests=limits.max_subrequests,
            max_subrequest_bytes=limits.max_subrequest_bytes,
            cache_size=limits.remembered_ledgers,
        )
        self._node = node
        self._versions = versions
        self._spoken = spoken
        self._server = server
        self._ignored = ignored

    async def outcomes(self, request: NodeRequest) -> AsyncIterator[Outcome]:
        """The outcomes of one request, for each client version and node version. Raises NodeLost."""
        self._node.forget()
        for client, version in permutations(self._spoken, 2):
            yield await self._outcome(request, client, version)

    async def _outcome(self, request: NodeRequest, client: int, version: int) -> Outcome:
        found: tuple[str, ...] = ()
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._node.forget()
            try:
                native = (await self._node.ask(request, client)).result
                if native.get("error") == "unknownCmd" and await self._is_unknown(request):
                    return self._outcome_of(request, client, version, reason="the node does not have the method")
                found = await self._differences(native, request, client, version)
            except NotAsked as problem:
                return self._outcome_of(request, client, version, reason=str(problem))
            if not found:
                break
        return self._outcome_of(request, client, version, found)

    async def _is_unknown(self, request: NodeRequest) -> bool:
        """Whether the node does not have the method in any version: Clio lacks some of rippled's, and vice versa."""
        answers = [(await self._node.ask(request, version)).result for version in self._spoken]
        return all(answer.get("error") == "unknownCmd" for answer in answers)

    async def _differences(
        self, native: JsonObject, request: NodeRequest, client: int, version: int
    ) -> tuple[str, ...]:
        async def ask(asked: NodeRequest) -> NodeAnswer:
            return await self._node.ask(asked, version)

        conversation = self._versions.pipeline(client, version, request.method, self._server).converse(request.params)
        try:
            translated = await self._translator.converse(conversation, version, ask)
        except UnexpectedShape as misshapen:
            return (f"/: the adapter cannot read the node's response ({misshapen})",)
        return differences(native, translated.result, request, self._ignored)

    def _outcome_of(
        self, request: NodeRequest, client: int, version: int, found: tuple[str, ...] = (), reason: str = ""
    ) -> Outcome:
        verdict: Verdict = "not compared" if reason else "different" if found else "same"
        transport = self._node.transport
        return Outcome(request.method, request.params, transport, client, version, verdict, found, reason)
