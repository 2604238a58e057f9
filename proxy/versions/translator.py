"""Drives an adapter's conversation with a node, within a budget, and caches responses that never change."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from cachetools import LRUCache

from adapters import MISSHAPEN, Conversation, JsonObject, NodeRequest
from proxy.eventloop.compact_bytes import compact
from proxy.versions.own import OWN_VERSION, error_for_client, own_error, own_token

UNABLE_ERRORS = frozenset(
    {
        "amendmentBlocked",
        "noClosed",
        "noCurrent",
        "noNetwork",
        "notReady",
        "notSynced",
        "slowDown",
        "tooBusy",
        "unlBlocked",
        # Clio cannot reach its rippled (`rpc/Errors.hpp`, 7000 to 7003).
        "connectionError",
        "invalidResponse",
        "requestError",
        "timeout",
    }
)
"""Errors about the node's current state, not the request: another node may well have the result."""


MISSING_ERRORS = frozenset({"lgrNotFound", "txnNotFound", "lgrIdxMalformed"})
"""Errors about a ledger or a transaction that another node may have: one that is ahead, or that has more history."""


@dataclass(slots=True)
class NodeAnswer:
    """A node's response to one request: its result, the members next to that, and its size in bytes."""

    result: JsonObject
    extras: JsonObject
    size: int


Ask = Callable[[NodeRequest], Awaitable[NodeAnswer]]
"""Sends one request to a node, over any transport. Its exceptions are not caught."""


@dataclass(slots=True)
class TranslatedResult:
    """A result in the client's version, the members next to it, and the seconds that translation took."""

    result: JsonObject
    extras: JsonObject = field(default_factory=dict)
    seconds: float = 0.0


class UnexpectedShape(Exception):
    """A node's response does not have the shape of its version. The message quotes nothing of it."""


class SubrequestBudget:
    """What one POST or one WebSocket message may cause at nodes, however many calls it has.

    `requests`: node requests. `size`: bytes of their responses. `charge` is called for each node request that a call
    takes beyond its first, which the client has paid for already; False means that the client may have no more.
    """

    __slots__ = ("_charge", "_max_requests", "_max_size", "_requests", "_size")

    def __init__(self, requests: int, size: int, charge: Callable[[], bool]) -> None:
        self._max_requests = requests
        self._max_size = size
        self._charge = charge
        self._requests = 0
        self._size = 0

    def add_calls(self, calls: int) -> None:
        """Allow one more node request for each of `calls` further calls of a batch."""
        self._max_requests += calls

    def used_up(self) -> tuple[str, str] | None:
        """The error for a request whose budget is used up; None if it may make another node request."""
        if self._requests >= self._max_requests:
            limit = f"{self._max_requests} node requests (limits.max_subrequests)"
        elif self._size > self._max_size:
            limit = f"{self._max_size} bytes of node responses (limits.max_subrequest_bytes)"
        else:
            return None
        return "tooBusy", f"This request takes more than {limit}. Request less at a time."

    @property
    def remaining(self) -> int:
        """The number of node requests left."""
        return self._max_requests - self._requests

    def count(self, requests: int, size: int) -> None:
        """Count `requests` that nodes, or the cache, answered with `size` bytes."""
        self._requests += requests
        self._size += size

    def pay(self) -> bool:
        """Charge the client for a node request beyond a call's first; return False if its rate is used up."""
        return self._charge()

    def over_rate(self) -> tuple[str, str]:
        """The error for a request beyond its client's rate."""
        return "slowDown", "This request takes more node requests than your rate allows. Request less."


class Translator:
    """Drives conversations for all requests of a process.

    `max_subrequests`: node requests that one client request may take. `max_subrequest_bytes`: bytes of their responses.
    `cache_size`: immutable responses to cache, for all requests. `concurrency`: most independent requests of one
    conversation that are in flight together.
    """

    def __init__(
        self, *, max_subrequests: int, max_subrequest_bytes: int, cache_size: int, concurrency: int = 1
    ) -> None:
        self._max_subrequests = max_subrequests
        self._max_subrequest_bytes = max_subrequest_bytes
        self._concurrency = concurrency
        self._immutable_cache: LRUCache[tuple[int, str, bytes], bytes] = LRUCache(cache_size)

    def budget(self, charge: Callable[[], bool] = lambda: True) -> SubrequestBudget:
        """The budget of one POST or WebSocket message; `charge` as in `SubrequestBudget`."""
        return SubrequestBudget(self._max_subrequests, self._max_subrequest_bytes, charge)

    async def converse(
        self,
        conversation: Conversation,
        node_version: int,
        ask: Ask,
        first: NodeAnswer | None = None,
        own_extras: JsonObject | None = None,
        budget: SubrequestBudget | None = None,
        *,
        client_version: int | None = None,
    ) -> TranslatedResult:
        """Run a conversation to its end and return the result for the client.

        `first`: the response to its first request, if that has been sent already. `own_extras`: members next to a
        result that needs no node request. The result is `tooBusy` when `budget` is used up, `slowDown` when the
        client's rate is. A subrequest that the node is unable to serve, or a ledger header that it does not have, makes
        the result that error: without it the result would lack fields, and look like a success. Such errors are
        converted to `client_version`. Raises UnexpectedShape, and what `ask` raises.
        """
        budget = self.budget() if budget is None else budget
        seconds = 0.0
        extras: JsonObject = dict(own_extras or {})
        answer: NodeAnswer | None = None
        ahead: list[NodeAnswer] = []
        unable: JsonObject | None = None  # the error of a request that the node refused

        def for_client(error: JsonObject) -> JsonObject:
            return error if client_version is None else error_for_client(error, client_version, node_version)

        while True:
            began = time.perf_counter()
            try:
                request = next(conversation) if answer is None else conversation.send(answer.result)
            except StopIteration as stop:
                result = stop.value if unable is None or "error" in stop.value else for_client(unable)
                return TranslatedResult(result, extras, seconds + time.perf_counter() - began)
            except MISSHAPEN as error:
                raise UnexpectedShape(type(error).__name__) from None
            seconds += time.perf_counter() - began
            if unable is not None:
                return TranslatedResult(for_client(unable), extras, seconds)
            if ahead:
                answer = ahead.pop(0)
            elif (refusal := budget.used_up()) is not None:
                return TranslatedResult(own_error(*refusal, client_version or OWN_VERSION), extras, seconds)
            elif answer is None and first is not None:
                answer = first
                budget.count(1, first.size)
                extras = {}
            elif answer is None and not (request.immutable or request.upcoming):
                # As nearly all conversations begin: the client has paid for it, and it is not in the cache.
                answer = await ask(request)
                budget.count(1, answer.size)
                extras = {}
            else:
                following = request.upcoming if self._concurrency > 1 else ()
                together = (request, *following)[: budget.remaining]
                ahead = await self._ask_all(together, node_version, ask, budget, free=answer is None)
                if not ahead:
                    refusal = budget.over_rate()
                    return TranslatedResult(own_error(*refusal, client_version or OWN_VERSION), extras, seconds)
                if answer is None:
                    extras = {}
                answer = ahead.pop(0)
            if "error" in answer.result and (
                (token := own_token(answer.result["error"], node_version)) in UNABLE_ERRORS
                or (request.immutable and token in MISSING_ERRORS)
            ):
                unable = dict(answer.result)
            if answer.extras:
                extras = {**answer.extras, **extras}

    async def _ask_all(
        self, requests: Sequence[NodeRequest], node_version: int, ask: Ask, budget: SubrequestBudget, *, free: bool
    ) -> list[NodeAnswer]:
        """The responses to those requests that the client's rate allows, in order, a few in flight at a time.

        `free`: the first is not charged. Raises the first failure.
        """
        answers: list[NodeAnswer] = []
        for start in range(0, len(requests), self._concurrency):
            group = []
            for request in requests[start : start + self._concurrency]:
                if not (free or self._is_cached(request, node_version) or budget.pay()):
                    break
                free = False
                group.append(request)
            received = await self._ask_group(group, node_version, ask)
            answers += received
            budget.count(len(received), sum(each.size for each in received))
            if len(group) < self._concurrency or budget.used_up() or any("error" in each.result for each in received):
                break
        return answers

    async def _ask_group(self, requests: Sequence[NodeRequest], node_version: int, ask: Ask) -> list[NodeAnswer]:
        if len(requests) == 1:
            return [await self._ask(requests[0], node_version, ask)]
        tasks = [asyncio.ensure_future(self._ask(each, node_version, ask)) for each in requests]
        try:
            return await asyncio.gather(*tasks)
        finally:
            while tasks:
                tasks.pop().cancel()  # no longer in this frame, which the traceback of a task's exception holds

    def _is_cached(self, request: NodeRequest, node_version: int) -> bool:
        return request.immutable and _cache_key(request, node_version) in self._immutable_cache

    def _cached(self, request: NodeRequest, node_version: int) -> NodeAnswer | None:
        text = self._immutable_cache.get(_cache_key(request, node_version)) if request.immutable else None
        return None if text is None else NodeAnswer(orjson.loads(text), {}, 0)

    async def _ask(self, request: NodeRequest, node_version: int, ask: Ask) -> NodeAnswer:
        if (cached := self._cached(request, node_version)) is not None:
            return cached
        answer = await ask(request)
        if request.immutable and answer.result.get("validated") is True and "error" not in answer.result:
            self._immutable_cache[_cache_key(request, node_version)] = compact(orjson.dumps(answer.result))
        return answer


def _cache_key(request: NodeRequest, node_version: int) -> tuple[int, str, bytes]:
    # A client's number may be of a special type.
    return node_version, request.method, compact(orjson.dumps(request.params, repr, orjson.OPT_SORT_KEYS))


def error_of(result: dict[str, Any]) -> str | None:
    """The error token of a result, None if it is not an error."""
    error = result.get("error")
    return error if isinstance(error, str) else None if error is None else "other"
