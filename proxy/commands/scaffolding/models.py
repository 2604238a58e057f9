"""Drafts a step's models: subclasses with the members that were added, removed, or changed their type."""

from collections.abc import Iterable, Iterator, Sequence
from types import UnionType
from typing import Any, TypeGuard, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from adapters import JsonObject
from adapters.models import formats
from adapters.models.method import camel_case
from adapters.models.model import Model
from adapters.models.versions import stem_of, types_at
from proxy.commands.scaffolding.methods import Exchange, MethodDraft, PushedPair, StreamDraft

_PYTHON = {bool: "bool", int: "int", float: "float", str: "str", list: "list[Any]", dict: "JsonObject"}
_FORMATS = ("Hash256", "AccountAddress", "IsoTime")
_ORDER = ("bool", "int", "float", "str", "list[Any]", "JsonObject", "Null")
_WIDTH = 120
Pairs = Sequence[tuple[Any, Any]]


def draft_models(
    older: int,
    drafts: Sequence[MethodDraft],
    exchanges: Iterable[Exchange],
    streams: StreamDraft,
    pairs: Iterable[PushedPair],
) -> str:
    """The text of `models.py`."""
    results: dict[str, list[tuple[JsonObject, JsonObject]]] = {}
    for each in exchanges:
        if "error" not in each.older and "error" not in each.newer:
            results.setdefault(each.method, []).append((each.older, each.newer))
    messages: dict[str, list[tuple[JsonObject, JsonObject]]] = {}
    for pair in pairs:
        messages.setdefault(pair.older["type"], []).append((pair.older, pair.newer))
    writer = _Writer(older)
    for draft in drafts:
        if not draft.removed:
            writer.add(f"{camel_case(draft.method)}SuccessResponse", results.get(draft.method, ()))
    for kind in streams.down:
        writer.add(f"{camel_case(kind)}Message", messages.get(kind, ()))
    return writer.text(tuple(draft.method for draft in drafts if draft.removed))


class _Writer:
    """Collects classes, and what they import."""

    def __init__(self, older: int) -> None:
        self._newer = older + 1
        self._types = types_at(older)
        self._classes: dict[str, str] = {}
        self._imports: dict[str, set[str]] = {}

    def add(self, stem: str, pairs: Pairs) -> str | None:
        """Add a class for values in both versions; its name, or None if nothing has changed."""
        base = self._types.get(stem, Model)
        note = ""
        if not isinstance(base, type):
            note = f"Which of {base.__name__} it extends is a question."
            base = Model
        lines = list(self._members(base, pairs))
        if not lines:
            return None
        name = f"{stem}V{self._newer}"
        seen = f"Drafted from {len(pairs)} {'value' if len(pairs) == 1 else 'values'} in both versions."
        doc = f'    """{" ".join(filter(None, (seen, note)))}"""'
        self._import(base)
        self._classes[name] = "\n".join([f"class {name}({base.__name__}):", doc, "", *lines])
        return name

    def _members(self, base: type[Any], pairs: Pairs) -> Iterator[str]:
        older, newer = _values(one for one, _ in pairs), _values(other for _, other in pairs)
        for name in sorted(older.keys() | newer.keys()):
            if name[:1].isupper() or not name.isidentifier():  # the ledger's own, or a map's key
                continue
            if name not in newer:
                self._imports.setdefault("adapters.models.model", set()).add("Absent")
                yield f"    {name}: Absent = None"
                continue
            required = all(name in other for _, other in pairs)
            known = [(one[name], other[name]) for one, other in pairs if name in one and name in other]
            written = self._inside(base, name, known)
            if written is None and _types(older.get(name, ())) != _types(newer[name]):
                written = self._written(newer[name])
            if written is not None:
                yield f"    {name}: {written}" + ("" if required else " | None = None")

    def _inside(self, base: type[Any], name: str, pairs: Pairs) -> str | None:
        """The type of a member whose own model has changed inside."""
        found = _model_in(base, name)
        if found is None or not pairs:
            return None
        model, is_list = found
        values = [
            pair for one, other in pairs for pair in (zip(one, other, strict=False) if is_list else [(one, other)])
        ]
        values = [(one, other) for one, other in values if isinstance(one, dict) and isinstance(other, dict)]
        inner = self.add(stem_of(model.__name__), values)
        return f"list[{inner}]" if inner and is_list else inner

    def _written(self, values: list[Any]) -> str:
        types = _types(values)
        if types == {"str"} and (found := _format(values)) is not None:
            self._imports.setdefault(formats.__name__, set()).add(found)
            return found
        for name, module in (("JsonObject", "adapters.models.formats"), ("Null", "adapters.models.model")):
            if name in types:
                self._imports.setdefault(module, set()).add(name)
        if "list[Any]" in types:
            self._imports.setdefault("typing", set()).add("Any")
        return " | ".join(sorted(types, key=_ORDER.index))

    def _import(self, model: type[Any]) -> None:
        self._imports.setdefault(model.__module__, set()).add(model.__name__)

    def text(self, removed: tuple[str, ...]) -> str:
        """The module."""
        first = [_import_of("typing", self._imports.pop("typing"))] if "typing" in self._imports else []
        own = [_import_of(module, names) for module, names in sorted(self._imports.items())]
        head = [f'"""The models that version {self._newer} changes, drafted from the responses of a node."""']
        head += ["\n".join(lines) for lines in (first, own) if lines]
        if removed:
            head.append(f"REMOVED = ({', '.join(map(_quoted, removed))}{',' if len(removed) == 1 else ''})")
        return "\n\n\n".join(["\n\n".join(head), *self._classes.values()]) + "\n"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _import_of(module: str, names: Iterable[str]) -> str:
    listed = sorted(names)
    line = f"from {module} import {', '.join(listed)}"
    if len(line) <= _WIDTH:
        return line
    inner = "".join(f"    {name},\n" for name in listed)
    return f"from {module} import (\n{inner})"


def _values(objects: Iterable[JsonObject]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for each in objects:
        for name, value in each.items():
            found.setdefault(name, []).append(value)
    return found


def _format(texts: list[str]) -> str | None:
    """The format that all texts have, if it is one that cannot be mistaken."""
    for name in _FORMATS:
        adapter = TypeAdapter(getattr(formats, name))
        try:
            for text in texts:
                adapter.validate_python(text)
        except ValidationError:
            continue
        return name
    return None


def _types(values: Iterable[Any]) -> set[str]:
    return {_PYTHON.get(type(value), "Null") for value in values}


def _model_in(base: type[Any], name: str) -> tuple[type[Model], bool] | None:
    """The model of a member, and whether the member is a list of it."""
    field = base.model_fields.get(name) if issubclass(base, Model) else None
    annotation = None if field is None else field.annotation
    if get_origin(annotation) in (Union, UnionType):
        annotation = next((each for each in get_args(annotation) if _is_model(each) or get_origin(each) is list), None)
    if get_origin(annotation) is list:
        (item,) = get_args(annotation)
        return (item, True) if _is_model(item) else None
    return (annotation, False) if _is_model(annotation) else None


def _is_model(annotation: Any) -> TypeGuard[type[Model]]:
    return isinstance(annotation, type) and issubclass(annotation, Model)
