"""`GET /clients` on the observe address: who used which version, and which of the methods that versions changed."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache

import orjson
from aiohttp import web

from adapters import JsonObject
from proxy.observe.background import BACKGROUND
from proxy.observe.responses import json_response
from proxy.telemetry.client_usage import ClientRecord, ClientUsage, UsageCount, UsageKey
from proxy.telemetry.logs import mask_text

NDJSON = "application/x-ndjson"
"""The media type of responses of workers: one line for all members except `callers`, then a line per caller."""

_FILTER = re.compile(r"[1-9][0-9]?|refused")


class ClientsPage:
    """Answers with

    `{"keep", "hours", "callers": [{"address", "user_agent", "user", "versions": [{"version", "would_refuse",
    "requests", "first", "last", "transports": {…: requests}, "paths": {…: requests},
    "changed_methods": {…: requests}}]}], "evicted"}`

    the most recently seen caller first. `version` is null for requests whose version was refused; `?version=1` (or
    `refused`) leaves out all others. `requests` are those since `first`; uses older than `hours` are left out. `paths`
    counts the requests to URLs that set the default version, such as `/v2`.

    `callers`: returns the current ones. `dry_run_refuse`: the versions counted as if they were refused.
    """

    def __init__(self, callers: Callable[[], ClientUsage], dry_run_refuse: Callable[[], Collection[int]]) -> None:
        self._callers = callers
        self._dry_run_refuse = dry_run_refuse

    async def serve(self, request: web.Request) -> web.Response:
        """Answers one GET."""
        wanted = request.query.get("version")
        if wanted is not None and not _FILTER.fullmatch(wanted):
            return json_response(400, {"error": "version: expected an API version, such as 1, or refused"})
        callers = self._callers()
        head = {"keep": callers.keep, "hours": callers.hours, "evicted": callers.evicted}
        lines = callers_json(callers.recent(), callers.oldest(), wanted, frozenset(self._dry_run_refuse()))
        if NDJSON in request.headers.get("Accept", ""):
            body = await request.app[BACKGROUND].run(_encode_lines, head, lines)
            return web.Response(body=body, content_type=NDJSON, headers={"Cache-Control": "no-store"})
        return json_response(200, await request.app[BACKGROUND].run(encode_clients, head, lines))


def callers_json(
    records: Iterable[ClientRecord], oldest: float, wanted: str | None, dry_run_refuse: Collection[int]
) -> Iterator[JsonObject]:
    """The members of `callers`, without uses before `oldest` (Unix time) and callers without any of `wanted`."""
    for record in records:
        by_version: dict[int | None, list[tuple[UsageKey, UsageCount]]] = {}
        for key, use in record.uses_since(oldest):
            if wanted in (None, "refused" if key.version is None else str(key.version)):
                by_version.setdefault(key.version, []).append((key, use))
        if by_version:
            yield {
                "address": record.caller.address,
                "user_agent": _printable(record.caller.agent),
                "user": _printable(record.caller.user),
                "versions": [
                    _version_json(version, by_version[version], version in dry_run_refuse)
                    for version in sorted(by_version, key=lambda version: version or 0)
                ],
            }


def encode_clients(head: JsonObject, callers: Iterable[JsonObject]) -> bytes:
    """The JSON of a response; encoded caller by caller, so that no step takes long."""
    text = b",".join([orjson.dumps(caller) for caller in callers])
    start, end = orjson.dumps({"keep": head["keep"], "hours": head["hours"]}), orjson.dumps(head["evicted"])
    return b'%b,"callers":[%b],"evicted":%b}' % (start[:-1], text, end)


def decode_lines(body: bytes) -> tuple[JsonObject, Iterator[JsonObject]]:
    """The first line of a worker's response, and its callers, each decoded on demand."""
    lines = iter(body.splitlines())
    return orjson.loads(next(lines)), map(orjson.loads, lines)


def _encode_lines(head: JsonObject, callers: Iterable[JsonObject]) -> bytes:
    return b"\n".join([orjson.dumps(head), *map(orjson.dumps, callers)])


def _version_json(version: int | None, uses: list[tuple[UsageKey, UsageCount]], would_refuse: bool) -> JsonObject:
    transports, paths, methods = dict[str, int](), Counter[str](), Counter[str]()
    for key, use in uses:
        transports[key.transport] = transports.get(key.transport, 0) + use.requests
        if key.path:
            paths[key.path] += use.requests
        if key.method is not None:
            methods[key.method] += use.requests
    return {
        "version": version,
        "would_refuse": would_refuse,
        "requests": sum(transports.values()),
        "first": _time(min([use.first for _, use in uses])),
        "last": _time(max([use.last for _, use in uses])),
        "transports": dict(sorted(transports.items())),
        "paths": dict(sorted(paths.items())),
        "changed_methods": dict(methods.most_common()),
    }


@lru_cache(4096)
def _printable(text: str) -> str | None:
    """Text that a client chose, made safe for a terminal and without what looks like a secret."""
    return mask_text("".join(mark if mark.isprintable() else "?" for mark in text)) or None


def _time(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
