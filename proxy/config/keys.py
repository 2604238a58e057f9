"""The keys of the settings: lookup by path, and the list of all of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from proxy.config.settings import Settings
from proxy.config.types import AllowedText, is_file_text

ENVIRONMENT_PREFIX = "XRPL_PROXY_"

RENAMED = {
    "cache.share_in_flight": "cache.coalesce_reads",
    "limits.least_rate": "limits.min_bytes_per_second",
    "limits.question_bytes": "limits.max_subrequest_bytes",
    "limits.questions": "limits.max_subrequests",
    "limits.requests_per_second_in_all": "limits.global_requests_per_second",
    "shadow.at_once": "shadow.concurrency",
    "versions.shadow_refuse": "versions.dry_run_refuse",
}
"""Former names of keys, for the error that an unknown key gets; they are not accepted."""

Path = tuple[str | int, ...]
"""The path of a value: keys of mappings and positions in lists."""


@dataclass(frozen=True)
class Key:
    """One key of the configuration, for documentation: *name* such as `nodes[0].http`, *default* as a JSON value."""

    name: str
    variable: str
    required: bool
    default: object
    allowed: str
    description: str


def settings_keys() -> list[Key]:
    """List every key of the configuration in order; those of list items have the position 0."""
    return list(_keys_of(Settings, ()))


def _keys_of(model: type[BaseModel], path: Path) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        here = (*path, name)
        kind = field.annotation
        inner = section(kind)
        item = section(item_kind(kind))
        if inner:
            yield from _keys_of(inner, here)
        elif item:
            yield from _keys_of(item, (*here, 0))
        else:
            default = None if field.is_required() else _json(field.get_default())
            yield Key(
                name=key_name(here),
                variable=variable_name(here),
                required=field.is_required(),
                default=default,
                allowed=lookup(here).allowed,
                description=field.description or "",
            )


def key_name(path: Path) -> str:
    """Format *path* as `nodes[0].http`; names that no key can have are shortened and made printable."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else ("." if name else "") + _shown(part)
    return name


def _shown(part: str) -> str:
    if "://" in part or "@" in part:  # a value without its key, which may contain a password
        return "(a URL)"
    if is_file_text(part):
        return "(text of several lines)"
    shown = part if part.isascii() and part.isprintable() else ascii(part)
    return shown if len(shown) <= 60 else shown[:60] + "…"


def variable_name(path: Path) -> str:
    """The environment variable of *path*, such as `XRPL_PROXY_NODES__0__HTTP`."""
    return ENVIRONMENT_PREFIX + "__".join(str(part).upper() for part in path)


def section(kind: object) -> type[BaseModel] | None:
    """The section that a value of *kind* may be, or None if it is not a mapping with known keys."""
    for option in _options(kind):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def item_kind(kind: object) -> object:
    """The type of the items of a list, or None if *kind* is not a list."""
    return next((_bare(get_args(option)[0]) for option in _options(kind) if get_origin(option) is tuple), None)


def _options(kind: object) -> tuple[object, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _json(default: object) -> object:
    if isinstance(default, tuple):
        return [str(item) if isinstance(item, IPv4Network | IPv6Network) else item for item in default]
    return default


def takes_text(kind: object) -> bool:
    """Whether values of *kind* are text even if they look like a number, as the host name `1` does."""
    if get_origin(kind) in (Union, UnionType):
        return all(takes_text(_bare(option)) for option in get_args(kind) if option is not NoneType)
    if get_origin(kind) is Literal:
        return all(isinstance(option, str) for option in get_args(kind))
    return kind is str


@dataclass(frozen=True)
class KeyInfo:
    """What is known about a path: the type of its value (None for an unknown path), the innermost section on the path,
    and what the innermost known value may be, as text.
    """

    kind: Any
    within: type[BaseModel]
    allowed: str


def lookup(path: Path) -> KeyInfo:
    """Follow *path* through the settings as far as it is known."""
    place = KeyInfo(Settings, Settings, "")
    for part in path:
        inner = section(place.kind)
        within = inner or place.within
        if inner and part in inner.model_fields:
            field = within.model_fields[str(part)]
            place = KeyInfo(_bare(field.annotation), within, _words(field.annotation, field.metadata) or place.allowed)
        elif isinstance(part, int) and item_kind(place.kind) is not None:
            item = next(get_args(option)[0] for option in _options(place.kind) if get_origin(option) is tuple)
            place = KeyInfo(_bare(item), within, _words(item, ()) or place.allowed)
        else:
            return KeyInfo(None, within, place.allowed)
    return place


def _words(kind: Any, metadata: Iterable[object]) -> str | None:
    """What a value of *kind* may be, from the annotations of the type or of the field."""
    for note in (*metadata, *getattr(kind, "__metadata__", ())):
        if isinstance(note, AllowedText):
            return note.text
    inner = section(_bare(kind))
    return f"a mapping with the keys {', '.join(inner.model_fields)}" if inner else None


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind
