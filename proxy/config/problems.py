"""What is wrong with a configuration, said so that it can be put right, and without its secrets."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from proxy.config.keys import Path, key_name, lookup
from proxy.config.settings import NAME_REPEATED, repeated_names
from proxy.config.types import is_file_text

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_OWN_WORDS = {"grpc", "listener", "otel", "out_of_order", "same_port", "shadow", "shared_port", "sunset", "tls"}


@dataclass(frozen=True)
class ConfigProblem:
    """One thing wrong: the *key* (or the file, or the environment variable), its *value* as it may be shown (None where
    it may not or there is none), the *problem* with what is allowed, and the *origin* of the value.
    """

    key: str
    value: str | None
    problem: str
    origin: str | None = None

    def __str__(self) -> str:
        value = "" if self.value is None else f"{self.value} "
        origin = "" if self.origin is None else f" ({self.origin})"
        return f"{self.key}: {value}{self.problem}{origin}"


class ConfigurationError(Exception):
    """The configuration cannot be used; *faults* holds everything that is wrong with it."""

    def __init__(self, faults: Sequence[ConfigProblem]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = list(faults)


def shown_url(url: str) -> str:
    """Write *url* for people and logs: without user and password, nor its path, where hosted nodes have their keys."""
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    if not mark and "@" not in rest:
        return url
    if mark and not _SCHEME.fullmatch(scheme):  # the scheme was forgotten, and this is a user and half a password
        scheme = "***"
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    path = rest[len(host) :]
    if "@" in path:  # of a path, or of a password with a slash: nobody can tell where the host is
        return f"{scheme}{mark}***"
    _, at, host = host.rpartition("@")
    return scheme + mark + ("***@" if at else "") + host + ("/..." if len(path) > 1 else path)


def shown(value: object) -> str:
    """Write *value* for people: cut short, URLs without secrets, of several lines, lists and mappings only that they
    are such.
    """
    if isinstance(value, str) and is_file_text(value):
        return "a text of several lines"
    if isinstance(value, str):
        value = shown_url(value)
    elif isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    elif value is not None and not isinstance(value, bool | int | float):
        return "a mapping" if isinstance(value, dict) else "a value of this kind"
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(name: str, names: Sequence[str]) -> str | None:
    """Find the one of *names* that *name* was most likely meant to be."""
    return next(iter(get_close_matches(name, names, n=1, cutoff=0.6)), None)


def faults_of(
    error: ValidationError, origin_of: Callable[[Path], str | None], *, tell_missing: bool = True
) -> list[ConfigProblem]:
    """Turn pydantic's errors into faults; *origin_of* says where the value at a path came from.

    Keys that are missing are left out unless *tell_missing*. Repeated names of nodes are left to
    `faults_of_names`, which finds them also where other faults hide them.
    """
    return [
        _fault(each, origin_of)
        for each in error.errors(include_url=False)
        if each["type"] != NAME_REPEATED and (tell_missing or each["type"] != "missing")
    ]


def faults_of_names(nodes: object, origin_of: Callable[[Path], str | None]) -> list[ConfigProblem]:
    """Find the names that stand more than once in *nodes*, as it came from the file and the environment."""
    names = [node.get("name") if isinstance(node, dict) else None for node in nodes] if isinstance(nodes, list) else []
    return [
        ConfigProblem(
            f"nodes[{place}].name",
            shown(names[place]),
            f"is not allowed: a name of its own, and nodes[{first}] has this one",
            origin_of(("nodes", place, "name")),
        )
        for place, first in repeated_names(names).items()
    ]


def _fault(error: ErrorDetails, origin_of: Callable[[Path], str | None]) -> ConfigProblem:
    path, value = error["loc"], error["input"]
    place = lookup(path)
    if error["type"] == "missing":
        return ConfigProblem(key_name(path), None, f"is missing: {place.allowed}", origin_of(path[:-1]))
    if error["type"] == "extra_forbidden":
        known = list(place.within.model_fields)
        likely = nearest(str(path[-1]), known)
        hint = f"did you mean {key_name((*path[:-1], likely))}?" if likely else f"known here are {', '.join(known)}"
        return ConfigProblem(key_name(path), None, f"is no known key; {hint}", origin_of(path))
    allowed = place.allowed
    if error["type"] in _OWN_WORDS:
        allowed = error["msg"]
        context = error.get("ctx", {})
        if "key" in context:  # found where a whole section was looked at
            path, value = (*path, context["key"]), context["value"]
    return ConfigProblem(key_name(path), shown(value), f"is not allowed: {allowed}", origin_of(path) or "the default")
