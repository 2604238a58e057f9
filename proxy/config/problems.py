"""What is wrong with a configuration, reported so that it can be corrected, and without its secrets."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from proxy.config.keys import RENAMED, Path, key_name, lookup
from proxy.config.settings import NAME_REPEATED, repeated_names, with_default_names
from proxy.config.types import is_file_text

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")


@dataclass(frozen=True)
class ConfigProblem:
    """One error: the `key` (or file, or environment variable) and the `problem`, which says what would be right; the
    `origin` of the value, such as `set in config.yaml, line 3`.
    """

    key: str
    problem: str
    origin: str | None = None

    def __str__(self) -> str:
        origin = "" if self.origin is None else f" ({self.origin})"
        return f"{self.key}: {self.problem}{origin}"


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` holds everything that is wrong with it."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)


def shown_url(url: str) -> str:
    """Format `url` for people and logs: without user and password, and without its path, which may contain a key."""
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    if not mark and "@" not in rest:
        return url
    if mark and not _SCHEME.fullmatch(scheme):  # there is no scheme: this is a user and half a password
        scheme = "***"
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    path = rest[len(host) :]
    if "@" in path:  # of the path, or of a password with a slash: the host cannot be recognised
        return f"{scheme}{mark}***"
    _, at, host = host.rpartition("@")
    return scheme + mark + ("***@" if at else "") + host + ("/..." if len(path) > 1 else path)


def shown(value: object) -> str:
    """Format `value` for people: shortened, URLs without secrets; of long texts, lists and mappings only the type."""
    if isinstance(value, str) and is_file_text(value):
        return "text of several lines"
    if isinstance(value, str):
        value = shown_url(value)
    elif isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    elif value is not None and not isinstance(value, bool | int | float):
        return "a mapping" if isinstance(value, dict) else "a value of this kind"
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(name: str, names: Sequence[str]) -> str | None:
    """The one of `names` that `name` was most likely meant to be."""
    return next(iter(get_close_matches(name, names, n=1, cutoff=0.6)), None)


def problems_of(
    error: ValidationError, origin_of: Callable[[Path], str | None], *, report_missing: bool = True
) -> list[ConfigProblem]:
    """Convert pydantic's errors; `origin_of` returns where the value at a path came from.

    Missing keys are left out unless `report_missing`. Repeated names of nodes are left to `repeated_name_problems`,
    which finds them also if other errors keep pydantic from comparing the names.
    """
    return [
        _problem(each, origin_of)
        for each in error.errors(include_url=False)
        if each["type"] != NAME_REPEATED and (report_missing or each["type"] != "missing")
    ]


def repeated_name_problems(nodes: object, origin_of: Callable[[Path], str | None]) -> list[ConfigProblem]:
    """Report names that occur more than once in `nodes`, the value before validation."""
    nodes = with_default_names(nodes)
    names = [node.get("name") if isinstance(node, dict) else None for node in nodes] if isinstance(nodes, list) else []
    return [
        ConfigProblem(
            f"nodes[{place}].name",
            f"{shown(names[place])} is already the name of nodes[{first}]",
            origin_of(("nodes", place, "name")),
        )
        for place, first in repeated_names(names).items()
    ]


def _problem(error: ErrorDetails, origin_of: Callable[[Path], str | None]) -> ConfigProblem:
    path, value = error["loc"], error["input"]
    known = lookup(path)
    if error["type"] == "missing":
        return ConfigProblem(key_name(path), f"missing; expected {known.allowed}", origin_of(path[:-1]))
    if error["type"] == "extra_forbidden":
        return ConfigProblem(key_name(path), f"unknown key; {_hint(path, known.within.model_fields)}", origin_of(path))
    problem = f"expected {known.allowed}"
    if error["type"] in ("problem", "conflict"):
        problem = error["msg"]
        context = error.get("ctx", {})
        if "key" in context:  # found by the validator of a whole section
            path, value = (*path, context["key"]), context["value"]
    if problem.startswith("expected "):
        problem += f", got {shown(value)}"
    return ConfigProblem(key_name(path), problem, origin_of(path) or "the default")


def _hint(path: Path, known: Iterable[str]) -> str:
    """What an unknown key was most likely meant to be."""
    name = ".".join(part for part in path if isinstance(part, str))
    if name in RENAMED:
        return f"it was renamed to {RENAMED[name]}"
    names = list(known)
    likely = nearest(str(path[-1]), names)
    return f"did you mean {key_name((*path[:-1], likely))}?" if likely else f"the keys here are {', '.join(names)}"
