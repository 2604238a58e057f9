"""What several workers tell, told as one: their metrics added up, and ready while any of them is."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import aiohttp
import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from proxy.nodes.readiness import Readiness
from proxy.observe.merging import merged_clients, merged_summary
from proxy.observe.server import ObserveServer
from proxy.observe.summary import serve_page

_SECONDS = 1.0
"""For a worker to answer; one that does not is left out. Less than whoever asks for all of them waits: the chart's
readiness probe gives up after 2 seconds."""

_MIN_GAUGES = frozenset(
    {
        "process_start_time_seconds",
        "xrpl_proxy_certificate_expiry_timestamp_seconds",
        "xrpl_proxy_config_last_reload_successful",
        "xrpl_proxy_node_healthy",
        "xrpl_proxy_node_up",
    }
)
"""Gauges of which the least of any worker counts: what is bad for one of them is to be seen."""
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
"""Gauges of which the greatest counts. All other gauges, and all counters and histograms, are added up."""


def merged(texts: Iterable[str], base: Iterable[Metric] = ()) -> list[Metric]:
    """The metrics of several processes, each in Prometheus' text format, and those of `base`, as those of one."""
    families: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for family in chain(base, chain.from_iterable(map(text_string_to_metric_families, texts))):
        families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
        known = values.setdefault(family.name, {})
        for sample in family.samples:
            key = (sample.name, tuple(sample.labels.items()))
            before = known.get(key)
            known[key] = sample.value if before is None else _combine(family.name, before, sample.value)
    for name, family in families.items():
        family.samples = [Sample(sample, dict(labels), value) for (sample, labels), value in values[name].items()]
    return list(families.values())


def _combine(family: str, one: float, other: float) -> float:
    if family in _MIN_GAUGES:
        return min(one, other)
    return max(one, other) if family in _MAX_GAUGES else one + other


class _CounterHistory:
    """What each living worker told last, and what those counted that have ended.

    Without that a counter would go back when one ends, or is silent, and Prometheus would take all that is left of it
    for new.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._base: list[Metric] = []

    def keep(self, url: str, text: str) -> None:
        """Keep what a worker told, in place of what it told before."""
        self._texts[url] = text

    def keep_only(self, living: Iterable[str]) -> None:
        """Add to the base what the others counted; their gauges are no more."""
        ended = [self._texts.pop(url) for url in self._texts.keys() - set(living)]
        if ended:
            self._base = [metric for metric in merged(ended, self._base) if metric.type != "gauge"]

    def merged(self) -> list[Metric]:
        """All of it, as of one process."""
        return merged(self._texts.values(), self._base)


class _Merged(Collector):
    """What was asked of the workers last, and what the supervisor knows itself."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        self.metrics: list[Metric] = []
        self.running = 0
        self.ended = 0

    def describe(self) -> Iterator[Metric]:
        """Nothing: it is known when it has been asked."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All there is."""
        yield from self.metrics
        yield GaugeMetricFamily("xrpl_proxy_workers", "Workers that serve", value=self.running)
        yield GaugeMetricFamily("xrpl_proxy_workers_wanted", "Workers that should serve", value=self._wanted)
        yield CounterMetricFamily("xrpl_proxy_workers_ended", "Workers that ended unasked", value=self.ended)


class AggregateServer(ObserveServer):
    """The observe address of several workers, which each have one of their own.

    `/clients` and `/summary` are added up. `/ready` has the nodes as one of the workers sees them, and how many
    `workers` serve of those `wanted`. `workers`: their addresses.
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
    ) -> None:
        self._merged = _Merged(wanted)
        self._kept = _CounterHistory()
        super().__init__(
            host,
            port,
            version=version,
            metrics=self._merged,
            readiness=lambda: Readiness((), draining=draining()),
            pages={"/": serve_page, "/summary": self._serve_summary, "/clients": self._serve_clients},
        )
        self._wanted = wanted
        self._workers = workers
        self._draining = draining
        self._http: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Listen. Raises OSError if that cannot be."""
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS))
        try:
            await super().start()
        except BaseException:
            await self._http.close()
            raise

    async def stop(self) -> None:
        """Stop listening and end what is being answered."""
        await super().stop()
        if self._http is not None:
            await self._http.close()

    def worker_exited(self) -> None:
        """Count a worker that ended unasked."""
        self._merged.ended += 1
        self._kept.keep_only(self._workers())

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        told = await asyncio.gather(*map(self._ask_for_metrics, self._workers()))
        self._kept.keep_only(self._workers())
        self._merged.metrics = self._kept.merged()
        self._merged.running = sum(told)
        return await super()._serve_metrics(request)

    async def _ask_for_metrics(self, url: str) -> bool:
        """Keeps what a worker tells; whether it told anything."""
        told = await self._ask(f"{url}/metrics", 200)
        if told is None or url not in self._workers():  # what it counted is in the base by now
            return False
        self._kept.keep(url, told.decode())
        return True

    async def _serve_ready(self, _: web.Request) -> web.Response:
        told = [orjson.loads(text) for text in await self._ask_all("/ready", 200, 503)]
        ready = [each for each in told if each["ready"]]
        whole = (ready or told or [{"nodes": []}])[0]
        is_ready = bool(ready) and not self._draining()
        counts = {"serving": len(told), "wanted": self._wanted}
        body = {**whole, "ready": is_ready, "draining": self._draining(), "workers": counts}
        return _json(200 if is_ready else 503, body)

    async def _serve_clients(self, request: web.Request) -> web.Response:
        told = [orjson.loads(text) for text in await self._ask_all(f"/clients?{request.query_string}", 200, 400)]
        if not told or "callers" not in told[0]:
            return _json(400 if told else 503, told[0] if told else {"error": "no worker serves"})
        return _json(200, merged_clients(told))

    async def _serve_summary(self, _: web.Request) -> web.Response:
        told = [orjson.loads(text) for text in await self._ask_all("/summary", 200)]
        if not told:
            return _json(503, {"error": "no worker serves"})
        summary = merged_summary(told)
        return _json(200, {**summary, "draining": summary["draining"] or self._draining()})

    async def _ask_all(self, path: str, *good: int) -> list[bytes]:
        """What each worker answers, of those that do, with one of the `good` statuses."""
        answers = await asyncio.gather(*(self._ask(url + path, *good) for url in self._workers()))
        return [answer for answer in answers if answer is not None]

    async def _ask(self, url: str, *good: int) -> bytes | None:
        if self._http is None:
            return None
        try:
            async with self._http.get(url) as response:
                return await response.read() if response.status in good else None
        except (aiohttp.ClientError, OSError):
            return None


def _json(status: int, message: dict[str, object]) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(message),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
