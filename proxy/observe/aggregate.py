"""The observe address of several workers as if they were one process: metrics added up, ready while any worker is."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import aiohttp
import orjson
from aiohttp import web

from adapters import JsonObject
from proxy.nodes.readiness import Readiness
from proxy.observe.background import BACKGROUND
from proxy.observe.clients import NDJSON, decode_lines, encode_clients
from proxy.observe.merged_metrics import CounterHistory, WorkerMetrics
from proxy.observe.merging import merged_clients, merged_history, merged_hours, merged_summary
from proxy.observe.responses import json_response
from proxy.observe.retiring import RetiringPage, retiring
from proxy.observe.server import OPENMETRICS, ObserveServer, wants_openmetrics
from proxy.observe.summary import serve_page

_READY_SECONDS = 1.0
"""Seconds for a worker to respond to `/ready`; a slower one is omitted. The chart's readiness probe waits 2 seconds."""
_SECONDS = 5.0
"""Seconds for other responses of a worker: with 10,000 callers or a series per method they take a second to build."""


class AggregateServer(ObserveServer):
    """The observe address of several workers, each of which has its own.

    `/clients`, `/summary` and `/retiring` are added up. `/ready` has the nodes as seen by one of the workers, and how
    many `workers` of those `wanted` serve. `workers`: returns their observe addresses. `exemplars`: whether their
    metrics have any.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        version: str,
        wanted: int,
        workers: Callable[[], list[str]],
        draining: Callable[[], bool],
        allowed_hosts: Iterable[str] = (),
        exemplars: bool = False,
    ) -> None:
        self._merged = WorkerMetrics(wanted)
        self._counters = CounterHistory()
        self._scrape = asyncio.Lock()
        super().__init__(
            host,
            port,
            version=version,
            metrics=self._merged,
            readiness=lambda: Readiness((), draining=draining()),
            pages={
                "/": serve_page,
                "/summary": self._serve_summary,
                "/clients": self._serve_clients,
                "/retiring": RetiringPage(self._retiring).serve,
            },
            allowed_hosts=allowed_hosts,
        )
        self._workers = workers
        self._exemplars = exemplars
        self._draining = draining
        self._http: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Listen. Raises OSError if the address is unavailable."""
        self._http = aiohttp.ClientSession()
        try:
            await super().start()
        except BaseException:
            await self._http.close()
            raise

    async def stop(self) -> None:
        """Stop listening, and end the requests in flight."""
        await super().stop()
        if self._http is not None:
            await self._http.close()

    def want(self, workers: int) -> None:
        """Report another number of configured workers."""
        self._merged.wanted = workers

    def reloaded(self, *, rejected: bool) -> None:
        """Report whether the last configuration was rejected before any worker received it."""
        self._merged.reload_rejected = rejected

    def worker_exited(self) -> None:
        """Count a worker that exited unexpectedly."""
        self._merged.ended += 1
        self._counters.retain(self._workers())

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        async with self._scrape:
            # OpenMetrics takes twice as long to read.
            accept = OPENMETRICS if self._exemplars and wants_openmetrics(request) else "text/plain"
            answered = await asyncio.gather(*(self._read_metrics(url, accept) for url in self._workers()))
            self._counters.retain(self._workers())
            self._merged.metrics = await self._counters.merged(request.app[BACKGROUND])
            self._merged.running = sum(answered)
            return await super()._serve_metrics(request)

    async def _read_metrics(self, url: str, accept: str) -> bool:
        """Store a worker's metrics; returns whether it reported any."""
        body = await self._get(f"{url}/metrics", _SECONDS, 200, accept=accept)
        if body is None or url not in self._workers():  # it has exited in the meantime, and the base has its counters
            return False
        self._counters.set(url, body.decode())
        return True

    async def _serve_ready(self, _: web.Request) -> web.Response:
        reports = [orjson.loads(body) for body in await self._get_all("/ready", _READY_SECONDS, 200, 503)]
        ready = [report for report in reports if report["ready"]]
        shown = (ready or reports or [{"nodes": []}])[0]
        is_ready = bool(ready) and not self._draining()
        counts = {"serving": len(reports), "wanted": self._merged.wanted}
        content = {**shown, "ready": is_ready, "draining": self._draining(), "workers": counts}
        return json_response(200 if is_ready else 503, content)

    async def _serve_clients(self, request: web.Request) -> web.Response:
        bodies = await self._get_all(f"/clients?{request.query_string}", _SECONDS, 200, 400, accept=NDJSON)
        if not bodies:
            return json_response(503, {"error": "no worker is serving"})
        if bodies[0].startswith(b'{"error"'):
            return json_response(400, bodies[0])
        return json_response(200, await request.app[BACKGROUND].run(_merged_clients, bodies))

    async def _serve_summary(self, request: web.Request) -> web.Response:
        bodies = await self._get_all("/summary", _SECONDS, 200)
        if not bodies:
            return json_response(503, {"error": "no worker is serving"})
        summary = await request.app[BACKGROUND].run(_merged_summary, bodies)
        in_force = summary["configuration"]["in_force"] and not self._merged.reload_rejected
        summary["configuration"] = {**summary["configuration"], "in_force": in_force}
        return json_response(200, {**summary, "draining": summary["draining"] or self._draining()})

    async def _retiring(self, request: web.Request) -> JsonObject | None:
        reports = [orjson.loads(body) for body in await self._get_all("/retiring", _SECONDS, 200)]
        if not reports:
            return None
        version = reports[0]["version"]
        callers = await self._get_all(f"/clients?version={version or 1}", _SECONDS, 200, accept=NDJSON)
        return await request.app[BACKGROUND].run(_merged_retiring, version, reports, callers)

    async def _get_all(self, path: str, seconds: float, *good: int, accept: str = "*/*") -> list[bytes]:
        """The bodies of the workers' responses that have one of the `good` statuses."""
        bodies = await asyncio.gather(
            *(self._get(url + path, seconds, *good, accept=accept) for url in self._workers())
        )
        return [body for body in bodies if body is not None]

    async def _get(self, url: str, seconds: float, *good: int, accept: str = "*/*") -> bytes | None:
        if self._http is None:
            return None
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._http.get(url, headers={"Accept": accept}, timeout=timeout) as response:
                return await response.read() if response.status in good else None
        except (aiohttp.ClientError, OSError):
            return None


def _merged_clients(bodies: Sequence[bytes]) -> bytes:
    merged = _merged_callers(bodies)
    return encode_clients(merged, merged["callers"])


def _merged_callers(bodies: Sequence[bytes]) -> JsonObject:
    return merged_clients([{**head, "callers": callers} for head, callers in map(decode_lines, bodies)])


def _merged_summary(bodies: Sequence[bytes]) -> JsonObject:
    return merged_summary([orjson.loads(body) for body in bodies])


def _merged_retiring(version: int | None, reports: Sequence[JsonObject], bodies: Sequence[bytes]) -> JsonObject:
    callers = _merged_callers(bodies) if bodies else {**reports[0], "callers": []}
    entries = merged_history([report["history"] for report in reports])
    hours = merged_hours([report["hourly"] for report in reports])
    return retiring(version, callers, callers["callers"], entries, hours)
