"""A request taken out of its envelope, or the reason why it was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from proxy.envelope.strict_json import MAX_DEPTH, MAX_ELEMENTS
from proxy.versions.negotiation import DEFAULT_VERSION, SupportedVersions, VersionRefused

ECHOED = ("id", "jsonrpc", "ripplerpc")
"""Members of a request that come back in its response."""

ENVELOPE_FIELDS = frozenset({*ECHOED, "api_version", "command", "method"})
"""Members of the envelope that a WebSocket request has among its parameters."""


Verdict = Literal["forbidden", "no_permission"]


class MethodCheck(Protocol):
    """Decides which methods clients may call."""

    def check(self, method: object, params: Mapping[str, Any]) -> Verdict | None:
        """None to allow it; `forbidden` before anything else is checked; `no_permission` as the call's result.

        `method` is any JSON value, `params` the request's parameters (of a WebSocket request all of it).
        """


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """The limits and the policy for requests.

    `request_bytes` is its size; `depth` and `elements` are the limits of `proxy.envelope.strict_json.read`.
    """

    versions: SupportedVersions
    guard: MethodCheck
    default_version: int = DEFAULT_VERSION
    depth: int = MAX_DEPTH
    elements: int = MAX_ELEMENTS
    request_bytes: int = 1_000_000
    batch_items: int = 100


@dataclass(slots=True)
class Call:
    """One request taken out of its envelope. Its `repr` shows nothing that could be secret."""

    method: str
    params: dict[str, Any]
    """The method's parameters, without `api_version`, `id`, `jsonrpc`, `ripplerpc`, `command` and `method`."""
    version: int
    """The client's API version."""
    envelope: dict[str, Any]
    """What the response echoes: `id`, `jsonrpc` and `ripplerpc` (WebSocket: `api_version`), as far as they were
    sent."""
    request: dict[str, Any]
    """The request as it was sent, which an error echoes with secrets masked."""

    def __repr__(self) -> str:
        return f"Call(method={self.method!r}, version={self.version})"


@dataclass(frozen=True, slots=True)
class RejectedCall:
    """A call that the proxy refuses: `result` is an error, written like any other result."""

    call: Call
    result: dict[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class HttpRefusal:
    """A request refused with an HTTP status and a line of `text`, here without its line end."""

    status: int
    text: str
    reason: str
    method: str | None = None
    version_refused: VersionRefused | None = None


@dataclass(frozen=True, slots=True)
class BatchRefusal:
    """A refused item of a batch: `answer` takes its place among the responses."""

    answer: dict[str, Any] = field(repr=False)
    reason: str
    method: str | None = None
    version_refused: VersionRefused | None = None


@dataclass(frozen=True, slots=True)
class WebSocketRefusal:
    """A message that is not a call: `message` is the JSON text to send back."""

    message: bytes = field(repr=False)
    reason: str
    method: str | None = None
    version_refused: VersionRefused | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """The items of a `batch`, in the order of their responses."""

    items: list[Call | RejectedCall | BatchRefusal]


def make_call(
    method: str,
    given: dict[str, Any],
    version: int,
    echoed: tuple[str, ...] = ECHOED,
    not_params: frozenset[str] = ENVELOPE_FIELDS,
) -> Call:
    """The call of `method` with the parameters `given`, without those in `not_params`, which belong to the envelope."""
    others = not_params.intersection(given)
    if not others:
        return Call(method, given, version, {}, given)
    params = given.copy()
    for name in others:
        del params[name]
    envelope = {}
    if not others.isdisjoint(echoed):
        for name in echoed:  # not a comprehension, which has a frame of its own in Python 3.11
            if name in given:
                envelope[name] = given[name]
    return Call(method, params, version, envelope, given)
