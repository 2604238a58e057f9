"""Routes of the specifications. What generates them is imported at the first request: `serve` starts sooner."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import cast

from aiohttp import web

from proxy.observe.background import BACKGROUND


def add_specifications(router: web.UrlDispatcher) -> None:
    """Add the routes."""
    router.add_get("/spec", _handler("overview_page"))
    router.add_get(r"/spec/{older:\d{1,3}}-{newer:\d{1,3}}", _handler("comparison_page"))
    router.add_get(r"/{kind:openapi|asyncapi}/v{version:\d{1,3}}.json", _handler("document"))


def _handler(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Serve what the function `name` of `specifications` returns."""

    async def serve(request: web.Request) -> web.Response:
        return await request.app[BACKGROUND].run(_call, name, request.match_info)

    return serve


def _call(name: str, arguments: web.UrlMappingMatchInfo) -> web.Response:
    module = import_module("proxy.observe.specifications")
    return cast(web.Response, getattr(module, name)(**arguments))
