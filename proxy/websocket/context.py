"""The context that all sessions share, the limits of each, and why a session ends."""

from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from proxy.access.fair_share import FairShare
from proxy.envelope import RequestPolicy
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.http.websocket_frames import INVALID_TEXT
from proxy.nodes.pool import Node
from proxy.nodes.websocket import NodeConnection
from proxy.rpc.large_translations import LargeTranslations
from proxy.telemetry.recorder import RequestRecorder
from proxy.versions.sunset import DeprecationNotices
from proxy.versions.translator import Translator
from proxy.websocket.elsewhere import OtherNodes
from proxy.websocket.streams.budget import SubscriptionLimits
from proxy.websocket.streams.shared_registry import SharedSubscriptions

GOING_AWAY, POLICY_VIOLATION, INTERNAL_ERROR, SERVICE_RESTART = 1001, 1008, 1011, 1012
"""Codes of close frames (RFC 6455, 7.4.1, and its registry)."""
CLOSING_SECONDS = 2.0
"""Seconds for a client to read what is still queued, and as many again to answer the close frame."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """The limits of one session. Seconds for times, bytes for sizes."""

    request_seconds: float
    node_seconds: float
    in_flight: int
    queue_bytes: int
    """For queued messages, and likewise for requests in flight."""
    reconnect_seconds: float
    """Time to look for another node after one was lost; 0 closes the session instead."""
    subscriptions: SubscriptionLimits


class Connect(Protocol):
    """Opens a connection to a node for a client's address, preferably to one that has `min_ledger`."""

    def __call__(self, peer: str, min_ledger: int = 0) -> Awaitable[tuple[Node, NodeConnection]]:
        """Raises NoHealthyNode and NodeFailure."""


@dataclass(frozen=True, slots=True)
class SessionContext:
    """The context that all sessions share.

    `path`: that of the URL, if it sets the version of requests without `api_version`; else empty.
    """

    policy: RequestPolicy
    translator: Translator
    recorder: RequestRecorder
    limits: SessionLimits
    connect: Connect
    notices: DeprecationNotices
    shared: SharedSubscriptions
    other_nodes: OtherNodes
    large: LargeTranslations
    unsent_bytes: UnsentBytes
    subscription_bytes: Counter[str]
    """Bytes that subscriptions take, by client address; it outlives a reload."""
    fair_share: FairShare
    path: str = ""


class CloseReason(NamedTuple):
    """Why a session ends.

    `code` and `message` are sent to the client; no code if the client itself closed. `grace`: seconds for requests in
    flight.
    """

    reason: str
    code: int | None = None
    message: str = ""
    grace: float = 0.0

    @property
    def notifies_client(self) -> bool:
        """Whether the client still gets queued messages before the close frame."""
        return self.code is not None and self.reason not in ("client_too_slow", "protocol_error")


TOO_SLOW = CloseReason("client_too_slow", POLICY_VIOLATION, "client is too slow")
RATE_EXCEEDED = CloseReason("rate", POLICY_VIOLATION, "threshold exceeded")
NOT_UTF8 = CloseReason("protocol_error", INVALID_TEXT, "invalid UTF-8")
INTERNAL = CloseReason("internal", INTERNAL_ERROR, "internal error")
CANCELLED = CloseReason("cancelled", GOING_AWAY, "the server is going down")


def going_down(grace: float) -> CloseReason:
    """The reason when the proxy shuts down."""
    return CloseReason("draining", GOING_AWAY, "the server is going down", grace)
