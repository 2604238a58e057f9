"""A strict YAML reader: no repeated keys, no aliases, no tags, and the scalars of YAML 1.2 (`off` is text)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from proxy.config.keys import Path

MAX_DEPTH = 8
"""Levels of lists and mappings; the settings themselves need three."""


class YamlError(Exception):
    """The text is not YAML, or uses a feature that is not supported here; the message says what and where."""


@dataclass
class Document:
    """The value of a text, the line of each key (from 1), and repeated keys with both of their lines."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    repeated: list[tuple[Path, int, int]] = field(default_factory=list)


class _Loader(yaml.SafeLoader):
    """The core schema of YAML 1.2, instead of 1.1 in which `off` is false, `1:30` is 90 and `010` is 8."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            _refuse("aliases (*name) are not supported", event.start_mark)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            _refuse(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), ["" if c == "\0" else c for c in _first]
    )

_PLAIN_TAGS = {f"tag:yaml.org,2002:{tag}" for tag in ("null", "bool", "int", "float", "str", "seq", "map")}


def read_yaml(text: str) -> Document:
    """Read the one YAML document in `text`. Raises YamlError."""
    document = Document()
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is not None:
            document.value = _value(loader, node, (), document)
    except yaml.MarkedYAMLError as error:
        raise YamlError(f"{error.problem}{_place(error.problem_mark)}{_hint(text, error.problem_mark)}") from None
    except yaml.reader.ReaderError as error:
        raise YamlError(f"a character that YAML does not allow at position {error.position}") from None
    return document


def _value(loader: _Loader, node: yaml.Node, path: Path, document: Document) -> object:
    if node.tag not in _PLAIN_TAGS:
        _refuse("tags (!name) are not supported", node.start_mark)
    if isinstance(node, yaml.MappingNode):
        return {key: _value(loader, inner, (*path, key), document) for key, inner in _entries(node, path, document)}
    if isinstance(node, yaml.SequenceNode):
        values = []
        for place, inner in enumerate(node.value):
            document.lines[*path, place] = inner.start_mark.line + 1
            values.append(_value(loader, inner, (*path, place), document))
        return values
    try:
        return loader.construct_object(node)
    except (ValueError, KeyError):  # does not match its tag, or is a number of thousands of digits
        _refuse("a value that does not match its tag", node.start_mark)


def _entries(node: yaml.MappingNode, path: Path, document: Document) -> Iterator[tuple[str, yaml.Node]]:
    for key_node, inner in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            _refuse("a key must be text", key_node.start_mark)
        here = (*path, key_node.value)
        line = key_node.start_mark.line + 1
        if here in document.lines:
            document.repeated.append((here, document.lines[here], line))
        else:
            document.lines[here] = line
            yield key_node.value, inner


def _refuse(problem: str, mark: Any) -> NoReturn:
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _place(mark: yaml.Mark | None) -> str:
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _hint(text: str, mark: yaml.Mark | None) -> str:
    """What is most likely wrong at `mark`: in a flow mapping or list, `{` begins another one."""
    lines = text.splitlines()
    unquoted = mark is not None and mark.line < len(lines) and "${" in lines[mark.line]
    return "; inside { } or [ ], a value with ${NAME} needs quotes" if unquoted else ""
