"""Composes steps: a v1 client on a v3 node passes v1 to v2, then v2 to v3, and back again."""

import re
from collections.abc import Mapping
from functools import lru_cache

from adapters.adapter import Conversation, JsonObject, MessageChange, NodeRequest, Step


class Pipeline:
    """The way of one method between a client's version and a node's, looked up once and kept.

    `passes` says that the request is asked as it is and that a result without an error is the same in both versions,
    so that its bytes may pass as they are; an error has to go through `converse` even then.
    """

    __slots__ = ("_method", "_upgrading", "_way", "is_identity")

    def __init__(self, route: tuple[Step, ...], upwards: bool, method: str) -> None:
        self._way = route
        self._upgrading = upwards
        self._method = method
        self.is_identity = not any(method in step.methods for step in route)

    @property
    def same_version(self) -> bool:
        """Whether client and node speak the same version, so that errors pass as well."""
        return not self._way

    def converse(self, params: JsonObject) -> Conversation:
        """Answers a client that asked for the method with `params`; yields what to ask of the node."""
        return _converse(self._way, self._upgrading, NodeRequest(self._method, params))


def _converse(route: tuple[Step, ...], upwards: bool, question: NodeRequest) -> Conversation:
    """Answers `question` from a node that is `way` steps off: each step asks what the next one must answer."""
    if not route:
        return (yield question)
    step, rest = route[0], route[1:]
    adapter = step.methods.get(question.method)
    if adapter is None:
        result = yield from _converse(rest, upwards, question)
    else:
        serve = adapter.serve_older if upwards else adapter.serve_newer
        conversation = serve(question.params)
        result = yield from (_through(conversation, rest, upwards) if rest else conversation)
    if "error" in result:
        convert = step.errors.downgrade_error if upwards else step.errors.upgrade_error
        result = yield from _through(convert(question, result), rest, upwards)
    return result


def _through(conversation: Conversation, rest: tuple[Step, ...], upwards: bool) -> Conversation:
    """Runs a step's conversation, taking each of its questions through the remaining steps."""
    result: JsonObject | None = None
    while True:
        try:
            question = next(conversation) if result is None else conversation.send(result)
        except StopIteration as stop:
            answer: JsonObject = stop.value
            return answer
        result = yield from _converse(rest, upwards, question)


class StreamPipeline:
    """The way of pushed messages between a client's version and a node's.

    `touches` tells from a message's text, without parsing it, whether it may have to be rewritten.
    """

    __slots__ = ("_changes", "_touched")

    def __init__(self, changes: Mapping[str, tuple[MessageChange, ...]]) -> None:
        self._changes = changes
        names = "|".join(re.escape(name) for name in sorted(changes))
        self._touched = re.compile(rf'"type"\s*:\s*"(?:{names})"'.encode()) if changes else None

    def may_rewrite(self, text: bytes) -> bool:
        """Whether the message may be of a type that changed. Never False for one that did."""
        return self._touched is not None and self._touched.search(text) is not None

    def rewrite(self, message: JsonObject) -> JsonObject:
        """The message as the client's version has it; changed in place where that serves."""
        for change in self._changes.get(message.get("type", ""), ()):
            message = change(message)
        return message


class Versions:
    """Every step there is, and the ways that they make between any two versions."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        if not steps:
            raise ValueError("no adapters lead from any API version to another")
        self._steps = tuple(sorted(steps, key=lambda step: step.older))
        for lower, upper in zip(self._steps, self._steps[1:], strict=False):
            if lower.newer != upper.older:
                raise ValueError(f"no adapters lead from API version {lower.newer} to {upper.older}")
        # A method's name is the client's word: the look-up is bounded so that inventing names costs no memory.
        self.pipeline = lru_cache(maxsize=4096)(self._pipeline)
        self.stream_pipeline = lru_cache(maxsize=64)(self._stream_pipeline)

    @property
    def oldest(self) -> int:
        """The lowest API version that adapters lead to."""
        return self._steps[0].older

    @property
    def newest(self) -> int:
        """The highest API version that adapters lead to."""
        return self._steps[-1].newer

    def route(self, client_version: int, node_version: int) -> tuple[Step, ...]:
        """The steps from the client's version to the node's, in the order in which a request passes them."""
        low, high = sorted((client_version, node_version))
        route = tuple(step for step in self._steps if low <= step.older < high)
        if len(route) != high - low:
            raise ValueError(f"no adapters lead from API version {client_version} to {node_version}")
        return route if client_version <= node_version else route[::-1]

    def _pipeline(self, client_version: int, node_version: int, method: str) -> Pipeline:
        return Pipeline(self.route(client_version, node_version), client_version < node_version, method)

    def _stream_pipeline(self, client_version: int, node_version: int) -> StreamPipeline:
        changes: dict[str, tuple[MessageChange, ...]] = {}
        # A message comes from the node, so it passes the steps the other way round.
        for step in reversed(self.route(client_version, node_version)):
            of_step = step.streams.downgrades if client_version < node_version else step.streams.upgrades
            for kind, change in of_step.items():
                changes[kind] = (*changes.get(kind, ()), change)
        return StreamPipeline(changes)

    def changed_methods(self) -> frozenset[str]:
        """The methods that differ between any two versions."""
        return frozenset(method for step in self._steps for method in step.methods)
