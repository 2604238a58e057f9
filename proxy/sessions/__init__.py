"""Clients' WebSocket sessions: each is one client's connection and one of its own to a node; streams are shared."""

from proxy.sessions.copies import SHARED
from proxy.sessions.endpoint import EndpointLimits, WebSocketEndpoint
from proxy.sessions.services import SessionLimits
from proxy.sessions.shared_links import SharedLinks

__all__ = ["SHARED", "EndpointLimits", "SessionLimits", "SharedLinks", "WebSocketEndpoint"]
