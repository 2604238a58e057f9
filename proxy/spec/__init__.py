"""The API's contract, one for each version: OpenAPI for JSON-RPC, AsyncAPI for WebSocket, and what changed between.

Written once, in `source/*.yaml`; documents and schemas are made from it when they are wanted. Nothing here does I/O
beyond reading that.
"""

from proxy.spec.asyncapi import asyncapi
from proxy.spec.changes import Change, changes
from proxy.spec.openapi import Document, openapi
from proxy.spec.source import read_source

__all__ = ["Change", "Document", "asyncapi", "changes", "openapi", "versions"]


def versions() -> tuple[int, ...]:
    """The API versions that there is a specification of."""
    return read_source().versions
