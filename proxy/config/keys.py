"""The keys of the settings: lookup by path, and the list of all of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

from proxy.config.settings import Settings
from proxy.config.types import AllowedText, Secret, is_file_text

ENVIRONMENT_PREFIX = "XRPL_PROXY_"

FILE_SUFFIX = "_file"
"""What the name of a secret key ends in if it has the path of a file with the value."""

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

_Note = TypeVar("_Note", AllowedText, Secret)

Path = tuple[str | int, ...]
"""The path of a value: keys of mappings and positions in lists."""


@dataclass(frozen=True)
class Key:
    """One key of the configuration, for documentation: `name` such as `nodes[0].http`, `default` as a JSON value."""

    name: str
    variable: str
    required: bool
    default: object
    allowed: str
    unit: str
    secret: bool
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
            known = lookup(here)
            default = None if field.is_required() else _json(field.get_default())
            yield Key(
                name=key_name(here),
                variable=variable_name(here),
                required=field.is_required(),
                default=default,
                allowed=known.reference,
                unit=known.unit,
                secret=known.secret,
                description=field.description or "",
            )


def key_name(path: Path) -> str:
    """Format `path` as `nodes[0].http`; names that no key can have are shortened and made printable."""
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
    """The environment variable of `path`, such as `XRPL_PROXY_NODES__0__HTTP`."""
    return ENVIRONMENT_PREFIX + "__".join(str(part).upper() for part in path)


def origin_of(origins: Mapping[Path, str], path: Path) -> str | None:
    """Where the value at `path` came from: its own origin, or that of the nearest value that contains it."""
    return next((origins[path[:length]] for length in range(len(path), 0, -1) if path[:length] in origins), None)


def section(kind: object) -> type[BaseModel] | None:
    """The section that a value of `kind` may be, or None if it is not a mapping with known keys."""
    for option in _options(kind):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def item_kind(kind: object) -> object:
    """The type of the items of a list, or None if `kind` is not a list."""
    return next((_bare(get_args(option)[0]) for option in _options(kind) if get_origin(option) is tuple), None)


def _options(kind: object) -> tuple[object, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _json(default: object) -> object:
    if isinstance(default, tuple):
        return [str(item) if isinstance(item, IPv4Network | IPv6Network) else item for item in default]
    return default


def takes_text(kind: object) -> bool:
    """Whether values of `kind` are text even if they look like a number, as the host name `1` does."""
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
    unit: str = ""
    secret: bool = False
    reference: str = ""
    """`allowed` as the reference of all keys has it."""


def lookup(path: Path) -> KeyInfo:
    """Follow `path` through the settings as far as it is known."""
    place = KeyInfo(Settings, Settings, "")
    for part in path:
        inner = section(place.kind)
        within = inner or place.within
        if inner and part in inner.model_fields:
            field = within.model_fields[str(part)]
            place = _info(field.annotation, field.metadata, within, place.allowed)
        elif isinstance(part, int) and item_kind(place.kind) is not None:
            item = next(get_args(option)[0] for option in _options(place.kind) if get_origin(option) is tuple)
            place = _info(item, (), within, place.allowed)
        elif inner and isinstance(part, str) and part.removesuffix(FILE_SUFFIX) in secret_keys(inner):
            place = KeyInfo(str, within, "the path of a file")
        else:
            return KeyInfo(None, within, place.allowed)
    return place


def secret_keys(model: type[BaseModel]) -> list[str]:
    """The keys of a section that may contain a credential."""
    return [name for name, field in model.model_fields.items() if _note(Secret, field.annotation, field.metadata)]


def _info(kind: Any, metadata: Iterable[object], within: type[BaseModel], allowed: str) -> KeyInfo:
    """What is known about a field or list item; `allowed` is the text of the value that contains it."""
    note = _note(AllowedText, kind, metadata)
    inner = section(_bare(kind))
    if note is None:
        text = f"a mapping with the keys {', '.join(inner.model_fields)}" if inner else allowed
        return KeyInfo(_bare(kind), within, text, reference=text)
    is_secret = _note(Secret, kind, metadata) is not None
    return KeyInfo(_bare(kind), within, note.text, note.unit, is_secret, note.reference or note.text)


def _note(of: type[_Note], kind: Any, metadata: Iterable[object]) -> _Note | None:
    """The annotation of that class on a field or, failing that, on its type."""
    return next((note for note in (*metadata, *getattr(kind, "__metadata__", ())) if isinstance(note, of)), None)


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind
