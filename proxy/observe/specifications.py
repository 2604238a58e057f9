"""Serves the specifications of the API versions: `/spec` for people, `/openapi/` and `/asyncapi/` for programs.

They are generated at the first request, in a thread, which takes up to a second.
"""

from functools import cache

import orjson
from aiohttp import web

from proxy.observe.background import BACKGROUND
from proxy.spec import Document, asyncapi, openapi, versions
from proxy.spec.comparison import comparison
from proxy.spec.pages import Addresses, overview, pairs, policy

_PATHS = ("spec", "spec/{older}-{newer}", "openapi/v{version}.json", "asyncapi/v{version}.json")
# Relative, for operators who serve the observe address under a path of another server.
_FROM_OVERVIEW = Addresses(*_PATHS)
_FROM_COMPARISON = Addresses(*(f"../{path}" for path in _PATHS))


def add_specifications(router: web.UrlDispatcher) -> None:
    """Add the routes."""
    router.add_get("/spec", _serve_overview)
    router.add_get(r"/spec/{older:\d{1,3}}-{newer:\d{1,3}}", _serve_comparison)
    router.add_get(r"/{kind:openapi|asyncapi}/v{version:\d{1,3}}.json", _serve_document)


async def _serve_overview(request: web.Request) -> web.Response:
    return _page(await request.app[BACKGROUND].run(overview, _FROM_OVERVIEW))


async def _serve_comparison(request: web.Request) -> web.Response:
    older, newer = int(request.match_info["older"]), int(request.match_info["newer"])
    if (older, newer) not in pairs():
        offered = ", ".join(f"{one}-{other}" for one, other in pairs())
        raise web.HTTPNotFound(text=f"There is no such comparison. Available: {offered}.\n")
    return _page(await request.app[BACKGROUND].run(comparison, older, newer, _FROM_COMPARISON))


def _page(text: str) -> web.Response:
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": f"{policy()}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return web.Response(text=text, content_type="text/html", headers=headers)


async def _serve_document(request: web.Request) -> web.Response:
    version = int(request.match_info["version"])
    if version not in versions():
        offered = ", ".join(f"v{number}.json" for number in versions())
        raise web.HTTPNotFound(text=f"There is no API version {version}. Available: {offered}.\n")
    body = await request.app[BACKGROUND].run(_document, request.match_info["kind"], version)
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-cache"})


@cache
def _document(kind: str, version: int) -> bytes:
    document: Document = openapi(version) if kind == "openapi" else asyncapi(version)
    return orjson.dumps(document)
