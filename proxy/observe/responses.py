"""What all responses of the observe address have in common."""

from typing import Any

import orjson
from aiohttp import web


def json_response(status: int, content: dict[str, Any] | bytes) -> web.Response:
    """A JSON response that is not cached; `content` as `bytes` is JSON already."""
    return web.Response(
        status=status,
        body=content if isinstance(content, bytes) else orjson.dumps(content),
        content_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )
