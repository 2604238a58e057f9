"""The API's specification in each version: OpenAPI for JSON-RPC, AsyncAPI for WebSocket, and changes between versions.

The source is `source/*.yaml`; documents and schemas are generated from it on demand. The only I/O here is reading it.
"""

from proxy.spec.asyncapi import asyncapi
from proxy.spec.changes import Change, changes
from proxy.spec.openapi import Document, openapi
from proxy.spec.source import read_source

__all__ = ["Change", "Document", "asyncapi", "changes", "openapi", "versions"]


def versions() -> tuple[int, ...]:
    """The API versions with a specification."""
    return read_source().versions
