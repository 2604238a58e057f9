"""Clients' WebSocket sessions: each is one client's connection and one of its own to a node; streams are shared."""

from proxy.websocket.context import SessionLimits
from proxy.websocket.endpoint import EndpointLimits, WebSocketEndpoint
from proxy.websocket.streams.attribution import SHARED
from proxy.websocket.streams.shared_registry import SharedLinks

__all__ = ["SHARED", "EndpointLimits", "SessionLimits", "SharedLinks", "WebSocketEndpoint"]
