"""Writes a draft as the folder of a step: a module for each method, the step, and open questions."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import orjson

from adapters import NodeInfo
from adapters.reshaping import Shape
from proxy.commands.scaffolding.methods import MethodDraft, StreamDraft
from proxy.commands.scaffolding.trial import Miss, Score

_WIDTH = 120
_MOST_QUESTIONS = 5
_PARAMS_SHOWN = 100
_NAMES = ("Constant", "Drop", "ErrorChange", "Nested", "Shape", "Strict", "Take", "When")


def write_step(
    folder: Path, older: int, drafts: Sequence[MethodDraft], streams: StreamDraft, score: Score, node: NodeInfo
) -> None:
    """Write the modules into an existing folder, replacing those of an earlier run."""
    for old in folder.glob("*.py"):
        old.unlink()
    for draft in drafts:
        _write(folder / f"{draft.method}.py", _method_module(draft, older, questions(draft.method, score.misses)))
    if streams.down or streams.up:
        _write(folder / "streams.py", _stream_module(streams, older, score.misses))
    _write(folder / "__init__.py", _step_module(folder.name, older, drafts, streams, node))


def questions(method: str, misses: Iterable[Miss]) -> list[str]:
    """The differences that a draft does not explain, by client and node, each with an example."""
    by_kind: dict[tuple[int, int, str], list[Miss]] = {}
    for miss in misses:
        if miss.method == method:
            by_kind.setdefault((miss.client, miss.node, _kind(miss.differences)), []).append(miss)
    ranked = sorted(by_kind.items(), key=lambda item: -len(item[1]))
    found = []
    for (client, node, _), of_kind in ranked[:_MOST_QUESTIONS]:
        params = orjson.dumps(of_kind[0].params).decode()
        shown = params if len(params) <= _PARAMS_SHOWN else f"{params[:_PARAMS_SHOWN]}…"
        count = f"{len(of_kind)} requests" if len(of_kind) > 1 else "1 request"
        found.append(f"{count} of a v{client} client on a v{node} node, such as {shown}: {of_kind[0].differences[0]}")
    if len(ranked) > _MOST_QUESTIONS:
        found.append(f"{len(ranked) - _MOST_QUESTIONS} more kinds of difference, in the report")
    return found


def _kind(differences: tuple[str, ...]) -> str:
    return differences[0].partition(":")[0]


def _method_module(draft: MethodDraft, older: int, open_questions: Sequence[str]) -> str:
    newer = older + 1
    tables: dict[str, Any] = {"DOWN": draft.down, "UP": draft.up, "STRICT": draft.strict}
    tables |= {"DOWN_ERRORS": draft.down_errors, "UP_ERRORS": draft.up_errors}
    used = {name: value for name, value in tables.items() if value not in (Shape(), ())}
    base = "RemovedMethod" if draft.removed else "ReshapingAdapter"
    what = (
        f"version {newer} does not have it"
        if draft.removed
        else f"drafted from a node's answers at v{older} and v{newer}"
    )
    docstring = [f"{_summary(draft, used)}."]
    if draft.removed:
        docstring.append(f"Question: what serves a v{older} client from a v{newer} node? It gets `unknownCmd` so far.")
    docstring += [f"Question: {question}" for question in open_questions]
    body = "".join(f"\n    {name.lower()} = {name}" for name in used)
    body += "\n    errors_have_data = True" if draft.errors_have_data else ""
    return _module(
        f"{draft.method}: {what}.",
        [base, *_used_names(used.values())],
        used,
        f"class {_camel(draft.method)}({base}):\n{_docstring(docstring)}\n\n"
        f"    method = {_quoted(draft.method)}{body}\n",
    )


def _summary(draft: MethodDraft, used: Mapping[str, Any]) -> str:
    parts = []
    if draft.removed:
        parts.append("removed")
    if "DOWN" in used or "UP" in used:
        names = sorted({*_names(draft.down), *_names(draft.up)})
        parts.append(f"members {', '.join(names[:12])}{' and others' if len(names) > 12 else ''}")
    if draft.strict:
        parts.append(f"parameters that must be booleans: {', '.join(each.name for each in draft.strict)}")
    if draft.up_errors or draft.down_errors:
        tokens = sorted({each.was for each in (*draft.up_errors, *draft.down_errors)})
        parts.append(f"errors {', '.join(tokens)}")
    return f"What differs: {'; '.join(parts)}" if parts else "What differs is not known yet"


def _names(shape: Shape) -> Iterator[str]:
    yield from (drop.path for drop in shape.drops)
    yield from shape.members
    yield from shape.spread


def _stream_module(streams: StreamDraft, older: int, misses: Iterable[Miss]) -> str:
    used = {f"DOWN_{_constant(kind)}": shape for kind, shape in streams.down.items()}
    used |= {f"UP_{_constant(kind)}": shape for kind, shape in streams.up.items()}
    listed = list(misses)
    docstring = [f"What is pushed as {', '.join(sorted(streams.down))}."]
    docstring += [f"Question: {each}" for kind in streams.down for each in questions(f"pushed {kind}", listed)]
    sides = []
    for side, shapes in (("downgrades", streams.down), ("upgrades", streams.up)):
        prefix = "DOWN" if side == "downgrades" else "UP"
        table = ", ".join(f"{_quoted(kind)}: message_change({prefix}_{_constant(kind)})" for kind in shapes)
        sides.append(
            f"    @property\n    def {side}(self) -> Mapping[str, MessageChange]:\n        return {{{table}}}\n"
        )
    text = _module(
        f"What is pushed, drafted from a node's messages at v{older} and v{older + 1}.",
        ["message_change", *_used_names(used.values())],
        used,
        f"class Streams(StreamAdapter):\n{_docstring(docstring)}\n\n" + "\n".join(sides),
    )
    imports = (
        "from collections.abc import Mapping\n\nfrom adapters.adapter import MessageChange, StreamAdapter\n"
        "from adapters.reshaping"
    )
    return text.replace("from adapters.reshaping", imports, 1)


def _step_module(name: str, older: int, drafts: Sequence[MethodDraft], streams: StreamDraft, node: NodeInfo) -> str:
    lines = [f'"""API version {older} to {older + 1}, drafted from the answers of a {node.text}."""', ""]
    modules = [(f"adapters.{name}.{draft.method}", _camel(draft.method)) for draft in drafts]
    has_streams = bool(streams.down or streams.up)
    if has_streams:
        modules.append((f"adapters.{name}.streams", "Streams"))
    lines.append("from adapters.adapter import Step, by_method")
    lines += [f"from {module} import {class_name}" for module, class_name in sorted(modules)]
    made = ", ".join(f"{_camel(draft.method)}()" for draft in drafts)
    step = f"Step(older={older}, methods=by_method({made}){', streams=Streams()' if has_streams else ''}, beta=True)"
    if len(step) + 7 > _WIDTH:
        inner = "".join(f"        {_camel(draft.method)}(),\n" for draft in drafts)
        more = "    streams=Streams(),\n" if has_streams else ""
        step = f"Step(\n    older={older},\n    methods=by_method(\n{inner}    ),\n{more}    beta=True,\n)"
    return "\n".join([*lines, "", f"STEP = {step}", ""])


def _module(title: str, imported: Iterable[str], tables: Mapping[str, Any], rest: str) -> str:
    names = ", ".join(sorted(set(imported)))
    line = f"from adapters.reshaping import {names}"
    if len(line) > _WIDTH:
        line = "from adapters.reshaping import (\n    " + ",\n    ".join(sorted(set(imported))) + ",\n)"
    blocks = [f'"""{title}"""\n\n{line}']
    blocks += [f"{name} = {_written(value, 0, len(name) + 3)}" for name, value in tables.items()]
    head = "\n\n".join(blocks)
    return f"{head}\n\n\n{rest}"


def _used_names(values: Iterable[Any]) -> list[str]:
    text = " ".join(_written(value, 0, 0) for value in values)
    return [name for name in _NAMES if f"{name}(" in text]


def _written(value: Any, indent: int, used: int) -> str:
    """A value as Python code, on one line if it fits."""
    short = _one_line(value)
    if len(short) + indent + used <= _WIDTH - 1:
        return short
    inner = " " * (indent + 4)
    if is_dataclass(value) and not isinstance(value, type):
        given = [(each.name, getattr(value, each.name)) for each in fields(value) if not _is_default(value, each)]
        parts = [f"{inner}{name}={_written(part, indent + 4, len(name) + 1)},\n" for name, part in given]
        return f"{type(value).__name__}(\n{''.join(parts)}{' ' * indent})"
    if isinstance(value, Mapping):
        parts = [
            f"{inner}{_quoted(name)}: {_written(part, indent + 4, len(name) + 4)},\n" for name, part in value.items()
        ]
        return f"{{\n{''.join(parts)}{' ' * indent}}}"
    if isinstance(value, tuple):
        return f"(\n{''.join(f'{inner}{_written(part, indent + 4, 0)},{chr(10)}' for part in value)}{' ' * indent})"
    return short


def _one_line(value: Any) -> str:
    if is_dataclass(value) and not isinstance(value, type):
        given = [(each.name, getattr(value, each.name)) for each in fields(value) if not _is_default(value, each)]
        return f"{type(value).__name__}({', '.join(f'{name}={_one_line(part)}' for name, part in given)})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_quoted(name)}: {_one_line(part)}' for name, part in value.items())}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_one_line, value))}{',' if len(value) == 1 else ''})"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _is_default(value: Any, each: Any) -> bool:
    found = getattr(value, each.name)
    return bool(found == each.default) or (each.name == "members" and not found)


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _docstring(paragraphs: Sequence[str]) -> str:
    wrapped = [
        "\n".join(
            textwrap.wrap(
                paragraph.replace("\\", "\\\\").replace('"""', "'''"),
                _WIDTH - 8,
                break_long_words=True,
                initial_indent="    ",
                subsequent_indent="    ",
            )
        )
        for paragraph in paragraphs
    ]
    text = "\n\n".join(wrapped).lstrip()
    return f'    """{text}"""' if "\n" not in text and not text.endswith('"') else f'    """{text}\n    """'


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _constant(kind: str) -> str:
    return "".join(f"_{sign}" if sign.isupper() else sign for sign in kind).upper().strip("_")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
