"""Drives a conversation: asks what an adapter wants asked, within bounds, and remembers what never changes."""

import struct
import time
from collections.abc import Awaitable, Callable
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
    beside: JsonObject
    size: int


Ask = Callable[[NodeRequest], Awaitable[NodeAnswer]]
"""Asks a node one question, by whichever transport. What it raises passes through."""


@dataclass(slots=True)
class Translated:
    """A result as the client's version has it, what stands beside it, and the seconds that translating it took."""

    result: JsonObject
    beside: JsonObject = field(default_factory=dict)
    seconds: float = 0.0


class AnswerMisshapen(Exception):  # noqa: N818 - what has happened, not what is wrong with us
    """A node's answer is not what its version answers. Quotes nothing of it."""


class Translator:
    """Drives conversations for all requests of a process.

    `questions`: asked of a node for one request at most. `question_bytes`: of answers taken for one request.
    `remembered`: answers that never change, kept for all.
    """

    def __init__(self, *, questions: int, question_bytes: int, remembered: int) -> None:
        self._questions = questions
        self._question_bytes = question_bytes
        self._settled: LRUCache[tuple[int, str, bytes], bytes] = LRUCache(remembered)

    async def converse(
        self, conversation: Conversation, node_version: int, ask: Ask, first: NodeAnswer | None = None
    ) -> Translated:
        """Runs a conversation to its end and returns the result for the client.

        `first`: the answer to its first question, where that has been asked already. A request that needs more than
        it may is answered with `tooBusy`. Raises AnswerMisshapen, and what `ask` raises.
        """
        asked = size = 0
        seconds = 0.0
        beside: JsonObject = {}
        answer: NodeAnswer | None = None
        while True:
            began = time.perf_counter()
            try:
                question = next(conversation) if answer is None else conversation.send(answer.result)
            except StopIteration as stop:
                return Translated(stop.value, beside, seconds + time.perf_counter() - began)
            except _MISSHAPEN as error:
                raise AnswerMisshapen(type(error).__name__) from None
            seconds += time.perf_counter() - began
            if asked >= self._questions or size > self._question_bytes:
                return Translated(self._too_much(asked), beside, seconds)
            if first is not None:
                answer, first = first, None
            elif question.immutable:
                answer = await self._ask_once(question, node_version, ask)
            else:
                answer = await ask(question)
            asked += 1
            size += answer.size
            if answer.beside:
                beside = {**answer.beside, **beside}

    def _too_much(self, asked: int) -> JsonObject:
        if asked >= self._questions:
            bound = f"{self._questions} questions to a node (limits.questions)"
        else:
            bound = f"{self._question_bytes} bytes of answers from a node (limits.question_bytes)"
        return error_result("tooBusy", f"This takes more than {bound}. Ask for less at once.")

    async def _ask_once(self, question: NodeRequest, node_version: int, ask: Ask) -> NodeAnswer:
        key = (node_version, question.method, orjson.dumps(question.params, option=orjson.OPT_SORT_KEYS))
        kept = self._settled.get(key)
        if kept is not None:
            return NodeAnswer(orjson.loads(kept), {}, 0)
        answer = await ask(question)
        if answer.result.get("validated") is True and "error" not in answer.result:
            self._settled[key] = orjson.dumps(answer.result)
        return answer


def error_of(result: dict[str, Any]) -> str | None:
    """The token of a result that is an error, None of one that is none."""
    error = result.get("error")
    return error if isinstance(error, str) else None if error is None else "other"
