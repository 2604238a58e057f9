"""The queries of the dashboard and of the rules, and what they name."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
import yaml

from tests.support.installed import DEPLOY

DASHBOARD = DEPLOY / "grafana" / "dashboards" / "xrpl-version-proxy.json"
RULES = DEPLOY / "prometheus" / "rules.yaml"

_SERIES = re.compile(r"\b(?:\w+:)?xrpl_proxy_[a-z0-9_]+(?::\w+)?|\bprocess_[a-z_]+")


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(DASHBOARD.read_bytes())
    return loaded


def dashboard_queries() -> list[str]:
    """Every query of the dashboard, as Grafana would ask it of the job `xrpl-version-proxy`, with All in the others."""
    return [_chosen(target["expr"]) for panel in dashboard()["panels"] for target in panel.get("targets", [])]


def dashboard_variables() -> dict[str, tuple[str, str]]:
    """The series and the label whose values each variable of the dashboard offers, by its name."""
    queries = {
        each["name"]: each["query"]["query"] for each in dashboard()["templating"]["list"] if each["type"] == "query"
    }
    found = {name: re.fullmatch(r"label_values\((.+), (\w+)\)", _chosen(query)) for name, query in queries.items()}
    return {name: (query[1], query[2]) for name, query in found.items() if query is not None}


def _chosen(query: str) -> str:
    values = {each["name"]: each.get("allValue", "xrpl-version-proxy") for each in dashboard()["templating"]["list"]}
    return re.sub(r"\$(\w+)", lambda name: {**values, "__rate_interval": "1m"}[name[1]], query)


def rules() -> Iterator[dict[str, Any]]:
    """The recording rules and the alerts."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from group["rules"]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def series_named(expression: str) -> set[str]:
    """The names of the series in an expression: of the proxy, of its process, and of what rules record."""
    return set(_SERIES.findall(expression))


def all_series() -> set[str]:
    """Every series that the dashboard or a rule names; those of several workers begin with `xrpl_proxy_workers`."""
    expressions = dashboard_queries() + [rule["expr"] for rule in rules()]
    return set().union(*map(series_named, expressions))
