"""The source of the specifications, from `source/*.yaml`: types, methods, streams and errors of every version."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from adapters import VERSIONS
from proxy.spec.notation import NotationError, blocks, yaml_mapping
from proxy.spec.steps import lay_steps_over

Transport = Literal["http", "websocket"]
_BOTH: tuple[Transport, ...] = ("http", "websocket")
_FAMILIES = {
    "account": "Accounts",
    "ledger": "Ledgers",
    "transaction": "Transactions",
    "market": "Markets, paths and channels",
    "token": "Tokens",
    "server": "The server",
    "subscription": "Subscriptions",
    "admin": "Administration",
}
_METHOD_WORDS = frozenset({"doc", "request", "answer", "errors", "since", "until", "transports"})


@dataclass(frozen=True, slots=True)
class Method:
    """A method, in all versions."""

    name: str
    family: str
    doc: str
    request: Any
    answer: Any
    errors: Any
    since: int = 1
    until: int | None = None
    """The last version that has it."""
    transports: tuple[Transport, ...] = _BOTH

    def offered(self, version: int) -> bool:
        """Whether the method exists in an API version."""
        return self.since <= version and (self.until is None or version <= self.until)


@dataclass(frozen=True, slots=True)
class Stream:
    """A kind of pushed message, by the `type` that it carries."""

    kind: str
    doc: str
    message: Any


@dataclass(frozen=True, slots=True)
class Source:
    """The whole source. `versions`: those that it distinguishes or that adapters reach, without a gap."""

    types: Mapping[str, Any]
    methods: Mapping[str, Method]
    streams: Mapping[str, Stream]
    common_errors: Any
    error_groups: Mapping[str, Any]
    uncoded_errors: Mapping[str, str]
    versions: tuple[int, ...]


@cache
def read_source() -> Source:
    """The source with the changes of all steps, read once.

    Raises NotationError if a method has unknown or missing parts.
    """
    texts = {name: _read(name) for name in ("types", "streams", "errors", *_FAMILIES)}
    lay_steps_over(texts, _FAMILIES)
    methods = {
        name: _method(name, family, parts) for family in _FAMILIES for name, parts in sorted(texts[family].items())
    }
    errors = texts["errors"]
    return Source(
        types=texts["types"],
        methods=methods,
        streams={kind: Stream(kind, **parts) for kind, parts in texts["streams"].items()},
        common_errors=errors["common"],
        error_groups=errors["groups"],
        uncoded_errors=errors["uncoded"],
        versions=tuple(range(VERSIONS.oldest, max(VERSIONS.newest, *_mentioned(texts)) + 1)),
    )


def family_title(family: str) -> str:
    """The display name of a family of methods."""
    return _FAMILIES[family]


def families() -> tuple[str, ...]:
    """The families of methods, in display order."""
    return tuple(_FAMILIES)


def _read(name: str) -> dict[str, Any]:
    text = resources.files("proxy.spec").joinpath("source", f"{name}.yaml").read_text(encoding="utf-8")
    return yaml_mapping(text)


def _method(name: str, family: str, parts: Mapping[str, Any]) -> Method:
    missing = {"doc", "request", "answer", "errors"} - parts.keys()
    if missing or (unknown := parts.keys() - _METHOD_WORDS):
        what = f"lacks {', '.join(sorted(missing))}" if missing else f"has {', '.join(sorted(unknown))}"
        raise NotationError(f"{family}.yaml: {name} {what}")
    return Method(name, family, **{**parts, "transports": tuple(parts.get("transports", _BOTH))})


def _mentioned(value: Any) -> set[int]:
    """Every version with a block anywhere in the source."""
    found = set(blocks(value))
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found.union(*map(_mentioned, inner))
