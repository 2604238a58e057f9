"""Traces as the rest of the proxy sees them: a span for each request, and for each question to a node."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from proxy.telemetry.recorder import RequestRecord


class Tracing(Protocol):
    """What makes spans."""

    def request(
        self, served: "RequestRecord", headers: Mapping[str, str] | None = None
    ) -> AbstractContextManager[None]:
        """A span for as long as the request is served, with what `served` tells at the end.

        `headers`: those of its HTTP request, which may hold a client's trace that it is to be a part of (W3C Trace
        Context); None for a part of the request that is traced already, or for a message of a session.
        """

    def node_request(self, node: str, method: str) -> AbstractContextManager[bytes]:
        """A span for as long as a node is asked; gives header lines that tell the node of it."""

    async def close(self) -> None:
        """Sends what is left, for some seconds at most."""


class _Untraced:
    """Makes none."""

    def __init__(self) -> None:
        self._request = nullcontext()
        self._question = nullcontext(b"")

    def request(
        self, served: "RequestRecord", headers: Mapping[str, str] | None = None
    ) -> AbstractContextManager[None]:
        return self._request

    def node_request(self, node: str, method: str) -> AbstractContextManager[bytes]:
        return self._question

    async def close(self) -> None:
        pass


NO_TRACING: Tracing = _Untraced()
"""Where the configuration names nobody to send traces to."""
