"""The observe address of several workers as if they were one process: metrics added up, ready while any worker is."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample

from proxy.nodes.readiness import Readiness
from proxy.observe.background import BACKGROUND, Background
from proxy.observe.clients import NDJSON, decode_lines, encode_clients
from proxy.observe.merging import merged_clients, merged_history, merged_hours, merged_summary
from proxy.observe.responses import json_response
from proxy.observe.retiring import RetiringPage, retiring
from proxy.observe.server import ObserveServer, wants_openmetrics
from proxy.observe.summary import serve_page

Json = dict[str, Any]
_Series = tuple[str, tuple[tuple[str, str], ...]]
"""The name of a series and its labels."""

_READY_SECONDS = 1.0
"""For a worker to answer `/ready`; one that does not is left out. The chart's readiness probe waits 2 seconds."""
_SECONDS = 5.0
"""For a worker to answer anything else: with 10,000 callers or a series per method it takes a second to build."""

_MIN_GAUGES = frozenset(
    {
        "process_start_time_seconds",
        "xrpl_proxy_certificate_expiry_timestamp_seconds",
        "xrpl_proxy_config_last_reload_successful",
        "xrpl_proxy_node_healthy",
        "xrpl_proxy_node_up",
    }
)
"""Gauges of which the lowest of all workers counts: a problem of one worker must show."""
_MAX_GAUGES = frozenset(
    {
        "process_max_fds",
        "python_info",
        "xrpl_proxy_build_info",
        "xrpl_proxy_node_lag_ledgers",
        "xrpl_proxy_node_overloaded",
        "xrpl_proxy_node_paused",
        "xrpl_proxy_node_validated_ledger_age_seconds",
        "xrpl_proxy_node_wrong_network",
        "xrpl_proxy_ready",
    }
)
"""Gauges of which the highest counts. All other gauges, and all counters and histograms, are added up."""


def merged(texts: Iterable[str], base: Iterable[Metric] = ()) -> list[Metric]:
    """Combine the metrics of several processes, each in Prometheus' text format or OpenMetrics, and those of `base`."""
    families: dict[str, Metric] = {}
    values: dict[str, dict[_Series, float]] = {}
    exemplars: dict[_Series, Exemplar] = {}
    for family in chain(base, chain.from_iterable(map(_families, texts))):
        families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
        known = values.setdefault(family.name, {})
        for sample in family.samples:
            key = (sample.name, tuple(sample.labels.items()))
            before = known.get(key)
            known[key] = sample.value if before is None else _combine(family.name, before, sample.value)
            if sample.exemplar is not None:
                exemplars[key] = max(exemplars.get(key, sample.exemplar), sample.exemplar, key=_time)
    for name, family in families.items():
        family.samples = [
            Sample(series[0], dict(series[1]), value, exemplar=exemplars.get(series))
            for series, value in values[name].items()
        ]
    return list(families.values())


def _families(text: str) -> Iterable[Metric]:
    """The metrics in a text; OpenMetrics, which has exemplars, is known by its last line."""
    parse = openmetrics_families if text.endswith("# EOF\n") else text_string_to_metric_families
    families: Iterable[Metric] = parse(text)
    return families


def _time(exemplar: Exemplar) -> float:
    return float(exemplar.timestamp or 0)


def _combine(family: str, one: float, other: float) -> float:
    if family in _MIN_GAUGES:
        return min(one, other)
    return max(one, other) if family in _MAX_GAUGES else one + other


class _CounterHistory:
    """What each running worker last reported, and what exited workers had counted.

    Without it a counter would decrease when a worker exits or does not answer, and Prometheus would take that for a
    restart and count everything that remains again.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._exited: list[str] = []
        """Reports of exited workers that are not in the base yet."""
        self._base: list[Metric] = []

    def set(self, url: str, text: str) -> None:
        """Replace what a worker reported."""
        self._texts[url] = text

    def retain(self, running: Iterable[str]) -> None:
        """All workers but those `running` have exited: their counters count on, their gauges do not."""
        self._exited += [self._texts.pop(url) for url in self._texts.keys() - set(running)]

    async def merged(self, background: Background) -> list[Metric]:
        """All of it, as of one process. Not to be called again before it has returned."""
        exited, self._exited = self._exited, []
        try:
            self._base, metrics = await background.run(_merged_with_base, exited, self._base, [*self._texts.values()])
        except BaseException:
            self._exited = exited + self._exited
            raise
        return metrics


def _merged_with_base(
    exited: Sequence[str], base: list[Metric], texts: Sequence[str]
) -> tuple[list[Metric], list[Metric]]:
    """The new base, which has the counters of `exited` as well, and the metrics of all."""
    if exited:
        base = [metric for metric in merged(exited, base) if metric.type != "gauge"]
    return base, merged(texts, base)


class _Merged(Collector):
    """The merged metrics of the workers, and those of the supervisor."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        self.metrics: list[Metric] = []
        self.running = 0
        self.ended = 0

    def describe(self) -> Iterator[Metric]:
        """Nothing: what there is depends on the workers."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The metrics of the last scrape."""
        yield from self.metrics
        yield GaugeMetricFamily("xrpl_proxy_workers", "Workers that are serving", value=self.running)
        yield GaugeMetricFamily("xrpl_proxy_workers_wanted", "Workers that are configured", value=self._wanted)
        yield CounterMetricFamily("xrpl_proxy_workers_ended", "Workers that exited unexpectedly", value=self.ended)


class AggregateServer(ObserveServer):
    """The observe address of several workers, each of which has one of its own.

    `/clients`, `/summary` and `/retiring` are added up. `/ready` has the nodes as one of the workers sees them, and how
    many `workers` serve of those `wanted`. `workers`: returns their observe addresses.
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
    ) -> None:
        self._merged = _Merged(wanted)
        self._counters = _CounterHistory()
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
        self._wanted = wanted
        self._workers = workers
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

    def worker_exited(self) -> None:
        """Count a worker that exited unexpectedly."""
        self._merged.ended += 1
        self._counters.retain(self._workers())

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        async with self._scrape:
            # OpenMetrics has exemplars, and takes longer to read.
            accept = request.headers.get("Accept", "") if wants_openmetrics(request) else "text/plain"
            answered = await asyncio.gather(*(self._read_metrics(url, accept) for url in self._workers()))
            self._counters.retain(self._workers())
            self._merged.metrics = await self._counters.merged(request.app[BACKGROUND])
            self._merged.running = sum(answered)
            return await super()._serve_metrics(request)

    async def _read_metrics(self, url: str, accept: str) -> bool:
        """Store a worker's metrics; returns whether it reported any."""
        body = await self._get(f"{url}/metrics", _SECONDS, 200, accept=accept)
        if body is None or url not in self._workers():  # it has exited meanwhile, and the base has its counters
            return False
        self._counters.set(url, body.decode())
        return True

    async def _serve_ready(self, _: web.Request) -> web.Response:
        reports = [orjson.loads(body) for body in await self._get_all("/ready", _READY_SECONDS, 200, 503)]
        ready = [report for report in reports if report["ready"]]
        shown = (ready or reports or [{"nodes": []}])[0]
        is_ready = bool(ready) and not self._draining()
        counts = {"serving": len(reports), "wanted": self._wanted}
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
        return json_response(200, {**summary, "draining": summary["draining"] or self._draining()})

    async def _retiring(self, request: web.Request) -> Json | None:
        reports = [orjson.loads(body) for body in await self._get_all("/retiring", _SECONDS, 200)]
        if not reports:
            return None
        version = reports[0]["version"]
        callers = await self._get_all(f"/clients?version={version or 1}", _SECONDS, 200, accept=NDJSON)
        return await request.app[BACKGROUND].run(_merged_retiring, version, reports, callers)

    async def _get_all(self, path: str, seconds: float, *good: int, accept: str = "*/*") -> list[bytes]:
        """The bodies of the workers' responses, of those that answer with one of the `good` statuses."""
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


def _merged_callers(bodies: Sequence[bytes]) -> Json:
    return merged_clients([{**head, "callers": callers} for head, callers in map(decode_lines, bodies)])


def _merged_summary(bodies: Sequence[bytes]) -> Json:
    return merged_summary([orjson.loads(body) for body in bodies])


def _merged_retiring(version: int | None, reports: Sequence[Json], bodies: Sequence[bytes]) -> Json:
    callers = _merged_callers(bodies) if bodies else {**reports[0], "callers": []}
    entries = merged_history([report["history"] for report in reports])
    hours = merged_hours([report["hourly"] for report in reports])
    return retiring(version, callers, callers["callers"], entries, hours)
