"""The Helm chart: linted and rendered by Helm itself, and what comes out held against Kubernetes' schemas."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

import proxy
from proxy.config import Settings, load_settings
from tests.support.chart_schema import FILE as SCHEMA
from tests.support.chart_schema import values_schema
from tests.support.installed import DEPLOY, output_of, package
from tests.support.queries import DASHBOARD, RULES

CHART = DEPLOY / "helm" / "xrpl-version-proxy"
OLDEST, NEWEST = "1.25.0", "1.37.0"

NODES = [{"name": "node-1", "http": "http://10.0.0.5:5015", "websocket": "ws://10.0.0.5:6016", "api_version": 2}]
RUNBOOKS = "https://runbooks.example.com/xrpl/"
LEAST: dict[str, Any] = {"config": {"nodes": NODES}}
ALL: dict[str, Any] = {
    "config": {
        "nodes": [NODES[0] | {"grpc": "10.0.0.5:50051"}],
        "guard": {"trusted_proxies": ["10.0.0.0/8"]},
        "listen": [{"grpc_port": 50051}, {"methods": ["server_info"]}],
        "observe": {"allowed_hosts": ["proxy.example.com"]},
    },
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "env": [{"name": "XRPL_PROXY_LOGGING__LEVEL", "value": "debug"}],
    "envFrom": [{"secretRef": {"name": "keys"}}],
    "extraVolumes": [{"name": "scratch", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    "extraContainers": [{"name": "shipper", "image": "shipper:1"}],
    "initContainers": [{"name": "first", "image": "first:1"}],
    "autoscaling": {"enabled": True, "inFlightRequests": 50},
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "annotations": {"a": "b"},
        "hosts": [{"host": "xrpl.example.com"}, {"host": "internal.example.com", "port": "clients-2"}],
        "tls": [{"hosts": ["xrpl.example.com"], "secretName": "certificate"}],
    },
    "httpRoute": {
        "enabled": True,
        "annotations": {"a": "b"},
        "parentRefs": [{"name": "gateway"}],
        "hostnames": ["xrpl.example.com"],
    },
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
    "prometheusRule": {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "runbookUrl": RUNBOOKS,
    },
    "dashboard": {"enabled": True},
    "networkPolicy": {
        "clients": [{"podSelector": {}}],
        "nodes": [{"to": [{"ipBlock": {"cidr": "10.0.0.5/32"}}], "ports": [{"port": 5015}, {"port": 6016}]}],
    },
}
CUSTOM = ("monitoring.coreos.com/", "gateway.networking.k8s.io/")
every_kind = pytest.mark.parametrize("values", [LEAST, ALL], ids=["least", "all"])


def rendered(values: dict[str, Any], path: Path = CHART) -> dict[str, dict[str, Any]]:
    """What Helm would install, by `kind/name`."""
    with package("helm_python.chart").Chart.load(path) as chart:
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


def test_the_chart_has_this_version_and_installs_it() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == proxy.__version__


def test_the_packaged_chart_installs_the_same(tmp_path: Path) -> None:
    """Rules and dashboard are links in the tree."""
    archive = package("helm_python.chart").package(CHART, destination=tmp_path)
    assert rendered(ALL, archive) == rendered(ALL)


@every_kind
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_knows_everything_in_it(values: dict[str, Any], version: str, tmp_path: Path) -> None:
    output_of("kubernetes-validate", "--strict", "--kubernetes-version", version, *written(values, tmp_path))


@every_kind
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.skipif(
    shutil.which("kubeconform") is None and os.environ.get("GITHUB_ACTIONS") != "true",
    reason="needs kubeconform: go install github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0",
)
def test_kubeconform_agrees(values: dict[str, Any], version: str, tmp_path: Path) -> None:
    """With the schemas of kubernetes-validate, which are changed to refer to each other by file.

    It is no package of Debian's or PyPI's, so that `tests/deploy/install` has it not; the workflow builds it.
    """
    folder = (
        Path(package("kubernetes_validate").__file__).parent / "kubernetes-json-schema" / f"v{version}-local-strict"
    )
    for file in folder.iterdir():
        schema = json.loads(file.read_text().replace("/api/_definitions.json", "_definitions.json"))
        schema.pop("$id", None)
        (tmp_path / file.name).write_text(json.dumps(schema))
    location = f"{tmp_path}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    output_of("kubeconform", "-strict", "-schema-location", location, *written(values, tmp_path))


def written(values: dict[str, Any], folder: Path) -> list[Path]:
    """A file for each resource that Kubernetes itself has; the schemas of others come with their operators."""
    files = []
    for name, document in rendered(values).items():
        if not document["apiVersion"].startswith(CUSTOM):
            files.append(folder / (name.replace("/", "-") + ".yaml"))
            files[-1].write_text(yaml.safe_dump(document))
    assert len(files) >= 7
    return files


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "/config/nodes"),
        (LEAST | {"replcas": 3}, "replcas"),
        (LEAST | {"replicas": 0}, "/replicas"),
        ({"config": {"nodes": NODES, "listen": {"port": 80}}}, "/config/listen/port"),
        ({"config": {"nodes": NODES, "listen": [{"host": "::1"}]}}, "/config/listen/0/host"),
        ({"config": {"nodes": NODES, "limits": {"in_fligth": 5}}}, "in_fligth"),
        ({"config": {"nodes": NODES, "timeouts": {"request": "soon"}}}, "/config/timeouts/request"),
        ({"config": {"nodes": [NODES[0] | {"wight": 5}]}}, "wight"),
        ({"config": {"nodes": [{"name": "node-1", "http": "10.0.0.5"}]}}, "/config/nodes/0/http"),
        (LEAST | {"image": {"digest": "latest"}}, "/image/digest"),
        (LEAST | {"ingress": {"enabled": True}}, "/ingress/hosts"),
        (LEAST | {"httpRoute": {"enabled": True}}, "/httpRoute/parentRefs"),
    ],
)
def test_values_that_cannot_be_are_refused(values: dict[str, Any], problem: str) -> None:
    chart_package, errors = package("helm_python.chart"), package("helm_python.errors")
    with chart_package.Chart.load(CHART) as chart, pytest.raises(errors.HelmValuesError, match=re.escape(problem)):
        chart.validate_schema(values)


def settings_of(documents: dict[str, dict[str, Any]], folder: Path) -> Settings:
    """The proxy's settings in the pod: its mounted configuration, its image's environment, and its own."""
    path = folder / "config.yaml"
    path.write_text(documents["ConfigMap/release-xrpl-version-proxy"]["data"]["config.yaml"])
    image = dict(re.findall(r"^(?:ENV|   ) (XRPL_PROXY_\w+)=(\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))
    assert image.keys() >= {"XRPL_PROXY_OBSERVE__HOST"}
    pod = {variable["name"]: variable["value"] for variable in container_of(documents)["env"]}
    return load_settings(path, image | pod)


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


def test_a_changed_configuration_is_applied_in_place_and_replaces_pods_only_where_it_must() -> None:
    def pod(**config: Any) -> dict[str, Any]:
        documents = rendered({"config": {"nodes": NODES, **config}})
        template: dict[str, Any] = documents["Deployment/release-xrpl-version-proxy"]["spec"]["template"]
        return template

    assert pod() == pod(versions={"min": 2}) == pod(logging={"level": "debug"})
    assert pod() == pod(observe={"allowed_hosts": ["a.example"]})
    for restart in ({"workers": 2}, {"tracing": {"sample": 0.5}}, {"grpc": {"in_flight": 5}}):
        assert pod(**restart) != pod()
    assert pod(watch_config=False) == pod(watch_config=False)
    assert pod(watch_config=False, versions={"min": 2}) != pod(watch_config=False)


def test_pods_see_changes_of_their_configuration(tmp_path: Path) -> None:
    documents = rendered(LEAST)
    container = container_of(documents)
    (mount,) = (mount for mount in container["volumeMounts"] if mount["name"] == "config")
    assert "subPath" not in mount
    assert container["args"] == ["serve", "--config", f"{mount['mountPath']}/config.yaml"]
    assert settings_of(documents, tmp_path).watch_config


def test_the_schema_of_the_values_has_the_configurations_own() -> None:
    """To bring it up to date: UPDATE_SCHEMA=1 with this test."""
    text = values_schema()
    if os.environ.get("UPDATE_SCHEMA") == "1":
        SCHEMA.write_text(text)
    assert SCHEMA.read_text() == text


def ports_of(documents: dict[str, dict[str, Any]]) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in container_of(documents)["ports"]}


def test_every_listener_and_grpc_port_reaches_container_service_and_network_policy(tmp_path: Path) -> None:
    documents = rendered(ALL)
    assert ports_of(documents) == {"clients": 51233, "grpc": 50051, "clients-2": 51234, "observe": 9652}
    service = documents["Service/release-xrpl-version-proxy"]["spec"]["ports"]
    assert [(port["name"], port["port"], port["targetPort"]) for port in service] == [
        ("clients", 51233, "clients"),
        ("grpc", 50051, "grpc"),
        ("clients-2", 51234, "clients-2"),
    ]
    ingress = documents["NetworkPolicy/release-xrpl-version-proxy"]["spec"]["ingress"]
    assert [port["port"] for port in ingress[0]["ports"]] == [51233, 50051, 51234]
    listeners = settings_of(documents, tmp_path).listeners
    assert [(listen.host, listen.port, listen.grpc_port) for listen in listeners] == [
        ("0.0.0.0", 51233, 50051),
        ("0.0.0.0", 51234, None),
    ]


def test_a_mapping_may_have_a_grpc_port_too() -> None:
    node = NODES[0] | {"grpc": "10.0.0.5:50051"}
    documents = rendered({"config": {"nodes": [node], "listen": {"grpc_port": 50051}}})
    assert ports_of(documents) == {"clients": 51233, "grpc": 50051, "observe": 9652}


def test_a_cluster_of_ipv6_only_is_listened_to(tmp_path: Path) -> None:
    service = {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}
    documents = rendered(LEAST | {"bindAddress": "::", "service": service})
    settings = settings_of(documents, tmp_path)
    assert (settings.listeners[0].host, settings.observe.host) == ("::", "::")
    for name in ("Service/release-xrpl-version-proxy", "Service/release-xrpl-version-proxy-observe"):
        assert documents[name]["spec"].items() >= service.items()


def test_ingress_and_route_lead_to_the_service() -> None:
    documents = rendered(ALL)
    ports = {port["name"]: port["port"] for port in documents["Service/release-xrpl-version-proxy"]["spec"]["ports"]}
    rules = documents["Ingress/release-xrpl-version-proxy"]["spec"]["rules"]
    backends = [rule["http"]["paths"][0]["backend"]["service"] for rule in rules]
    assert {backend["name"] for backend in backends} == {"release-xrpl-version-proxy"}
    assert [backend["port"]["name"] for backend in backends] == ["clients", "clients-2"]
    assert {backend["port"]["name"] for backend in backends} <= ports.keys()
    (rule,) = documents["HTTPRoute/release-xrpl-version-proxy"]["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": "release-xrpl-version-proxy", "port": ports["clients"]}]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"config": {"listen": [{"port": 51234}, {}]}}, "port 51234 of clients-2 is already used by clients"),
        ({"config": {"listen": {"grpc_port": 51233}}}, "port 51233 of grpc is already used by clients"),
        ({"config": {"listen": [{"port": 9652}]}}, "port 9652 of clients is already used by observe"),
        (
            {"config": {"listen": [{}, {}]}, "service": {"port": 51234}},
            "service.port: port 51234 of clients-2 is already",
        ),
        (
            {"ingress": {"enabled": True, "hosts": [{"host": "a.example", "port": "grpc"}]}},
            "ingress.hosts: a.example has the port grpc; config.listen has only clients",
        ),
    ],
)
def test_ports_that_cannot_be_are_refused_before_anything_is_installed(values: dict[str, Any], problem: str) -> None:
    config = {"config": {"nodes": NODES, **values.get("config", {})}}
    with pytest.raises(package("helm_python.errors").HelmError, match=re.escape(problem)):
        rendered(values | config)


def test_monitor_rules_and_dashboard_may_be_in_the_namespace_that_is_watched() -> None:
    kinds = ("serviceMonitor", "prometheusRule", "dashboard")
    documents = rendered(LEAST | {kind: {"enabled": True, "namespace": "monitoring"} for kind in kinds})
    elsewhere = {name for name, document in documents.items() if document["metadata"]["namespace"] == "monitoring"}
    assert elsewhere == {
        "ServiceMonitor/release-xrpl-version-proxy",
        "PrometheusRule/release-xrpl-version-proxy",
        "ConfigMap/release-xrpl-version-proxy-dashboard",
    }
    monitor = documents["ServiceMonitor/release-xrpl-version-proxy"]["spec"]
    assert monitor["namespaceSelector"] == {"matchNames": ["xrpl"]}


def test_what_is_extra_is_in_the_pod() -> None:
    pod = rendered(ALL)["Deployment/release-xrpl-version-proxy"]["spec"]["template"]["spec"]
    assert [container["name"] for container in pod["containers"]] == ["proxy", "shipper"]
    assert [container["name"] for container in pod["initContainers"]] == ["first"]
    assert "scratch" in [volume["name"] for volume in pod["volumes"]]
    assert "scratch" in [mount["name"] for mount in pod["containers"][0]["volumeMounts"]]
    assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": "keys"}}]


def test_autoscaling_is_by_cpu() -> None:
    documents = rendered(LEAST | {"autoscaling": {"enabled": True}})
    assert "replicas" not in documents["Deployment/release-xrpl-version-proxy"]["spec"]
    (metric,) = documents["HorizontalPodAutoscaler/release-xrpl-version-proxy"]["spec"]["metrics"]
    assert metric["resource"]["name"] == "cpu"
    assert "cpu" in container_of(documents)["resources"]["requests"]  # what the utilisation is a part of


def test_autoscaling_decides_alone_and_by_a_metric_of_the_proxys_too() -> None:
    documents = rendered(ALL)
    assert "replicas" not in documents["Deployment/release-xrpl-version-proxy"]["spec"]
    metrics = documents["HorizontalPodAutoscaler/release-xrpl-version-proxy"]["spec"]["metrics"]
    assert [metric["pods"]["metric"]["name"] for metric in metrics[1:]] == ["xrpl_proxy_in_flight_requests"]


def test_the_operator_gets_the_rules_and_grafana_the_dashboard_as_they_are(tmp_path: Path) -> None:
    documents = rendered(ALL)
    groups = documents["PrometheusRule/release-xrpl-version-proxy"]["spec"]
    job = "xrpl/release-xrpl-version-proxy"
    expected = RULES.read_text().replace('job="xrpl-version-proxy"', f'job="{job}"')
    expected = expected.replace("https://xrpl-version-proxy.example.com/operations/", RUNBOOKS)
    assert groups == yaml.safe_load(expected)
    linked = [rule["annotations"]["runbook_url"] for rule in groups["groups"][1]["rules"]]
    assert all(url.startswith(f"{RUNBOOKS}#xrplproxy") for url in linked)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(groups))
    output_of("promtool", "check", "rules", tmp_path / "rules.yaml")
    dashboard = documents["ConfigMap/release-xrpl-version-proxy-dashboard"]
    assert dashboard["data"][DASHBOARD.name].strip() == DASHBOARD.read_text().strip()
    # The rules select what the monitor sets.
    (endpoint,) = documents["ServiceMonitor/release-xrpl-version-proxy"]["spec"]["endpoints"]
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": job}]


def test_without_an_address_of_the_runbook_alerts_have_no_link() -> None:
    documents = rendered(LEAST | {"prometheusRule": {"enabled": True}})
    (_, alerts) = documents["PrometheusRule/release-xrpl-version-proxy"]["spec"]["groups"]
    assert len(alerts["rules"]) > 20
    assert {tuple(rule["annotations"]) for rule in alerts["rules"]} == {("summary", "description")}


@pytest.mark.parametrize("values", [{"nameOverride": "other"}, {"fullnameOverride": "other"}])
def test_alerts_follow_the_names_of_a_release(values: dict[str, Any]) -> None:
    documents = rendered(ALL | values).values()
    (monitor,) = (document for document in documents if document["kind"] == "ServiceMonitor")
    (rules,) = (document for document in documents if document["kind"] == "PrometheusRule")
    job = monitor["spec"]["endpoints"][0]["relabelings"][0]["replacement"]
    assert "other" in job
    selected = re.findall(r'job="([^"]+)"', yaml.safe_dump(rules))
    assert len(selected) > 20
    assert set(selected) == {job}
    # Every series that an alert or a rule starts from is of this release only.
    for rule in (rule for group in rules["spec"]["groups"] for rule in group["rules"]):
        assert not re.search(r"(?<![\w:])(xrpl_proxy_\w+|up|process_start_time_seconds)(?![\w:{])", rule["expr"]), rule
