"""The keys of the settings: how they are found by path, what each allows, and the list of them all."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from proxy.config.settings import Settings
from proxy.config.types import AllowedText, is_file_text

ENVIRONMENT_PREFIX = "XRPL_PROXY_"

Path = tuple[str | int, ...]
"""The way to a value: keys of mappings, and positions in lists."""


@dataclass(frozen=True)
class Key:
    """One key of the configuration, for documents: *name* as `nodes[0].http`, *default* as JSON has it."""

    name: str
    variable: str
    required: bool
    default: object
    allowed: str
    description: str


def settings_keys() -> list[Key]:
    """List every key of the configuration, in its order; those of a node with the position 0."""
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
    """Write *path* as people read it: `nodes[0].http`; what no key can be called is cut short and made printable."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else ("." if name else "") + _shown(part)
    return name


def _shown(part: str) -> str:
    if "://" in part or "@" in part:  # the value of a key that was forgotten, and it may hold a password
        return "(a URL)"
    if is_file_text(part):
        return "(a text of several lines)"
    shown = part if part.isascii() and part.isprintable() else ascii(part)
    return shown if len(shown) <= 60 else shown[:60] + "…"


def variable_name(path: Path) -> str:
    """Name the environment variable of *path*: `XRPL_PROXY_NODES__0__HTTP`."""
    return ENVIRONMENT_PREFIX + "__".join(str(part).upper() for part in path)


def section(kind: object) -> type[BaseModel] | None:
    """Give *kind* back when it is a mapping with keys of its own; of one that may also be a list, the mapping."""
    for option in _options(kind):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def item_kind(kind: object) -> object:
    """Tell the kind of a list's items, or None when *kind* is no list."""
    return next((_bare(get_args(option)[0]) for option in _options(kind) if get_origin(option) is tuple), None)


def _options(kind: object) -> tuple[object, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _json(default: object) -> object:
    if isinstance(default, tuple):
        return [str(item) if isinstance(item, IPv4Network | IPv6Network) else item for item in default]
    return default


def takes_text(kind: object) -> bool:
    """Tell whether values of *kind* are text whatever it looks like: a host named `1` is no number."""
    if get_origin(kind) in (Union, UnionType):
        return all(takes_text(_bare(option)) for option in get_args(kind) if option is not NoneType)
    if get_origin(kind) is Literal:
        return all(isinstance(option, str) for option in get_args(kind))
    return kind is str


@dataclass(frozen=True)
class KeyInfo:
    """What is known of a path: the *kind* of value there (None: the path leads nowhere), the last section on the way,
    and in words what the last known value on the way may be.
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
    """Tell in words what a value of *kind* may be, by the kind's notes and those in *metadata*."""
    for note in (*metadata, *getattr(kind, "__metadata__", ())):
        if isinstance(note, AllowedText):
            return note.text
    inner = section(_bare(kind))
    return f"a mapping with the keys {', '.join(inner.model_fields)}" if inner else None


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind
