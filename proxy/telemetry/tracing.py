"""The interface for tracing: one span per client request and one per node request."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol


class TracedRequest(Protocol):
    """What a span reads of a request when it ends, and the id of its trace, which it sets; a `RequestRecord` has it."""

    transport: Literal["http", "ws", "grpc"]
    method: str
    client_version: int | None
    node_version: int | None
    node: str | None
    outcome: Literal["success", "error", "refused", "failed"]
    error: str | None
    request_id: str
    trace_id: str | None


class Tracing(Protocol):
    """Creates spans."""

    def request(self, served: TracedRequest, headers: Mapping[str, str] | None = None) -> AbstractContextManager[None]:
        """A span that lasts as long as the request is served, with the attributes that `served` has at the end.

        `headers`: those of the HTTP request, which may continue a client's trace (W3C Trace Context); None for an item
        of a request that already has a span, or for a WebSocket message.
        """

    def node_request(self, node: str, method: str) -> AbstractContextManager[bytes]:
        """A span that lasts as long as the node request; yields header lines that pass the trace on to the node."""

    async def close(self) -> None:
        """Export the remaining spans, within a few seconds."""


class _Untraced:
    """Creates no spans."""

    def __init__(self) -> None:
        self._request = nullcontext()
        self._node_request = nullcontext(b"")

    def request(self, served: TracedRequest, headers: Mapping[str, str] | None = None) -> AbstractContextManager[None]:
        return self._request

    def node_request(self, node: str, method: str) -> AbstractContextManager[bytes]:
        return self._node_request

    async def close(self) -> None:
        pass


NO_TRACING: Tracing = _Untraced()
"""Used if the configuration has no tracing endpoint."""
