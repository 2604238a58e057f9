"""The live essentials on the observe address: `/` for people, `/summary` and `/retiring` for the page and programs."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from adapters import JsonObject
from proxy.config import Settings
from proxy.nodes.readiness import Readiness
from proxy.observe.background import BACKGROUND
from proxy.observe.clients import callers_json
from proxy.observe.history import ENTRY_SECONDS, History
from proxy.observe.retiring import retiring
from proxy.observe.server import node_status_json
from proxy.telemetry.client_usage import ClientUsage
from proxy.telemetry.metrics import Metrics
from proxy.versions.negotiation import SupportedVersions
from proxy.versions.sunset import Clock

_TOP_METHODS = 15
_HEADERS = {
    "Cache-Control": "no-store",
    # The page contains everything it needs and loads nothing from elsewhere.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


async def serve_page(_: web.Request) -> web.Response:
    """`GET /`: the page, which loads `/summary` and `/retiring` by itself."""
    return web.Response(text=_page(), content_type="text/html", headers=_HEADERS)


@cache
def _page() -> str:
    """The page with its style and script inline, so that one response has everything."""
    html, style, script = (
        files("proxy.observe").joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")
    )
    return html.replace("/*page.css*/", f"\n{style}").replace("/*page.js*/", f"\n{script}")


class Summary:
    """Summarises metrics, nodes and configuration, and the versions' shares over time.

    `settings`, `offered`, `readiness`, `callers`: return the current ones. `clock`: the time of day.
    """

    def __init__(
        self,
        version: str,
        metrics: Metrics,
        settings: Callable[[], Settings],
        offered: Callable[[], SupportedVersions],
        readiness: Callable[[], Readiness],
        callers: Callable[[], ClientUsage],
        clock: Clock,
    ) -> None:
        self._version = version
        self._metrics = metrics
        self._settings = settings
        self._offered = offered
        self._readiness = readiness
        self._callers = callers
        self._clock = clock
        self._began = clock()
        self._history = History(metrics.requests_by_version, clock)

    async def keep_history(self) -> None:
        """Add entries to the history until cancelled."""
        while True:
            await asyncio.sleep(ENTRY_SECONDS)
            self.write_history()

    def write_history(self) -> None:
        """Add an entry to the history."""
        self._history.write()

    async def serve_json(self, request: web.Request) -> web.Response:
        """`GET /summary`: the result of `to_json`."""
        known = self._known()
        body = await request.app[BACKGROUND].run(lambda: orjson.dumps(self._summary(known)))
        return web.Response(body=body, content_type="application/json", headers=_HEADERS)

    async def retiring(self, request: web.Request) -> JsonObject:
        """The content of `GET /retiring`."""
        callers, offered = self._callers(), self._offered()
        version = offered.min if offered.min < offered.max else None
        head = {"keep": callers.keep, "hours": callers.hours, "evicted": callers.evicted}
        users = callers_json(callers.recent(), callers.oldest(), str(version), self._settings().versions.dry_run_refuse)
        entries, hours = self._history.entries(), self._history.hours()
        return await request.app[BACKGROUND].run(retiring, version, head, users, entries, hours)

    def to_json(self) -> JsonObject:
        """The essentials, as JSON. Counts are since the start, `history` per entry; times are Unix times, durations
        seconds.

        `{"version", "seconds", "ready", "draining", "in_flight", "configuration": {"in_force", "listeners"},
        "versions": {"min", "max", "requests", "refused", "would_refuse", "dry_run_refuse", "sunset": [{"version",
        "date", "refuse"}]}, "history": [{"time", "requests"}], "outcomes", "nodes": as in /ready, "sessions",
        "subscriptions", "methods": [{"method", "requests", "by_version"}], "refusals"}`; a mapping is of labels to
        counts.
        """
        return self._summary(self._known())

    def _known(self) -> JsonObject:
        """The values that may be read in the event loop only."""
        settings, readiness, offered = self._settings(), self._readiness(), self._offered()
        now = asyncio.get_running_loop().time()
        return {
            "version": self._version,
            "seconds": round(self._clock() - self._began, 1),
            "ready": readiness.ready,
            "draining": readiness.draining,
            "listeners": [f"{listen.host}:{listen.port}" for listen in settings.listeners],
            "min": offered.min,
            "max": offered.max,
            "dry_run_refuse": sorted(settings.versions.dry_run_refuse),
            "sunset": [
                {"version": sunset.version, "date": str(sunset.date), "refuse": sunset.refuse}
                for sunset in settings.versions.sunset
            ],
            "history": self._history.entries(),
            "nodes": [node_status_json(node, now) for node in readiness.nodes],
        }

    def _summary(self, known: JsonObject) -> JsonObject:
        """The summary; reads the metrics, which takes some time, in any thread."""
        found = _samples(self._metrics.registry)
        requests = found.get("xrpl_proxy_requests", [])
        return {
            **{name: known[name] for name in ("version", "seconds", "ready", "draining")},
            "in_flight": int(_by(found.get("xrpl_proxy_in_flight_requests", ())).total()),
            "configuration": {
                "in_force": bool(_by(found.get("xrpl_proxy_config_last_reload_successful", ())).total()),
                "listeners": known["listeners"],
            },
            "versions": {
                "min": known["min"],
                "max": known["max"],
                "requests": _by(requests, "client_version"),
                "refused": _by(found.get("xrpl_proxy_version_refused", ()), "reason"),
                "would_refuse": _by(found.get("xrpl_proxy_version_would_refuse", ()), "client_version"),
                "dry_run_refuse": known["dry_run_refuse"],
                "sunset": known["sunset"],
            },
            "history": known["history"],
            "outcomes": _by(requests, "outcome"),
            "nodes": known["nodes"],
            "sessions": +_by(found.get("xrpl_proxy_sessions_open", ()), "client_version"),
            "subscriptions": +_by(found.get("xrpl_proxy_subscriptions", ()), "stream"),
            "methods": _top_methods(requests),
            "refusals": _by(found.get("xrpl_proxy_refused", ()), "reason"),
        }


def _top_methods(requests: Iterable[Sample]) -> list[JsonObject]:
    by_method: dict[str, Counter[str]] = {}
    for sample in requests:
        versions = by_method.setdefault(sample.labels["method"], Counter())
        versions[sample.labels["client_version"]] += int(sample.value)
    top = sorted(by_method.items(), key=lambda item: -item[1].total())[:_TOP_METHODS]
    return [{"method": method, "requests": by.total(), "by_version": by} for method, by in top]


def _samples(registry: CollectorRegistry) -> dict[str, list[Sample]]:
    """The samples of the metrics, by the name of their family."""
    return {family.name: family.samples for family in registry.collect()}


def _by(samples: Iterable[Sample], label: str = "") -> Counter[str]:
    """Add up samples by the values of a label."""
    counted = Counter[str]()
    for sample in samples:
        counted[sample.labels.get(label, "")] += int(sample.value)
    return counted
