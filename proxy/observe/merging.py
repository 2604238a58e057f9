"""Combines what several workers report about callers and essentials, as if it were one process: JSON in, JSON out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

from adapters import JsonObject

_COUNTS = ("outcomes", "sessions", "subscriptions", "refusals")


def merged_clients(reports: Sequence[JsonObject]) -> JsonObject:
    """The responses of `/clients` as one: a caller that used several workers appears once. `reports`: not empty; their
    `callers` may be any iterables.
    """
    callers: dict[tuple[Any, ...], JsonObject] = {}
    for report in reports:
        for caller in report["callers"]:
            key = (caller["address"], caller["user_agent"], caller["user"])
            known = callers.get(key)
            if known is None:
                callers[key] = caller
            else:
                callers[key] = {**known, "versions": _merged_versions([*known["versions"], *caller["versions"]])}
    latest = [(max([used["last"] for used in caller["versions"]]), caller) for caller in callers.values()]
    latest.sort(key=lambda pair: pair[0], reverse=True)
    evicted = sum(report["evicted"] for report in reports)
    return {**reports[0], "callers": [caller for _, caller in latest], "evicted": evicted}


def merged_summary(reports: Sequence[JsonObject]) -> JsonObject:
    """The responses of `/summary` as one: counts added up, and the nodes as the first ready worker sees them.

    `reports`: not empty. Entries of the history are added up counted from the latest, since workers start together.
    """
    first_ready = next((report for report in reports if report["ready"]), reports[0])
    versions, methods = dict(first_ready["versions"]), dict[str, JsonObject]()
    for name in ("requests", "refused", "would_refuse"):
        versions[name] = _sum(report["versions"][name] for report in reports)
    for report in reports:
        for method in report["methods"]:
            known = methods.get(method["method"], {"requests": 0, "by_version": {}})
            methods[method["method"]] = {
                "method": method["method"],
                "requests": known["requests"] + method["requests"],
                "by_version": _sum((known["by_version"], method["by_version"])),
            }
    in_force = all(report["configuration"]["in_force"] for report in reports)
    return {
        **first_ready,
        **{name: _sum(report[name] for report in reports) for name in _COUNTS},
        "seconds": max(report["seconds"] for report in reports),
        "in_flight": sum(report["in_flight"] for report in reports),
        "configuration": {**first_ready["configuration"], "in_force": in_force},
        "versions": versions,
        "history": merged_history([report["history"] for report in reports]),
        "methods": sorted(methods.values(), key=lambda method: -method["requests"]),
    }


def merged_history(histories: Iterable[Sequence[JsonObject]]) -> list[JsonObject]:
    """Entries of several histories added up, counted from the latest."""
    merged = []
    for entries in zip_longest(*(reversed(history) for history in histories)):
        present = [entry for entry in entries if entry is not None]
        requests = _sum(entry["requests"] for entry in present)
        merged.append({"time": max(entry["time"] for entry in present), "requests": requests})
    return merged[::-1]


def merged_hours(histories: Iterable[Sequence[JsonObject]]) -> list[JsonObject]:
    """Hours of several histories added up, the oldest first."""
    hours: dict[float, Counter[str]] = {}
    for history in histories:
        for entry in history:
            hours.setdefault(entry["time"], Counter()).update(entry["requests"])
    return [{"time": time, "requests": hours[time]} for time in sorted(hours)]


def _merged_versions(used: Iterable[JsonObject]) -> list[JsonObject]:
    versions: dict[int | None, JsonObject] = {}
    for use in used:
        known = versions.get(use["version"])
        versions[use["version"]] = use if known is None else _added(known, use)
    return [versions[version] for version in sorted(versions, key=lambda version: version or 0)]


def _added(use: JsonObject, other: JsonObject) -> JsonObject:
    return {
        **use,
        "requests": use["requests"] + other["requests"],
        "first": min(use["first"], other["first"]),
        "last": max(use["last"], other["last"]),
        **{name: _sum((use[name], other[name])) for name in ("transports", "paths", "changed_methods")},
    }


def _sum(counts: Iterable[dict[str, int]]) -> Counter[str]:
    return sum(map(Counter, counts), Counter[str]())
