"""Rules and dashboard: valid, about existing metrics, and described in the runbook."""

import json
import re
from itertools import combinations
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from proxy.observe.aggregate import AggregateServer
from tests.support.installed import DEPLOY, DOCS, output_of, package
from tests.support.queries import DASHBOARD, RULES, alerts, all_series, dashboard, rules
from tests.support.start import StartNode, StartProxy

RUNBOOK = (DOCS / "operations.md").read_text()


@pytest_asyncio.fixture
async def declared(demo_node: StartNode, proxy: StartProxy) -> dict[str, str]:
    """The metrics that a running proxy declares, and their types, whether or not there is a series of them yet.

    Also those of one with several workers.
    """
    served = await proxy(await demo_node(2))
    whole = AggregateServer(
        "127.0.0.1", 0, version="1", wanted=1, workers=lambda: [served.observe_url], draining=lambda: False
    )
    await whole.start()
    try:
        async with aiohttp.ClientSession() as http, http.get(f"{whole.url}/metrics") as response:
            return dict(re.findall(r"^# TYPE (\w+) (\w+)$", await response.text(), re.MULTILINE))
    finally:
        await whole.stop()


def test_promtool_takes_configuration_and_rules() -> None:
    assert "SUCCESS" in output_of("promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yaml")
    output_of("promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES)


def test_promtool_finds_alerts_when_their_cause_is_there_and_only_then() -> None:
    output_of("promtool", "test", "rules", DEPLOY / "prometheus" / "rules.test.yaml")


def test_every_alert_fires_in_a_test_of_promtools() -> None:
    tests = (DEPLOY / "prometheus" / "rules.test.yaml").read_text()
    assert [alert["alert"] for alert in alerts() if alert["alert"] not in tests] == []


async def test_rules_and_dashboard_name_only_what_there_is(declared: dict[str, str]) -> None:
    histograms = {name for name, kind in declared.items() if kind == "histogram"}
    series = {name + part for name in histograms for part in ("_bucket", "_sum", "_count")} | declared.keys()
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert all_series() - series - recorded == set()
    assert len(all_series()) > 20


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_says_what_to_do(alert: dict[str, dict[str, str]]) -> None:
    name = str(alert["alert"])
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert alert["labels"]["severity"] in ("critical", "warning")
    address, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert address == "https://xrpl-version-proxy.example.com/operations/"
    headings = [heading.lower() for heading in re.findall(r"^### (\w+)$", RUNBOOK, re.MULTILINE)]
    assert anchor in headings
    assert anchor in (name.lower(), "xrplproxycertificateexpires")


def test_panels_have_their_place() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart or above, (one, other)
    assert max(panel["gridPos"]["x"] + panel["gridPos"]["w"] for panel in panels) <= 24


def test_every_panel_is_about_the_chosen_instances_and_methods() -> None:
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            for series, labels in re.findall(r"\b([\w:]+)\{([^}]*)\}", target["expr"]):
                if series == "ALERTS":
                    continue
                assert 'job="$job", namespace=~"$namespace", instance=~"$instance"' in labels, target["expr"]
                has_method = "method_duration" in series or "translation" in series or "requests_total" in series
                assert ('method=~"$method"' in labels) is has_method, target["expr"]
            assert not re.search(r"\bxrpl_proxy_\w+(?![\w{])", target["expr"]), "a series without labels"


def test_every_panel_asks_the_chosen_prometheus() -> None:
    asked = [target["datasource"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]
    assert {source["uid"] for source in asked} == {"${datasource}"}
    assert DASHBOARD.name in (DEPLOY / "compose.yaml").read_text()


def test_grafana_reads_all_of_the_dashboard() -> None:
    """Its models, generated from the schema of dashboards, leave out what they do not know."""
    models, plugins, encoder = (
        package(f"grafana_foundation_sdk.{name}") for name in ("models.dashboard", "cog.plugins", "cog.encoder")
    )
    plugins.register_default_plugins()
    written = dashboard()
    read = json.loads(encoder.JSONEncoder().encode(models.Dashboard.from_json(written)))
    for variable in written["templating"]["list"]:
        variable.pop("definition", None)  # the query as text, which the models do not have
    assert left_out(written, read) == []


def left_out(written: Any, read: Any, path: str = "") -> list[str]:
    """The paths of what was written and not read."""
    if isinstance(written, dict) and isinstance(read, dict):
        return [each for key, value in written.items() for each in left_out(value, read.get(key), f"{path}.{key}")]
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        pairs = enumerate(zip(written, read, strict=True))
        return [each for number, pair in pairs for each in left_out(*pair, f"{path}[{number}]")]
    return [] if written == read else [path]
