"""`GET /clients` on the observe address: who used which version, and which of the methods that versions changed."""

import re
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from proxy.telemetry.client_usage import ClientRecord, ClientUsage, UsageCount, UsageKey
from proxy.telemetry.logs import mask_text

_WANTED = re.compile(r"[1-9][0-9]?|refused")


class ClientsPage:
    """Answers with

    `{"keep", "hours", "callers": [{"address", "user_agent", "user", "versions": [{"version", "would_refuse",
    "requests", "first", "last", "transports": {…: requests}, "changed_methods": {…: requests}}]}], "gave_way"}`

    the caller seen last first. `version` is null for requests whose version was refused; `?version=1`, or `refused`,
    leaves out all others. `requests` are those since `first`; what was not used for `hours` is left out.

    `callers`: as they are in force. `dry_run_refuse`: the versions counted as if they were refused.
    """

    def __init__(self, callers: Callable[[], ClientUsage], dry_run_refuse: Callable[[], Collection[int]]) -> None:
        self._callers = callers
        self._dry_run_refuse = dry_run_refuse

    async def serve(self, request: web.Request) -> web.Response:
        """Answers one GET."""
        wanted = request.query.get("version")
        if wanted is not None and not _WANTED.fullmatch(wanted):
            return _json(400, {"error": "version is not allowed: an API version, such as 1, or refused"})
        callers = self._callers()
        told = (self._told(seen, wanted) for seen in callers.recent())
        return _json(
            200,
            {
                "keep": callers.keep,
                "hours": callers.hours,
                "callers": [caller for caller in told if caller["versions"]],
                "gave_way": callers.evicted,
            },
        )

    def _told(self, seen: ClientRecord, wanted: str | None) -> dict[str, Any]:
        by_version: dict[int | None, list[tuple[UsageKey, UsageCount]]] = {}
        for used_for, use in seen.uses.items():
            if wanted in (None, "refused" if used_for.version is None else str(used_for.version)):
                by_version.setdefault(used_for.version, []).append((used_for, use))
        return {
            "address": seen.caller.address,
            "user_agent": _shown(seen.caller.agent),
            "user": _shown(seen.caller.user),
            "versions": [self._of_version(version, by_version[version]) for version in sorted(by_version, key=_order)],
        }

    def _of_version(self, version: int | None, uses: list[tuple[UsageKey, UsageCount]]) -> dict[str, Any]:
        transports, methods = Counter[str](), Counter[str]()
        for used_for, use in uses:
            transports[used_for.transport] += use.requests
            if used_for.method is not None:
                methods[used_for.method] += use.requests
        return {
            "version": version,
            "would_refuse": version in self._dry_run_refuse(),
            "requests": transports.total(),
            "first": _time(min(use.first for _, use in uses)),
            "last": _time(max(use.last for _, use in uses)),
            "transports": dict(sorted(transports.items())),
            "changed_methods": dict(methods.most_common()),
        }


def _order(version: int | None) -> int:
    return version or 0


def _shown(text: str) -> str | None:
    """What a client wrote of itself, fit to be shown on a terminal, and without what looks like a secret."""
    return mask_text("".join(mark if mark.isprintable() else "?" for mark in text)) or None


def _time(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _json(status: int, message: dict[str, Any]) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(message),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
