"""Composes steps: a v1 client on a v3 node passes v1 to v2, then v2 to v3, and back again."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

from adapters.adapter import Conversation, JsonObject, MessageChange, NodeRequest, Step
from adapters.clio import CLIO_WARNING, is_forwarded
from adapters.node import UNKNOWN_NODE, NodeInfo

Conversion = tuple[Callable[[JsonObject], JsonObject], Callable[[JsonObject, JsonObject], JsonObject]]
"""Convert a client's parameters for the node, and a result, with the client's parameters, for the client."""


class Pipeline:
    """The adapters for one method between a client's version and a node's. Immutable, and cached by `Versions`.

    `is_identity`: requests and successful results are the same in both versions, so that bytes may be passed through;
    an error still has to go through `converse`.
    `opaque_metadata`: no adapter reads the metadata of listed transactions.
    `takes_unparsed`: its adapter also converts `UnparsedTransactions`.
    `forwarding`: the steps for requests that a Clio forwards to a rippled.
    `extras`: members that the node adds next to every result, for a result without a node request.
    """

    __slots__ = (
        "_conversion",
        "_forwarding",
        "_forwarding_conversion",
        "_method",
        "_steps",
        "_upgrading",
        "extras",
        "is_identity",
        "opaque_metadata",
        "takes_unparsed",
    )

    def __init__(
        self,
        steps: tuple[Step, ...],
        upgrading: bool,
        method: str,
        node: NodeInfo,
        forwarding: tuple[Step, ...] | None = None,
    ) -> None:
        self._steps = steps
        self._forwarding = forwarding
        self._upgrading = upgrading
        self._method = method
        self.extras: JsonObject = {"warnings": [CLIO_WARNING]} if node.is_clio else {}
        adapters = [step.methods[method] for step in steps if method in step.methods]
        self.is_identity = not adapters
        self.opaque_metadata = all(adapter.opaque_metadata(downgrades=upgrading) for adapter in adapters)
        self.takes_unparsed = len(adapters) == 1 and adapters[0].takes_unparsed(downgrades=upgrading)
        self._conversion = _conversion(steps, method, upgrading)
        self._forwarding_conversion = None if forwarding is None else _conversion(forwarding, method, upgrading)

    @property
    def same_version(self) -> bool:
        """Whether client and node have the same version, so that errors are unchanged as well."""
        return not self._steps

    def request(self, params: JsonObject) -> JsonObject:
        """The client's parameters in the node's version, as far as that needs no conversation."""
        for step in self._steps_for(params):
            adapter = step.methods.get(self._method)
            if adapter is not None:
                params = adapter.upgrade_request(params) if self._upgrading else adapter.downgrade_request(params)
        return params

    def converse(self, params: JsonObject) -> Conversation:
        """Serve a client's request for the method with `params`; yields the node requests."""
        steps = self._steps if self._forwarding is None else self._steps_for(params)
        return _converse(steps, self._upgrading, NodeRequest(self._method, params))

    def conversion(self, params: JsonObject) -> Conversion | None:
        """What a call with `params` takes if that is one node request; else, or for errors, `converse` is needed."""
        if self._forwarding is not None and is_forwarded(self._method, params):
            return self._forwarding_conversion
        return self._conversion

    def _steps_for(self, params: JsonObject) -> tuple[Step, ...]:
        if self._forwarding is not None and is_forwarded(self._method, params):
            return self._forwarding
        return self._steps


def _conversion(steps: tuple[Step, ...], method: str, upgrading: bool) -> Conversion | None:
    """That of the only adapter of the method in these steps."""
    adapters = [step.methods[method] for step in steps if method in step.methods]
    if len(adapters) != 1 or not adapters[0].only_converts(upgrades=upgrading):
        return None
    adapter = adapters[0]
    if upgrading:
        return adapter.upgrade_request, adapter.downgrade_result
    return adapter.downgrade_request, adapter.upgrade_result


def _converse(steps: tuple[Step, ...], upgrading: bool, request: NodeRequest) -> Conversation:
    """Serve `request` from a node that is `steps` away: each step's requests are served by the next step."""
    if not steps:
        return (yield request)
    step, rest = steps[0], steps[1:]
    adapter = step.methods.get(request.method)
    if adapter is None:
        result = yield from _converse(rest, upgrading, request)
    else:
        serve = adapter.serve_older if upgrading else adapter.serve_newer
        conversation = serve(request.params)
        result = yield from (_through(conversation, rest, upgrading) if rest else conversation)
    if "error" in result:
        convert = step.errors.downgrade_error if upgrading else step.errors.upgrade_error
        result = yield from _through(convert(request, result), rest, upgrading)
    return result


def _through(conversation: Conversation, rest: tuple[Step, ...], upgrading: bool) -> Conversation:
    """Run a step's conversation, with each of its requests passed through the remaining steps."""
    result: JsonObject | None = None
    while True:
        try:
            request = next(conversation) if result is None else conversation.send(result)
        except StopIteration as stop:
            converted: JsonObject = stop.value
            return converted
        result = yield from _converse(rest, upgrading, request)


class StreamPipeline:
    """The changes to pushed messages between a node's version and a client's; immutable, cached by `Versions`."""

    __slots__ = ("_changed_types", "_changes")

    def __init__(self, changes: Mapping[str, tuple[MessageChange, ...]]) -> None:
        self._changes = changes
        names = "|".join(re.escape(name) for name in sorted(changes))
        self._changed_types = re.compile(rf'"type"\s*:\s*"(?:{names})"'.encode()) if changes else None

    def may_rewrite(self, text: bytes) -> bool:
        """Whether the message may have a type that changed, from its text alone. Never False for one that did."""
        begin = text.find(b'"type"')  # much faster than the pattern
        return begin >= 0 and self._changed_types is not None and self._changed_types.search(text, begin) is not None

    def rewrite(self, message: JsonObject) -> JsonObject:
        """The message in the client's version; may change it in place."""
        for change in self._changes.get(message.get("type", ""), ()):
            message = change(message)
        return message


class Versions:
    """All steps, and the pipelines between any two versions."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        if not steps:
            raise ValueError("no adapters lead from any API version to another")
        self._steps = tuple(sorted(steps, key=lambda step: step.older))
        for lower, upper in zip(self._steps, self._steps[1:], strict=False):
            if lower.newer != upper.older:
                raise ValueError(f"no adapters lead from API version {lower.newer} to {upper.older}")
        # Clients choose method names, and nodes the release that they report: every cache is bounded.
        self._cached_pipeline = lru_cache(maxsize=4096)(self._pipeline)
        self._cached_stream_pipeline = lru_cache(maxsize=64)(self._stream_pipeline)
        self._cached_route = lru_cache(maxsize=256)(self._route_for)

    def pipeline(self, client_version: int, node_version: int, method: str, node: NodeInfo = UNKNOWN_NODE) -> Pipeline:
        """The pipeline for a client's method; `node`: the node's software and release.

        Raises ValueError for versions that no adapters connect.
        """
        return self._cached_pipeline(client_version, node_version, method, node)

    def stream_pipeline(self, client_version: int, node_version: int, node: NodeInfo = UNKNOWN_NODE) -> StreamPipeline:
        """The pipeline for pushed messages. Raises ValueError as `pipeline` does."""
        return self._cached_stream_pipeline(client_version, node_version, node)

    @property
    def oldest(self) -> int:
        """The lowest API version with adapters."""
        return self._steps[0].older

    @property
    def newest(self) -> int:
        """The highest API version with adapters."""
        return self._steps[-1].newer

    @property
    def known(self) -> range:
        """Every API version with adapters, the oldest first."""
        return range(self.oldest, self.newest + 1)

    @property
    def newest_stable(self) -> int:
        """The highest API version up to which none is a beta; the oldest if every step leads to a beta."""
        beta = (step.older for step in self._steps if step.beta)
        return next(beta, self.newest)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, the oldest first."""
        return self._steps

    def is_beta(self, version: int) -> bool:
        """Whether an API version may still change."""
        return version > self.newest_stable

    def route(self, client_version: int, node_version: int) -> tuple[Step, ...]:
        """The steps from the client's version to the node's, in the order of a request."""
        low, high = sorted((client_version, node_version))
        route = tuple(step for step in self._steps if low <= step.older < high)
        if len(route) != high - low:
            raise ValueError(f"no adapters lead from API version {client_version} to {node_version}")
        return route if client_version <= node_version else route[::-1]

    def _route_for(self, client_version: int, node_version: int, node: NodeInfo) -> tuple[Step, ...]:
        return tuple(step.for_node(node) for step in self.route(client_version, node_version))

    def _pipeline(self, client_version: int, node_version: int, method: str, node: NodeInfo) -> Pipeline:
        steps = self._cached_route(client_version, node_version, node)
        forwarding = None
        if node.is_clio:
            behind = self._cached_route(client_version, node_version, node.behind)
            # Which condition of a rippled is unmet is still asked through the Clio.
            pairs = zip(behind, steps, strict=True)
            forwarding = tuple(replace(step, errors=of_clio.errors) for step, of_clio in pairs)
        return Pipeline(steps, client_version < node_version, method, node, forwarding)

    def _stream_pipeline(self, client_version: int, node_version: int, node: NodeInfo) -> StreamPipeline:
        changes: dict[str, tuple[MessageChange, ...]] = {}
        # A message comes from the node, so it passes the steps in reverse.
        for step in reversed(self._cached_route(client_version, node_version, node)):
            of_step = step.streams.downgrades if client_version < node_version else step.streams.upgrades
            for kind, change in of_step.items():
                changes[kind] = (*changes.get(kind, ()), change)
        return StreamPipeline(changes)

    def inexact_fields(self, method: str) -> frozenset[str]:
        """Paths of the fields in a method's result that may differ from a native one, and are not compared."""
        adapters = (step.methods.get(method) for step in self._steps)
        return frozenset[str]().union(*(adapter.inexact for adapter in adapters if adapter is not None))

    def changed_methods(self) -> frozenset[str]:
        """The methods that differ between any two versions."""
        return frozenset(method for step in self._steps for method in step.methods)
