"""The Helm chart: linted and rendered by Helm itself, and what comes out held against Kubernetes' schemas."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import proxy
from proxy.config import Settings, load_settings
from tests.support.installed import DEPLOY, output_of, package
from tests.support.queries import DASHBOARD, RULES

CHART = DEPLOY / "helm" / "xrpl-version-proxy"
OLDEST, NEWEST = "1.25.0", "1.37.0"

NODES = [{"name": "node-1", "http": "http://10.0.0.5:5015", "websocket": "ws://10.0.0.5:6016", "api_version": 2}]
LEAST: dict[str, Any] = {"config": {"nodes": NODES}}
ALL: dict[str, Any] = {
    "config": {"nodes": NODES, "guard": {"trusted_proxies": ["10.0.0.0/8"]}},
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "env": [{"name": "XRPL_PROXY_LOGGING__LEVEL", "value": "debug"}],
    "autoscaling": {"enabled": True},
    "service": {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "annotations": {"a": "b"}},
    "secretName": "certificate",
    "podAnnotations": {"a": "b"},
    "podLabels": {"a": "b"},
    "nodeSelector": {"a": "b"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
    "serviceAccount": {"annotations": {"a": "b"}},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True},
    "networkPolicy": {
        "clients": [{"podSelector": {}}],
        "nodes": [{"to": [{"ipBlock": {"cidr": "10.0.0.5/32"}}], "ports": [{"port": 5015}, {"port": 6016}]}],
    },
}
every_kind = pytest.mark.parametrize("values", [LEAST, ALL], ids=["least", "all"])


def rendered(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What Helm would install, by `kind/name`."""
    with package("helm_python.chart").Chart.load(CHART) as chart:
        files = chart.render(values, name="release", namespace="xrpl")
    documents = [
        document
        for name, text in files.items()
        if name.endswith(".yaml")
        for document in yaml.safe_load_all(text)
        if document is not None
    ]
    return {f"{document['kind']}/{document['metadata']['name']}": document for document in documents}


@every_kind
def test_helm_lint_has_nothing_to_say(values: dict[str, Any]) -> None:
    report = package("helm_python.chart").lint(CHART, values, strict=True)
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["error"] != "icon is recommended"] == []


def test_the_chart_installs_this_version() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == proxy.__version__


@every_kind
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_knows_everything_in_it(values: dict[str, Any], version: str, tmp_path: Path) -> None:
    files = []
    for name, document in rendered(values).items():
        if not document["apiVersion"].startswith("monitoring.coreos.com/"):  # its schemas come with the operator
            files.append(tmp_path / (name.replace("/", "-") + ".yaml"))
            files[-1].write_text(yaml.safe_dump(document))
    assert len(files) >= 7
    output_of("kubernetes-validate", "--strict", "--kubernetes-version", version, *files)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "/config/nodes"),
        (LEAST | {"replcas": 3}, "replcas"),
        (LEAST | {"replicas": 0}, "/replicas"),
        ({"config": {"nodes": NODES, "listen": {"port": 80}}}, "/config/listen/port"),
        ({"config": {"nodes": [{"name": "node-1", "http": "10.0.0.5"}]}}, "/config/nodes/0/http"),
        (LEAST | {"image": {"digest": "latest"}}, "/image/digest"),
    ],
)
def test_values_that_cannot_be_are_refused(values: dict[str, Any], problem: str) -> None:
    chart_package, errors = package("helm_python.chart"), package("helm_python.errors")
    with chart_package.Chart.load(CHART) as chart, pytest.raises(errors.HelmValuesError, match=re.escape(problem)):
        chart.validate_schema(values)


def settings_of(documents: dict[str, dict[str, Any]], folder: Path) -> Settings:
    """The proxy's settings in the pod: its mounted configuration, and its environment."""
    path = folder / "config.yaml"
    path.write_text(documents["ConfigMap/release-xrpl-version-proxy"]["data"]["config.yaml"])
    container = container_of(documents)
    return load_settings(path, {variable["name"]: variable["value"] for variable in container.get("env", [])})


def container_of(documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    deployment = documents["Deployment/release-xrpl-version-proxy"]
    container: dict[str, Any] = deployment["spec"]["template"]["spec"]["containers"][0]
    return container


@every_kind
def test_the_proxy_takes_its_configuration(values: dict[str, Any], tmp_path: Path) -> None:
    settings = settings_of(rendered(values), tmp_path)
    assert [node.name for node in settings.nodes] == ["node-1"]
    assert settings.observe.host == "0.0.0.0"
    assert settings.logging.level == ("debug" if values is ALL else "info")


def test_probes_ask_the_observe_port_what_they_are_for() -> None:
    container = container_of(rendered(LEAST))
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"clients": 51233, "observe": 9652}
    probes = {kind: container[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["port"] for probe in probes.values()} == {"observe"}
    assert [probe["path"] for probe in probes.values()] == ["/health", "/health", "/ready"]


def test_pods_are_given_the_time_that_stopping_takes(tmp_path: Path) -> None:
    documents = rendered(LEAST)
    timeouts = settings_of(documents, tmp_path).timeouts
    grace = documents["Deployment/release-xrpl-version-proxy"]["spec"]["template"]["spec"]
    assert timeouts.drain_delay > 0
    assert timeouts.drain_delay + timeouts.shutdown < grace["terminationGracePeriodSeconds"]


def test_a_changed_configuration_rolls_the_pods() -> None:
    def checksum(values: dict[str, Any]) -> str:
        pod = rendered(values)["Deployment/release-xrpl-version-proxy"]["spec"]["template"]
        return str(pod["metadata"]["annotations"]["checksum/config"])

    changed = {"config": {"nodes": NODES, "versions": {"min": 2}}}
    assert checksum(LEAST) == checksum(LEAST) != checksum(changed)


def test_autoscaling_decides_alone_and_by_a_metric_of_the_proxys() -> None:
    documents = rendered(ALL)
    assert "replicas" not in documents["Deployment/release-xrpl-version-proxy"]["spec"]
    metrics = documents["HorizontalPodAutoscaler/release-xrpl-version-proxy"]["spec"]["metrics"]
    assert [metric["pods"]["metric"]["name"] for metric in metrics] == ["xrpl_proxy_in_flight_requests"]


def test_the_operator_gets_the_rules_and_grafana_the_dashboard_as_they_are(tmp_path: Path) -> None:
    documents = rendered(ALL)
    groups = documents["PrometheusRule/release-xrpl-version-proxy"]["spec"]
    assert groups == yaml.safe_load(RULES.read_text())
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(groups))
    output_of("promtool", "check", "rules", tmp_path / "rules.yaml")
    dashboard = documents["ConfigMap/release-xrpl-version-proxy-dashboard"]
    assert dashboard["data"][DASHBOARD.name].strip() == DASHBOARD.read_text().strip()
    # What the rules call the job is what the monitor makes of its label.
    label = documents["ServiceMonitor/release-xrpl-version-proxy"]["spec"]["jobLabel"]
    observe = documents["Service/release-xrpl-version-proxy-observe"]
    assert observe["metadata"]["labels"][label] == "xrpl-version-proxy"
