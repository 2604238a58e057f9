"""The effective configuration as YAML, with the origin of each value in a comment and credentials masked."""

from collections.abc import Iterator, Mapping
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import yaml
from pydantic import BaseModel

from proxy.config.keys import Path, lookup, origin_of
from proxy.config.load import Loaded
from proxy.config.problems import shown_url


def effective_yaml(loaded: Loaded) -> str:
    """Every key with its value and `# default`, `# set in FILE, line N`, `# set by VARIABLE` or `# read from FILE`."""
    return "".join(f"{line}\n" for line in _section(loaded.settings, (), loaded.origins, ""))


def _section(model: BaseModel, path: Path, origins: Mapping[Path, str], indent: str) -> Iterator[str]:
    for name, value in model:
        here = (*path, name)
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from _section(value, here, origins, indent + "  ")
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            yield f"{indent}{name}:"
            for place, item in enumerate(value):
                first, *rest = _section(item, (*here, place), origins, indent + "    ")
                yield f"{indent}  - {first.lstrip()}"
                yield from rest
        else:
            shown = _masked(value) if lookup(here).secret else _plain(value)
            style = None if isinstance(shown, list | dict) else False  # None: of lists and mappings, on one line
            text = yaml.safe_dump({name: shown}, default_flow_style=style, allow_unicode=True, width=10**6).rstrip("\n")
            # A list item or a section with an origin may leave keys out: those are defaults all the same.
            origin = origin_of(origins, here) if name in model.model_fields_set else None
            yield f"{indent}{text}  # {origin or 'default'}"


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return dict.fromkeys(value, "***")
    return shown_url(value) if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, IPv4Network | IPv6Network | date) else value
