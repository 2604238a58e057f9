"""How many time series there are, and the buckets and exemplars of histograms."""

from typing import Any

import aiohttp
import pytest
from prometheus_client.openmetrics.exposition import generate_latest as as_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families
from prometheus_client.samples import Sample

from proxy.observe.merged_metrics import merged
from proxy.telemetry.metrics import Metrics
from tests.support.commands import Run, run
from tests.support.start import StartNode, StartProxy

__all__ = ["run"]

METHODS = ("account_info", "tx", "ledger")


async def samples(url: str) -> list[Sample]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as response:
        return [sample for family in text_families(await response.text()) for sample in family.samples]


async def test_verifying_every_method_leaves_few_series(demo_node: StartNode, proxy: StartProxy, run: Run) -> None:
    served = await proxy(await demo_node(2))
    over = ("--node", served.http_url, "--websocket", served.http_url.replace("http", "ws"), "--listen", 1)
    ran = await run("verify", *over, "--rate", 100_000, "--ledgers", 10)
    assert ran.status == 0, ran.out + ran.err
    found = await samples(served.observe_url)
    methods = {sample.labels["method"] for sample in found if sample.name == "xrpl_proxy_requests_total"}
    assert len(methods) > 20
    assert len(found) < 25 * len(methods)
    by_method = [sample for sample in found if "method" in sample.labels and sample.name.endswith("_bucket")]
    assert {sample.labels["le"] for sample in by_method} == {"+Inf"}


def observed(metrics: Metrics) -> None:
    for method in METHODS:
        metrics.request("http", method, 1, 2, "success", 0.02)
        metrics.node_called("node-1", method, 0.02)


def buckets(metrics: Metrics, name: str) -> list[dict[str, Any]]:
    families = openmetrics_families(as_openmetrics(metrics.registry).decode())  # type: ignore[no-untyped-call]
    return [each.labels for family in families if family.name == name for each in family.samples if "le" in each.labels]


@pytest.mark.parametrize("name", ["xrpl_proxy_method_duration_seconds", "xrpl_proxy_node_method_duration_seconds"])
def test_a_method_has_the_buckets_that_are_configured(name: str) -> None:
    metrics = Metrics("1", (0.01, 0.1))
    observed(metrics)
    assert [labels["le"] for labels in buckets(metrics, name) if labels["method"] == "tx"] == ["0.01", "0.1", "+Inf"]
    metrics.set_method_buckets((0.3,))
    assert buckets(metrics, name) == []
    observed(metrics)
    assert len(buckets(metrics, name)) == 2 * len(METHODS)
    metrics.set_method_buckets((0.1,))
    assert len(buckets(metrics, name)) == 2 * len(METHODS), "what was counted is no reason to begin anew"


def test_the_latest_trace_of_a_bucket_is_its_exemplar_also_of_several_workers() -> None:
    texts = []
    for worker in ("a", "b"):
        metrics = Metrics("1")
        metrics.request("http", "fee", 1, 2, "success", 0.002)
        metrics.request("http", "fee", 1, 2, "success", 0.0201, trace_id=f"{worker}1")
        metrics.request("http", "fee", 1, 2, "success", 0.0202, trace_id=f"{worker}2")
        texts.append(as_openmetrics(metrics.registry).decode())  # type: ignore[no-untyped-call]
    for families in (openmetrics_families(texts[1]), merged(texts)):  # type: ignore[no-untyped-call]
        found = {
            sample.labels["le"]: (sample.exemplar.labels, sample.exemplar.value)
            for family in families
            for sample in family.samples
            if sample.exemplar is not None
        }
        assert found == {"0.025": ({"trace_id": "b2"}, 0.0202)}
