"""Drives a conversation: asks what an adapter wants asked, within bounds, and remembers what never changes."""

import asyncio
import struct
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from cachetools import LRUCache

from adapters import Conversation, JsonObject, NodeRequest
from adapters.errors import error_result

# What adapters fail with on an answer that is not of the shape that its version has.
_MISSHAPEN = (AttributeError, IndexError, KeyError, TypeError, ValueError, struct.error)


class NodeAnswer(NamedTuple):
    """A node's answer to one question: its result, what stood beside that, and its size in bytes."""

    result: JsonObject
    extras: JsonObject
    size: int


Ask = Callable[[NodeRequest], Awaitable[NodeAnswer]]
"""Asks a node one question, by whichever transport. What it raises passes through."""


@dataclass(slots=True)
class TranslatedResult:
    """A result as the client's version has it, what stands beside it, and the seconds that translating it took."""

    result: JsonObject
    extras: JsonObject = field(default_factory=dict)
    seconds: float = 0.0


class UnexpectedShape(Exception):  # noqa: N818 - what has happened, not what is wrong with us
    """A node's answer is not what its version answers. Quotes nothing of it."""


class Translator:
    """Drives conversations for all requests of a process.

    `max_subrequests`: node requests that one client request may take. `max_subrequest_bytes`: bytes of their responses.
    `cache_size`: immutable responses cached for all requests. `concurrency`: requests of one conversation that are in
    flight together at most, where it says that they do not depend on each other.
    """

    def __init__(
        self, *, max_subrequests: int, max_subrequest_bytes: int, cache_size: int, concurrency: int = 1
    ) -> None:
        self._max_subrequests = max_subrequests
        self._max_subrequest_bytes = max_subrequest_bytes
        self._concurrency = concurrency
        self._immutable_cache: LRUCache[tuple[int, str, bytes], bytes] = LRUCache(cache_size)

    async def converse(
        self,
        conversation: Conversation,
        node_version: int,
        ask: Ask,
        first: NodeAnswer | None = None,
        own_extras: JsonObject | None = None,
    ) -> TranslatedResult:
        """Runs a conversation to its end and returns the result for the client.

        `first`: the response to its first request, where that has been sent already. `own_extras`: what stands next to
        a result that took no node request. A request that needs more than it may is answered with `tooBusy`. Raises
        UnexpectedShape, and what `ask` raises.
        """
        asked = size = 0
        seconds = 0.0
        extras: JsonObject = dict(own_extras or {})
        answer: NodeAnswer | None = None
        ahead: deque[NodeAnswer] = deque()
        while True:
            began = time.perf_counter()
            try:
                request = next(conversation) if answer is None else conversation.send(answer.result)
            except StopIteration as stop:
                return TranslatedResult(stop.value, extras, seconds + time.perf_counter() - began)
            except _MISSHAPEN as error:
                raise UnexpectedShape(type(error).__name__) from None
            seconds += time.perf_counter() - began
            if asked >= self._max_subrequests or size > self._max_subrequest_bytes:
                return TranslatedResult(self._budget_exceeded(asked), extras, seconds)
            if first is not None:
                answer, first = first, None
            elif ahead:
                answer = ahead.popleft()
            else:
                following = request.upcoming if self._concurrency > 1 else ()
                together = (request, *following[: self._max_subrequests - asked - 1])
                answer, *rest = await self._ask_all(together, node_version, ask)
                ahead.extend(rest)
            if not asked:
                extras = {}
            asked += 1
            size += answer.size
            if answer.extras:
                extras = {**answer.extras, **extras}

    async def _ask_all(self, requests: Sequence[NodeRequest], node_version: int, ask: Ask) -> list[NodeAnswer]:
        """The responses to all of them, in their order, a few in flight at a time. Raises what the first failure is."""
        answers: list[NodeAnswer] = []
        for start in range(0, len(requests), self._concurrency):
            batch = requests[start : start + self._concurrency]
            if len(batch) == 1:
                answers.append(await self._ask(batch[0], node_version, ask))
                continue
            tasks = [asyncio.ensure_future(self._ask(each, node_version, ask)) for each in batch]
            try:
                answers += await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
            size = sum(each.size for each in answers)
            if size > self._max_subrequest_bytes or any("error" in each.result for each in answers):
                break
        return answers

    async def _ask(self, request: NodeRequest, node_version: int, ask: Ask) -> NodeAnswer:
        return await (self._ask_once(request, node_version, ask) if request.immutable else ask(request))

    def _budget_exceeded(self, asked: int) -> JsonObject:
        if asked >= self._max_subrequests:
            bound = f"{self._max_subrequests} questions to a node (limits.max_subrequests)"
        else:
            bound = f"{self._max_subrequest_bytes} bytes of answers from a node (limits.max_subrequest_bytes)"
        return error_result("tooBusy", f"This takes more than {bound}. Ask for less at once.")

    async def _ask_once(self, question: NodeRequest, node_version: int, ask: Ask) -> NodeAnswer:
        # A client's number may be of a type of its own.
        params = orjson.dumps(question.params, repr, orjson.OPT_SORT_KEYS)
        key = (node_version, question.method, params)
        kept = self._immutable_cache.get(key)
        if kept is not None:
            return NodeAnswer(orjson.loads(kept), {}, 0)
        answer = await ask(question)
        if answer.result.get("validated") is True and "error" not in answer.result:
            self._immutable_cache[key] = orjson.dumps(answer.result)
        return answer


def error_of(result: dict[str, Any]) -> str | None:
    """The token of a result that is an error, None of one that is none."""
    error = result.get("error")
    return error if isinstance(error, str) else None if error is None else "other"
