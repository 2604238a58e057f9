"""What several workers tell of callers and of the essentials, as if one process told it: JSON in, JSON out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

Json = dict[str, Any]

_COUNTS = ("outcomes", "sessions", "subscriptions", "refusals")


def merged_clients(told: Sequence[Json]) -> Json:
    """The answers to `/clients` as one: a caller that came to several workers stands there once. `told`: not empty."""
    callers: dict[tuple[Any, ...], Json] = {}
    for each in told:
        for caller in each["callers"]:
            key = (caller["address"], caller["user_agent"], caller["user"])
            one = callers.setdefault(key, {**caller, "versions": []})
            one["versions"] = _merged_versions([*one["versions"], *caller["versions"]])
    latest = sorted(callers.values(), key=lambda caller: max(used["last"] for used in caller["versions"]), reverse=True)
    return {**told[0], "callers": latest, "gave_way": sum(each["gave_way"] for each in told)}


def merged_summary(told: Sequence[Json]) -> Json:
    """The answers to `/summary` as one: counts added up, and of the nodes what the first of a ready worker sees.

    `told`: not empty. Entries of the history are added up counted from the latest, for workers start together.
    """
    seen = next((each for each in told if each["ready"]), told[0])
    versions, methods = dict(seen["versions"]), dict[str, Json]()
    for name in ("requests", "refused", "would_refuse"):
        versions[name] = _sum(each["versions"][name] for each in told)
    for each in told:
        for one in each["methods"]:
            before = methods.get(one["method"], {"requests": 0, "by_version": {}})
            methods[one["method"]] = {
                "method": one["method"],
                "requests": before["requests"] + one["requests"],
                "by_version": _sum((before["by_version"], one["by_version"])),
            }
    in_force = all(each["configuration"]["in_force"] for each in told)
    return {
        **seen,
        **{name: _sum(each[name] for each in told) for name in _COUNTS},
        "seconds": max(each["seconds"] for each in told),
        "in_flight": sum(each["in_flight"] for each in told),
        "configuration": {**seen["configuration"], "in_force": in_force},
        "versions": versions,
        "history": _merged_history([each["history"] for each in told]),
        "methods": sorted(methods.values(), key=lambda one: -one["requests"]),
    }


def _merged_versions(used: Iterable[Json]) -> list[Json]:
    versions: dict[int | None, Json] = {}
    for each in used:
        before = versions.get(each["version"])
        versions[each["version"]] = each if before is None else _one(before, each)
    return [versions[version] for version in sorted(versions, key=lambda version: version or 0)]


def _one(use: Json, other: Json) -> Json:
    return {
        **use,
        "requests": use["requests"] + other["requests"],
        "first": min(use["first"], other["first"]),
        "last": max(use["last"], other["last"]),
        **{name: _sum((use[name], other[name])) for name in ("transports", "changed_methods")},
    }


def _merged_history(histories: Iterable[Sequence[Json]]) -> list[Json]:
    merged = []
    for entries in zip_longest(*(reversed(history) for history in histories)):
        there = [entry for entry in entries if entry is not None]
        merged.append(
            {"time": max(entry["time"] for entry in there), "requests": _sum(entry["requests"] for entry in there)}
        )
    return merged[::-1]


def _sum(counts: Iterable[dict[str, int]]) -> Counter[str]:
    return sum(map(Counter, counts), Counter[str]())
