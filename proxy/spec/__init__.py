"""The API's specification in each version: OpenAPI for JSON-RPC, AsyncAPI for WebSocket, and changes between versions.

All are generated from the models in `adapters`, which are imported for the first document: that takes about a second.
"""

from adapters import VERSIONS
from proxy.spec.asyncapi import asyncapi
from proxy.spec.changes import Change, changes
from proxy.spec.openapi import Document, openapi

__all__ = ["Change", "Document", "asyncapi", "changes", "openapi", "versions"]


def versions() -> tuple[int, ...]:
    """The API versions with a specification."""
    return tuple(VERSIONS.known)
