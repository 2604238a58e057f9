"""Responses of the observe address."""

from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from proxy.http.response import RETRY_SECONDS

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_TRY_LATER = {"Retry-After": str(RETRY_SECONDS)}


def json_response(status: int, content: dict[str, Any] | bytes) -> web.Response:
    """A JSON response that is not cached; `content` as `bytes` is JSON already."""
    return web.Response(
        status=status,
        body=content if isinstance(content, bytes) else orjson.dumps(content),
        content_type="application/json",
        headers=_HEADERS if status != HTTPStatus.SERVICE_UNAVAILABLE else _HEADERS | _TRY_LATER,
    )
