"""A step's changes to the specification: `specification.yaml` in its folder, applied to the version before.

It is a JSON Merge Patch (RFC 7386) of the notation: a member replaces the older one, null removes it, whether it was
optional or not.
"""

from collections.abc import Mapping
from typing import Any

from adapters import VERSIONS, step_folder
from adapters.adapter import Step
from proxy.spec.notation import NotationError, blocks, newest_block, yaml_mapping

FILE = "specification.yaml"
ALONE = ".alone"
"""In a block: it does not extend `.base`, because it removes or changes something of that."""

_PARTS = ("types", "methods", "streams", "errors")
_METHOD_PARTS = ("request", "answer", "errors")


def lay_steps_over(texts: dict[str, dict[str, Any]], families: Mapping[str, Any]) -> None:
    """Apply the changes of every step to the source's files, in place. Raises NotationError."""
    for step in VERSIONS.steps:
        path = step_folder(step) / FILE
        if path.exists():
            try:
                _lay_over(texts, families, step, yaml_mapping(path.read_text(encoding="utf-8")))
            except NotationError as fault:
                raise NotationError(f"{step.name}/{FILE}: {fault}") from None


def _lay_over(
    texts: dict[str, dict[str, Any]], families: Mapping[str, Any], step: Step, changed: Mapping[str, Any]
) -> None:
    if unknown := changed.keys() - set(_PARTS):
        raise NotationError(f"{', '.join(sorted(unknown))}; there may be {', '.join(_PARTS)}")
    for name, patch in changed.get("types", {}).items():
        known = texts["types"].get(name)
        texts["types"][name] = patch if known is None else _with_block(known, step.newer, patch)
    for name, patch in changed.get("streams", {}).items():
        stream = texts["streams"].get(name)
        if stream is None:
            texts["streams"][name] = patch
        else:
            stream["message"] = _with_block(stream["message"], step.newer, patch.get("message", {}))
    errors = texts["errors"]
    if "common" in changed.get("errors", {}):
        errors["common"] = _with_list(errors["common"], step.newer, changed["errors"]["common"])
    errors["uncoded"].update(changed.get("errors", {}).get("uncoded", {}))
    for name, patch in changed.get("methods", {}).items():
        family = next((family for family in families if name in texts[family]), None)
        if family is None:
            _add_method(texts, families, step, name, patch)
        elif patch is None:
            texts[family][name]["until"] = step.older
        else:
            _change_method(texts[family][name], step, name, patch)


def _add_method(
    texts: dict[str, dict[str, Any]], families: Mapping[str, Any], step: Step, name: str, parts: Any
) -> None:
    family = str(parts.get("family")) if isinstance(parts, dict) else ""
    if family not in families:
        raise NotationError(f"{name} is new and needs a family: {', '.join(families)}")
    texts[family][name] = {"since": step.newer, **{word: part for word, part in parts.items() if word != "family"}}


def _change_method(method: dict[str, Any], step: Step, name: str, patch: Mapping[str, Any]) -> None:
    if unknown := patch.keys() - set(_METHOD_PARTS):
        raise NotationError(f"{name} has {', '.join(sorted(unknown))}; a step may change {', '.join(_METHOD_PARTS)}")
    for part in ("request", "answer"):
        if part in patch:
            method[part] = _with_block(method[part], step.newer, patch[part])
    if "errors" in patch:
        method["errors"] = _with_list(method["errors"], step.newer, patch["errors"])


def _with_list(older: Any, version: int, tokens: list[str]) -> dict[str, Any]:
    """A list of error tokens for each version, without `.base`."""
    if not isinstance(older, dict):
        return {f".v{VERSIONS.oldest}": older, f".v{version}": tokens}
    base = older.get(".base", [])
    spread = {f".v{number}": [*base, *block] for number, block in blocks(older).items()}
    if f".v{VERSIONS.oldest}" not in spread:
        spread[f".v{VERSIONS.oldest}"] = list(base)
    return {**spread, f".v{version}": tokens}


def _with_block(older: Any, version: int, patch: Any) -> Any:
    """A definition with a block of changes from `version` on."""
    doc = {".doc": older[".doc"]} if isinstance(older, dict) and ".doc" in older else {}
    if not isinstance(patch, dict) or not isinstance(older, dict):
        return {**doc, f".v{VERSIONS.oldest}": older, f".v{version}": patch}
    if not blocks(older):
        own = {word: part for word, part in older.items() if word != ".doc"}
        if _adds_only(own, patch):
            return {**doc, ".base": own, f".v{version}": _merged({}, patch)}
        return {**doc, f".v{VERSIONS.oldest}": own, f".v{version}": _merged(own, patch)}
    number = newest_block(older, version - 1)
    newest = older[f".v{number}"] if number is not None else {}
    base = older.get(".base", {})
    if not (isinstance(newest, dict) and isinstance(base, dict)):
        return {**older, f".v{version}": patch}
    if newest.get(ALONE) or _adds_only(base, patch):
        return {**older, f".v{version}": _merged(newest, patch)}
    return {**older, f".v{version}": {**_merged(_combined(base, newest), patch), ALONE: True}}


def _combined(base: Mapping[str, Any], block: Mapping[str, Any]) -> dict[str, Any]:
    """The definition that combines a base and a block."""
    both: dict[str, Any] = dict(base)
    for word, part in block.items():
        known = both.get(word)
        if isinstance(known, dict) and isinstance(part, dict):
            both[word] = _combined(known, part)
        elif isinstance(known, str) and isinstance(part, dict):
            both[word] = {".with": [known], **part}
        elif word == ".with":
            both[word] = [*(known or ()), *part]
        else:
            both[word] = part
    return both


def _adds_only(fields: Mapping[str, Any], patch: Mapping[str, Any]) -> bool:
    """Whether a patch only adds members."""
    return {word.removesuffix("?") for word in patch}.isdisjoint(word.removesuffix("?") for word in fields)


def _merged(older: Any, patch: Any) -> Any:
    if not isinstance(older, dict) or not isinstance(patch, dict):
        return patch
    named = {word.removesuffix("?") for word in patch}
    merged: dict[str, Any] = {}
    for word, part in older.items():
        if word.removesuffix("?") not in named:
            merged[word] = part
        elif word in patch and patch[word] is not None:
            merged[word] = _merged(part, patch[word])
    added = {word: part for word, part in patch.items() if part is not None and word not in merged}
    return {**merged, **added}
