"""The models of each API version: the common ones, and those in the folders of the steps up to it."""

import importlib.util
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, get_args

from typing_extensions import TypeAliasType

import adapters
from adapters.models.method import FAMILIES, Method
from adapters.models.model import Model

COMMON = (
    "formats",
    "amounts",
    "entries",
    "transactions",
    "types",
    "errors",
    "account",
    "ledger",
    "transaction",
    "market",
    "token",
    "server",
    "subscription",
    "admin",
    "streams",
)
"""The modules with the models of all versions."""

SHARED = frozenset({"formats", "amounts", "entries", "transactions", "types"})
"""The modules with types that several methods and messages have. The types in the others are parts of one of them."""

_NAME = re.compile(r"(.+?)(?:Base|V(\d+))?")


def stem_of(name: str) -> str:
    """The name of a model without its version: `AccountInfoRequest` for AccountInfoRequestBase and …V2."""
    match = _NAME.fullmatch(name)
    return match[1] if match else name


@dataclass(frozen=True, slots=True)
class VersionModels:
    """The models of one version.

    `types`: every model and type of the version, by its name without a version; those that have no version of their own
    are the same in all versions. `methods`: by name. `streams`: the name of each stream message's model, by its `type`.
    `uncoded_errors`: tokens without a code, and their meaning.
    """

    version: int
    types: Mapping[str, Any]
    methods: Mapping[str, Method]
    streams: Mapping[str, str]
    uncoded_errors: Mapping[str, str]


@cache
def models_of(version: int) -> VersionModels:
    """The models of an API version. Raises ValueError for one without adapters."""
    if version not in adapters.VERSIONS.known:
        known = adapters.VERSIONS.known
        raise ValueError(f"there is no API version {version}, only {known[0]} to {known[-1]}")
    methods: dict[str, Method] = {}
    uncoded_errors: dict[str, str] = {}
    for module in (*_common(), *_changed_up_to(version)):
        methods |= {method.name: method for method in getattr(module, "METHODS", ())}
        methods = {name: method for name, method in methods.items() if name not in getattr(module, "REMOVED", ())}
        uncoded_errors |= getattr(module, "UNCODED_ERRORS", {})
    types = types_at(version)
    families = list(FAMILIES)
    return VersionModels(
        version=version,
        types=types,
        methods=dict(sorted(methods.items(), key=lambda item: (families.index(item[1].family), item[0]))),
        streams={_kind(found): stem for stem, found in types.items() if stem.endswith("Message")},
        uncoded_errors=uncoded_errors,
    )


def types_at(version: int) -> dict[str, Any]:
    """Every model and type in its form at a version, by its name without a version."""
    types: dict[str, Any] = {}
    newest: dict[str, int] = {}
    for name, found in all_types().items():
        number = _version_in(name)
        if newest.get(stem_of(name), 0) <= number <= version:
            types[stem_of(name)], newest[stem_of(name)] = found, number
    return types


def is_shared(name: str) -> bool:
    """Whether a type belongs to several methods or messages, rather than being a part of one."""
    return stem_of(name) in _shared()


@cache
def all_types() -> Mapping[str, Any]:
    """Every model and type of all versions, by its name. Raises ValueError if two have the same name."""
    found: dict[str, Any] = {}
    for module in (*_common(), *(each for step in adapters.VERSIONS.steps for each in _of_step(step.name))):
        for name, value in _types_in(module):
            if found.setdefault(name, value) is not value:
                raise ValueError(f"{module.__name__}: there is another model {name}")
    return found


@cache
def _shared() -> frozenset[str]:
    modules = [module for module in _common() if module.__name__.rpartition(".")[2] in SHARED]
    return frozenset(stem_of(name) for module in modules for name, _ in _types_in(module))


@cache
def _common() -> tuple[ModuleType, ...]:
    return tuple(importlib.import_module(f"adapters.models.{name}") for name in COMMON)


def _changed_up_to(version: int) -> Iterator[ModuleType]:
    """The models of the steps that lead to a version, without the modules inside."""
    for step in adapters.VERSIONS.steps:
        if step.newer <= version:
            yield from _of_step(step.name)[:1]


@cache
def _of_step(step: str) -> tuple[ModuleType, ...]:
    """The modules of a step's models, the package first; none if it changes no model."""
    name = f"{adapters.__name__}.{step}.models"
    if importlib.util.find_spec(name) is None:
        return ()
    package = importlib.import_module(name)
    inner = pkgutil.iter_modules(getattr(package, "__path__", ()))
    return (package, *(importlib.import_module(f"{name}.{each.name}") for each in inner))


def _types_in(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        is_model = isinstance(value, type) and issubclass(value, Model) and value is not Model
        if is_model or isinstance(value, TypeAliasType):
            yield name, value


def _version_in(name: str) -> int:
    match = _NAME.fullmatch(name)
    return int(match[2]) if match and match[2] else 0


def _kind(model: Any) -> str:
    """The `type` of a stream message."""
    (kind,) = get_args(model.model_fields["type"].annotation)
    return str(kind)
