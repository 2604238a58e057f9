"""The adapter interface: the change of one method, of errors or of stream messages between two API versions.

An adapter connects two neighbouring versions, the *older* and the *newer*, and knows no other. It receives requests as
their parameters and responses as *results*: the `result` object of JSON-RPC, or of a WebSocket response, without the
envelope (`status`, `type`, `id`, the `request` echo). An error is a result that has `error`.

An adapter may change the results it receives in place. Parameters belong to the client and are never changed.

Versions and releases may add fields at any time. So an adapter moves or removes only the fields that it knows, and
leaves every other field where it is.
"""

import struct
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from adapters.clio import clio_error
from adapters.errors import error_result
from adapters.node import UNKNOWN_NODE, NodeInfo

JsonObject = dict[str, Any]
"""A JSON object as orjson reads it."""

MISSHAPEN = (AttributeError, IndexError, KeyError, TypeError, ValueError, struct.error)
"""What adapters raise for JSON that does not have the shape of its version."""


@dataclass(slots=True)
class NodeRequest:
    """One request for a node.

    `immutable`: the response never changes once it is from a validated ledger, so that the driver may cache it.
    `upcoming`: requests that the conversation yields next in any case, so that the driver may send them all together.
    """

    method: str
    params: JsonObject
    immutable: bool = False
    upcoming: "tuple[NodeRequest, ...]" = ()


Conversation = Generator[NodeRequest, JsonObject, JsonObject]
"""Yields node requests, receives the result of each, and returns the result for the client.

The driver decides how a request is sent, how many are allowed and what they may cost.
"""


def immediate(result: JsonObject) -> Conversation:
    """A conversation that returns its result without a node request."""
    yield from ()
    return result


class _NodeAware:
    """Base class of all adapters. `node`: the node's software and release, for the few that depend on it."""

    def __init__(self, node: NodeInfo = UNKNOWN_NODE) -> None:
        self.node = node

    def error(self, token: str, message: str | None = None) -> JsonObject:
        """An error's result in the form of the node's software, with its usual message unless another is given."""
        return (clio_error if self.node.is_clio else error_result)(token, message)


class MethodAdapter(_NodeAware):
    """The changes of one method between the older and the newer version.

    A subclass overrides what changed: for a change of shape one of the six conversions, for a change that needs more
    than one node request `serve_older` or `serve_newer`. Results and errors have separate conversions, so that an error
    is never mistaken for a result with a field of the same name. What cannot be converted exactly is in the docstring
    under "Loss".
    """

    method: ClassVar[str]
    inexact: ClassVar[frozenset[str]] = frozenset()
    """Paths of the fields in a result (`/tx_json/ctid`) that cannot be converted exactly, as a "Loss" says."""

    def opaque_metadata(self, *, downgrades: bool) -> bool:
        """Whether it never reads the metadata of listed transactions, so that this may stay unparsed text.

        `downgrades`: results are converted to the older version; else to the newer.
        """
        return False

    def only_converts(self, *, upgrades: bool) -> bool:
        """Whether a call is one node request, with its parameters and its result converted.

        `upgrades`: for a client of the older version; else of the newer.
        """
        serve = type(self).serve_older if upgrades else type(self).serve_newer
        return serve is (MethodAdapter.serve_older if upgrades else MethodAdapter.serve_newer)

    def takes_unparsed(self, *, downgrades: bool) -> bool:
        """Whether it also converts `UnparsedTransactions`. `downgrades`: as in `opaque_metadata`."""
        return False

    def upgrade_request(self, params: JsonObject) -> JsonObject:
        """The parameters of an older client as the newer version expects them."""
        return params

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        """A newer result as the older version has it; `params` are the older client's."""
        return result

    def downgrade_error(self, result: JsonObject, params: JsonObject) -> JsonObject:
        """The same for an error."""
        return result

    def downgrade_request(self, params: JsonObject) -> JsonObject:
        """The parameters of a newer client as the older version expects them."""
        return params

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        """An older result as the newer version has it; `params` are the newer client's."""
        return result

    def upgrade_error(self, result: JsonObject, params: JsonObject) -> JsonObject:
        """The same for an error."""
        return result

    def serve_older(self, params: JsonObject) -> Conversation:
        """Serve a client of the older version with requests of the newer."""
        result = yield NodeRequest(self.method, self.upgrade_request(params))
        convert = self.downgrade_error if "error" in result else self.downgrade_result
        return convert(result, params)

    def serve_newer(self, params: JsonObject) -> Conversation:
        """Serve a client of the newer version with requests of the older."""
        result = yield NodeRequest(self.method, self.downgrade_request(params))
        convert = self.upgrade_error if "error" in result else self.upgrade_result
        return convert(result, params)


class ErrorAdapter(_NodeAware):
    """The changes of errors that any method may return. It runs after the method's own adapter."""

    def downgrade_error(self, request: NodeRequest, result: JsonObject) -> Conversation:
        """A newer error as the older version has it. May yield node requests, of the newer version."""
        return immediate(result)

    def upgrade_error(self, request: NodeRequest, result: JsonObject) -> Conversation:
        """An older error as the newer version has it. May yield node requests, of the older version."""
        return immediate(result)


MessageChange = Callable[[JsonObject], JsonObject]
"""Rewrites one pushed message, in place or as a new object."""


class StreamAdapter(_NodeAware):
    """The changes of stream messages, by their `type`."""

    @property
    def downgrades(self) -> Mapping[str, MessageChange]:
        """Message type to the change from the newer version to the older."""
        return {}

    @property
    def upgrades(self) -> Mapping[str, MessageChange]:
        """Message type to the change from the older version to the newer."""
        return {}


@dataclass(frozen=True, slots=True)
class Step:
    """All changes between version `older` and the next: one folder of adapters.

    `beta`: the newer version may still change, so that it is not offered unless the configuration says so.
    """

    older: int
    methods: Mapping[str, MethodAdapter]
    errors: ErrorAdapter = field(default_factory=ErrorAdapter)
    streams: StreamAdapter = field(default_factory=StreamAdapter)
    beta: bool = False

    @property
    def newer(self) -> int:
        """The newer version."""
        return self.older + 1

    @property
    def name(self) -> str:
        """The name of its folder: `v1_v2`."""
        return f"v{self.older}_v{self.newer}"

    def for_node(self, node: NodeInfo) -> "Step":
        """The same step, with adapters for this node."""
        return replace(
            self,
            methods={name: type(adapter)(node) for name, adapter in self.methods.items()},
            errors=type(self.errors)(node),
            streams=type(self.streams)(node),
        )


def by_method(*adapters: MethodAdapter) -> dict[str, MethodAdapter]:
    """The adapters by method name, as `Step` expects them."""
    return {adapter.method: adapter for adapter in adapters}
