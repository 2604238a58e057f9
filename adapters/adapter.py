"""What an adapter is: the change of one method, of its errors or of what streams push, between two API versions.

An adapter stands between two neighbouring versions, the *older* and the *newer*, and knows nothing of any other.
It sees requests as their parameters and answers as *results*: the `result` object of JSON-RPC, or the same of a
WebSocket answer, without what belongs to the envelope (`status`, `type`, `id`, the `request` echo). An error is a
result that has `error`.

A result that an adapter is handed is its own, to change in place; parameters are the client's and never changed.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

JsonObject = dict[str, Any]
"""A JSON object as orjson reads it."""


class NodeRequest(NamedTuple):
    """One request that is to be asked of a node.

    `settled` says that the answer, once it is of a validated ledger, never changes, so that whoever asks may
    remember it instead of asking again.
    """

    method: str
    params: JsonObject
    immutable: bool = False


Conversation = Generator[NodeRequest, JsonObject, JsonObject]
"""Yields each question it wants asked, receives its result, and returns the result for the client.

The one that drives it decides how a question travels, how many there may be and what they may cost.
"""


def immediate(result: JsonObject) -> Conversation:
    """A conversation that has its result without asking."""
    yield from ()
    return result


class MethodAdapter:
    """What changed about one method between the older and the newer version.

    A subclass overrides what changed: a pure change of shape is one of the four conversions, a change that takes
    more than one question is `serve_older` or `serve_newer`. What cannot be done exactly is written in its docstring
    under "Loss".
    """

    method: ClassVar[str]

    def upgrade_request(self, params: JsonObject) -> JsonObject:
        """The parameters of an older client as the newer version wants them."""
        return params

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        """A result of the newer version as the older has it; `params` are the older client's."""
        return result

    def downgrade_request(self, params: JsonObject) -> JsonObject:
        """The parameters of a newer client as the older version wants them."""
        return params

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        """A result of the older version as the newer has it; `params` are the newer client's."""
        return result

    def serve_older(self, params: JsonObject) -> Conversation:
        """Answers a client of the older version; asks in the newer."""
        result = yield NodeRequest(self.method, self.upgrade_request(params))
        return self.downgrade_result(result, params)

    def serve_newer(self, params: JsonObject) -> Conversation:
        """Answers a client of the newer version; asks in the older."""
        result = yield NodeRequest(self.method, self.downgrade_request(params))
        return self.upgrade_result(result, params)


class ErrorAdapter:
    """What changed about errors that any method may answer with. It is asked after the method's own adapter."""

    def downgrade_error(self, question: NodeRequest, result: JsonObject) -> Conversation:
        """An error of the newer version as the older has it. May ask, in the newer."""
        return immediate(result)

    def upgrade_error(self, question: NodeRequest, result: JsonObject) -> Conversation:
        """An error of the older version as the newer has it. May ask, in the older."""
        return immediate(result)


MessageChange = Callable[[JsonObject], JsonObject]
"""Rewrites one pushed message, in place or anew."""


class StreamAdapter:
    """What changed about the messages that subscriptions push, by the `type` that a message carries."""

    downgrades: ClassVar[Mapping[str, MessageChange]] = {}
    """Message type to the change from the newer version to the older."""
    upgrades: ClassVar[Mapping[str, MessageChange]] = {}
    """Message type to the change from the older version to the newer."""


@dataclass(frozen=True, slots=True)
class Step:
    """All that changed between version `older` and the next: one folder of adapters."""

    older: int
    methods: Mapping[str, MethodAdapter]
    errors: ErrorAdapter = field(default_factory=ErrorAdapter)
    streams: StreamAdapter = field(default_factory=StreamAdapter)

    @property
    def newer(self) -> int:
        """The version that the step leads up to."""
        return self.older + 1


def by_method(*adapters: MethodAdapter) -> dict[str, MethodAdapter]:
    """The adapters under the names of their methods, as a `Step` wants them."""
    return {adapter.method: adapter for adapter in adapters}
