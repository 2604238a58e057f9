"""Responses with the specifications of the API versions: `/spec` for people, `/openapi/` and `/asyncapi/` for programs.

They are generated at the first request, which takes up to a second: call these functions in a thread.
"""

from functools import cache

import orjson
from aiohttp import web

from proxy.spec import Document, asyncapi, openapi, versions
from proxy.spec.comparison import comparison
from proxy.spec.pages import Addresses, overview, pairs, policy

_PATHS = ("spec", "spec/{older}-{newer}", "openapi/v{version}.json", "asyncapi/v{version}.json")
# Relative, for operators who serve the observe address under a path of another server.
_FROM_OVERVIEW = Addresses(*_PATHS)
_FROM_COMPARISON = Addresses(*(f"../{path}" for path in _PATHS))


def overview_page() -> web.Response:
    """All versions, and what changed."""
    return _page(overview(_FROM_OVERVIEW))


def comparison_page(older: str, newer: str) -> web.Response:
    """Two versions side by side. Raises HTTPNotFound."""
    if (int(older), int(newer)) not in pairs():
        offered = ", ".join(f"{one}-{other}" for one, other in pairs())
        raise web.HTTPNotFound(text=f"There is no such comparison. Available: {offered}.\n")
    return _page(comparison(int(older), int(newer), _FROM_COMPARISON))


def document(kind: str, version: str) -> web.Response:
    """The document of one version; `kind`: `openapi` or `asyncapi`. Raises HTTPNotFound."""
    if int(version) not in versions():
        offered = ", ".join(f"v{number}.json" for number in versions())
        raise web.HTTPNotFound(text=f"There is no API version {int(version)}. Available: {offered}.\n")
    body = _document(kind, int(version))
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-cache"})


def _page(text: str) -> web.Response:
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": f"{policy()}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return web.Response(text=text, content_type="text/html", headers=headers)


@cache
def _document(kind: str, version: int) -> bytes:
    generated: Document = openapi(version) if kind == "openapi" else asyncapi(version)
    return orjson.dumps(generated)
