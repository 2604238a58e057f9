"""`GET /retiring` on the observe address: who still needs the oldest offered version, and until when."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence

import orjson
from aiohttp import web

from adapters import JsonObject
from proxy.observe.history import trend
from proxy.observe.responses import json_response

_TOP = 10
_METHODS = 15
_HOURLY_FROM = 12
"""Hours of history from which on the trend uses hours instead of entries of five minutes."""
_TREND_HOURS = 7 * 24
_MIN_AGE, _AGE_PER_BUILD = 2.0, 20


def retiring(
    version: int | None,
    head: JsonObject,
    callers: Iterable[JsonObject],
    entries: Sequence[JsonObject],
    hours: Sequence[JsonObject],
) -> JsonObject:
    """`{"version", "keep", "hours", "evicted", "callers": count, "methods": [{"method", "callers", "requests"}], "top":
    [{"address", "user_agent", "user", "requests", "last", "methods": count}], "history", "hourly", "trend"}`.

    `version`: the oldest offered; None if it is the only one, and then nobody is counted. `head`, `callers`: as
    `/clients?version=` has them. `methods`: those that work differently in later versions, by the number of callers;
    `top`: the callers with the most requests. `history` and `hourly`: `entries` and `hours` of `History`. `trend`: as
    `history.trend` has it.
    """
    count, top = 0, []
    by_method, requests_of = Counter[str](), Counter[str]()
    for caller in callers:
        for used in caller["versions"]:
            if used["version"] != version or version is None:
                continue
            count += 1
            by_method.update(used["changed_methods"].keys())
            requests_of.update(used["changed_methods"])
            top.append((used["requests"], count, caller, used))
            if len(top) >= 50 * _TOP:
                top = sorted(top, reverse=True)[:_TOP]
    key = str(version)
    return {
        "version": version,
        **{name: head[name] for name in ("keep", "hours", "evicted")},
        "callers": count,
        "methods": [
            {"method": method, "callers": using, "requests": requests_of[method]}
            for method, using in by_method.most_common(_METHODS)
        ],
        "methods_total": len(by_method),
        "top": [
            {
                **{name: caller[name] for name in ("address", "user_agent", "user")},
                **{name: used[name] for name in ("requests", "last")},
                "methods": len(used["changed_methods"]),
            }
            for _, _, caller, used in sorted(top, reverse=True)[:_TOP]
        ],
        "history": entries,
        "hourly": hours,
        "trend": trend(hours[-_TREND_HOURS:] if len(hours) >= _HOURLY_FROM else entries, key),
    }


class RetiringPage:
    """Serves what `build` returns, built again at most for a twentieth of the time: with 10,000 callers it takes one
    second of a processor.
    """

    def __init__(self, build: Callable[[web.Request], Awaitable[JsonObject | None]]) -> None:
        self._build = build
        self._body: bytes | None = None
        self._good_until = 0.0
        self._building = asyncio.Lock()

    async def serve(self, request: web.Request) -> web.Response:
        """Answers one GET; 503 if `build` returns None, as without any worker."""
        async with self._building:
            if self._body is None or time.monotonic() >= self._good_until:
                began = time.monotonic()
                built = await self._build(request)
                if built is None:
                    return json_response(503, {"error": "no worker is serving"})
                now = time.monotonic()
                self._body = orjson.dumps(built)
                self._good_until = now + max(_MIN_AGE, _AGE_PER_BUILD * (now - began))
            return json_response(200, self._body)
