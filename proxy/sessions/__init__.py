"""Clients' WebSocket sessions: each is one client's connection and one of its own to a node."""

from proxy.sessions.endpoint import EndpointLimits, WebSocketEndpoint
from proxy.sessions.services import SessionLimits

__all__ = ["EndpointLimits", "SessionLimits", "WebSocketEndpoint"]
