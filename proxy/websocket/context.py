"""What all sessions share, how much each may, and how one ends."""

from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from aiohttp import WSCloseCode

from proxy.access.fair_share import FairShare
from proxy.envelope import RequestPolicy
from proxy.eventloop.unsent_bytes import UnsentBytes
from proxy.nodes.pool import Node
from proxy.nodes.websocket import NodeConnection
from proxy.telemetry.recorder import RequestRecorder
from proxy.versions.sunset import DeprecationNotices
from proxy.versions.translator import Translator
from proxy.websocket.elsewhere import OtherNodes
from proxy.websocket.streams.budget import SubscriptionLimits
from proxy.websocket.streams.shared_registry import SharedSubscriptions

CLOSING_SECONDS = 2.0
"""What a client has to take what is still queued, and as much again to answer our close frame."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How much one session may. Seconds for times, bytes for sizes."""

    request_seconds: float
    node_seconds: float
    in_flight: int
    queue_bytes: int
    """Of what waits for the client, and of requests in flight, each."""
    reconnect_seconds: float
    """How long to look for another node after one was lost; 0 closes the session instead."""
    subscriptions: SubscriptionLimits


class Connect(Protocol):
    """Opens a connection to a node for a client's address, at best to one that has `min_ledger`."""

    def __call__(self, peer: str, min_ledger: int = 0) -> Awaitable[tuple[Node, NodeConnection]]:
        """Raises NoHealthyNode and NodeFailure."""


@dataclass(frozen=True, slots=True)
class SessionContext:
    """What all sessions share.

    `path`: that of the URL, if it sets the version of requests without `api_version`; else empty.
    """

    policy: RequestPolicy
    translator: Translator
    account: RequestRecorder
    limits: SessionLimits
    connect: Connect
    notices: DeprecationNotices
    shared: SharedSubscriptions
    other_nodes: OtherNodes
    unsent_bytes: UnsentBytes
    subscription_bytes: Counter[str]
    """Bytes that subscriptions take, by the clients' addresses; a reload leaves it as it is."""
    fair_share: FairShare
    path: str = ""


class CloseReason(NamedTuple):
    """Why a session ends.

    `code` and `message` are sent to the client; no code if the client itself closed. `grace`: seconds that requests
    in flight are given.
    """

    reason: str
    code: int | None = None
    message: str = ""
    grace: float = 0.0

    @property
    def notifies_client(self) -> bool:
        """Whether the client still gets what is queued for it before the close frame."""
        return self.code is not None and self.reason not in ("client_too_slow", "protocol_error")


TOO_SLOW = CloseReason("client_too_slow", WSCloseCode.POLICY_VIOLATION, "client is too slow")
RATE_EXCEEDED = CloseReason("rate", WSCloseCode.POLICY_VIOLATION, "threshold exceeded")
NOT_UTF8 = CloseReason("protocol_error", WSCloseCode.INVALID_TEXT, "invalid UTF-8")
INTERNAL = CloseReason("internal", WSCloseCode.INTERNAL_ERROR, "internal error")
CANCELLED = CloseReason("cancelled", WSCloseCode.GOING_AWAY, "the server is going down")


def going_down(grace: float) -> CloseReason:
    """The ending of all sessions when the proxy ends."""
    return CloseReason("draining", WSCloseCode.GOING_AWAY, "the server is going down", grace)
