"""The live essentials on the observe address: `/` for people, `/summary` for the page and for programs."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from proxy.config import Settings
from proxy.nodes.readiness import Readiness
from proxy.observe.server import node_status_json
from proxy.telemetry.metrics import Metrics
from proxy.versions.negotiation import SupportedVersions
from proxy.versions.sunset import Clock

HISTORY_SECONDS = 300.0
"""Between two entries of the history."""
_HISTORY_ENTRIES = 288  # a day
_TOP_METHODS = 15
_HEADERS = {
    "Cache-Control": "no-store",
    # The page holds all it needs, and asks nobody else for anything.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """The requests of each version that were counted in the time up to `time` (Unix)."""

    time: float
    requests: dict[str, int]


async def serve_page(_: web.Request) -> web.Response:
    """`GET /`: the page, which asks for `/summary` by itself."""
    page = files("proxy.observe").joinpath("page.html").read_text(encoding="utf-8")
    return web.Response(text=page, content_type="text/html", headers=_HEADERS)


class Summary:
    """Sums up what the metrics, the nodes and the configuration tell, and how the versions' shares went.

    `settings`, `readiness`: as they are at the moment. `clock`: the time of day.
    """

    def __init__(
        self,
        version: str,
        metrics: Metrics,
        settings: Callable[[], Settings],
        offered: Callable[[], SupportedVersions],
        readiness: Callable[[], Readiness],
        clock: Clock,
    ) -> None:
        self._version = version
        self._metrics = metrics
        self._settings = settings
        self._offered = offered
        self._readiness = readiness
        self._clock = clock
        self._began = clock()
        self._history: deque[_Entry] = deque(maxlen=_HISTORY_ENTRIES)
        self._counted = Counter[str]()

    async def keep_history(self) -> None:
        """Writes the history until it is cancelled."""
        while True:
            await asyncio.sleep(HISTORY_SECONDS)
            self.write_history()

    def write_history(self) -> None:
        """Adds an entry: what was counted since the last one."""
        counted = _by(_samples(self._metrics.registry).get("xrpl_proxy_requests", ()), "client_version")
        self._history.append(_Entry(self._clock(), dict(counted - self._counted)))
        self._counted = counted

    async def serve_json(self, _: web.Request) -> web.Response:
        """`GET /summary`: what `told` says."""
        return web.Response(body=orjson.dumps(self.to_json()), content_type="application/json", headers=_HEADERS)

    def to_json(self) -> dict[str, Any]:
        """The essentials, as JSON. Counts are since the start, `history` per entry, times Unix', durations seconds.

        `{"version", "seconds", "ready", "draining", "in_flight", "configuration": {"in_force", "listeners"},
        "versions": {"min", "max", "requests", "refused", "would_refuse", "sunset": [{"version", "date", "refuse"}]},
        "history": [{"time", "requests"}], "outcomes", "nodes": as /ready has them, "sessions", "subscriptions",
        "methods": [{"method", "requests", "by_version"}], "refusals"}`; a mapping is of labels to counts.
        """
        found, settings, readiness = _samples(self._metrics.registry), self._settings(), self._readiness()
        requests = found.get("xrpl_proxy_requests", [])
        by_version = _by(requests, "client_version")
        offered = self._offered()
        now = asyncio.get_running_loop().time()
        methods = _by(requests, "method").most_common(_TOP_METHODS)
        return {
            "version": self._version,
            "seconds": round(self._clock() - self._began, 1),
            "ready": readiness.ready,
            "draining": readiness.draining,
            "in_flight": int(_by(found.get("xrpl_proxy_in_flight_requests", ())).total()),
            "configuration": {
                "in_force": bool(_by(found.get("xrpl_proxy_config_last_reload_successful", ())).total()),
                "listeners": [f"{listen.host}:{listen.port}" for listen in settings.listeners],
            },
            "versions": {
                "min": offered.min,
                "max": offered.max,
                "requests": by_version,
                "refused": _by(found.get("xrpl_proxy_version_refused", ()), "reason"),
                "would_refuse": _by(found.get("xrpl_proxy_version_would_refuse", ()), "client_version"),
                "sunset": [
                    {"version": sunset.version, "date": str(sunset.date), "refuse": sunset.refuse}
                    for sunset in settings.versions.sunset
                ],
            },
            "history": [
                *({"time": entry.time, "requests": entry.requests} for entry in self._history),
                {"time": self._clock(), "requests": by_version - self._counted},
            ],
            "outcomes": _by(requests, "outcome"),
            "nodes": [node_status_json(node, now) for node in readiness.nodes],
            "sessions": +_by(found.get("xrpl_proxy_sessions", ()), "client_version"),
            "subscriptions": +_by(found.get("xrpl_proxy_subscriptions", ()), "stream"),
            "methods": [
                {
                    "method": method,
                    "requests": count,
                    "by_version": _by((one for one in requests if one.labels["method"] == method), "client_version"),
                }
                for method, count in methods
            ],
            "refusals": _by(found.get("xrpl_proxy_refused", ()), "reason"),
        }


def _samples(registry: CollectorRegistry) -> dict[str, list[Sample]]:
    """The samples of the metrics, by the name of their family."""
    return {family.name: family.samples for family in registry.collect()}


def _by(samples: Iterable[Sample], label: str = "") -> Counter[str]:
    """Adds up samples by the values of a label."""
    counted = Counter[str]()
    for sample in samples:
        counted[sample.labels.get(label, "")] += int(sample.value)
    return counted
