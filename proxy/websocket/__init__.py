"""Clients' WebSocket sessions: each is a client's connection plus one to a node; public streams are shared."""

from proxy.websocket.context import SessionLimits
from proxy.websocket.endpoint import EndpointLimits, WebSocketEndpoint
from proxy.websocket.stream_names import SHAREABLE_STREAMS
from proxy.websocket.streams.budget import SubscriptionLimits
from proxy.websocket.streams.shared_registry import SharedSubscriptions

__all__ = [
    "SHAREABLE_STREAMS",
    "EndpointLimits",
    "SessionLimits",
    "SharedSubscriptions",
    "SubscriptionLimits",
    "WebSocketEndpoint",
]
