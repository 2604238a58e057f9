"""Settings from environment variables, which override those of the file."""

import re
from collections.abc import Mapping

from proxy.config.keys import (
    ENVIRONMENT_PREFIX,
    FILE_SUFFIX,
    RENAMED,
    Path,
    item_kind,
    key_name,
    lookup,
    secret_keys,
    section,
    settings_keys,
    takes_text,
    variable_name,
)
from proxy.config.problems import ConfigProblem, nearest
from proxy.config.yaml_text import YamlError, read_yaml

CONFIG_VARIABLE = ENVIRONMENT_PREFIX + "CONFIG"
"""The path of the configuration file, for the command line."""

# A Kubernetes service named xrpl-proxy adds variables like these to every container of its namespace.
_SERVICE_LINK = re.compile(r"SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?")


def apply_environment(
    values: dict[str, object], origins: dict[Path, str], environ: Mapping[str, str]
) -> list[ConfigProblem]:
    """Add the settings in `environ` to `values` and their origins to `origins`; return the problems."""
    problems: list[ConfigProblem] = []
    found: list[tuple[Path, str]] = []
    for variable in environ:
        rest = variable.removeprefix(ENVIRONMENT_PREFIX)
        if rest == variable or variable == CONFIG_VARIABLE or _SERVICE_LINK.fullmatch(rest):
            continue
        path = _path(rest)
        if path is None:
            problems.append(ConfigProblem(variable, f"unknown environment variable; {_hint(variable)}"))
        else:
            found.append((path, variable))
    # Whole sections before their keys, and list items in their order, whatever the order of the environment.
    for path, variable in sorted(found, key=lambda each: [(isinstance(part, str), part) for part in each[0]]):
        problems += _set(values, origins, path, variable, environ[variable])
    return problems


def _hint(variable: str) -> str:
    renamed = {
        variable_name(tuple(old.split("."))): variable_name(tuple(new.split("."))) for old, new in RENAMED.items()
    }
    if variable in renamed:
        return f"it was renamed to {renamed[variable]}"
    likely = nearest(variable.upper(), [key.variable for key in settings_keys()])
    return (
        f"did you mean {likely}?"
        if likely
        else f"the names are those of the keys, such as {ENVIRONMENT_PREFIX}LISTEN__PORT"
    )


def _path(name: str) -> Path | None:
    """Find the path of the setting that a variable `name`, without the prefix, stands for."""
    path: Path = ()
    for part in name.split("__"):
        kind = lookup(path).kind
        inner = section(kind)
        name_of_key = part.lower()
        if (
            inner
            and part == part.upper()
            and (name_of_key in inner.model_fields or name_of_key.removesuffix(FILE_SUFFIX) in secret_keys(inner))
        ):
            path = (*path, part.lower())
        elif item_kind(kind) is not None and re.fullmatch(r"0|[1-9][0-9]{0,2}", part, re.ASCII):
            path = (*path, int(part))
        else:
            return None
    return path


def _set(
    values: dict[str, object], origins: dict[Path, str], path: Path, variable: str, text: str
) -> list[ConfigProblem]:
    value: object = text
    if not takes_text(lookup(path).kind):
        try:
            document = read_yaml(text)
        except YamlError as error:
            return [ConfigProblem(variable, f"expected YAML: {error}")]
        if document.repeated:
            return [ConfigProblem(variable, f"sets {key_name(here)} twice") for here, _, _ in document.repeated]
        value = document.value
    return _put(values, origins, path, variable, value)


def _put(
    values: dict[str, object], origins: dict[Path, str], path: Path, variable: str, value: object
) -> list[ConfigProblem]:
    if isinstance(value, dict) and section(lookup(path).kind):  # a mapping is merged into an existing one
        return [
            problem for key, inner in value.items() for problem in _put(values, origins, (*path, key), variable, inner)
        ]
    holder: object = values
    for place, part in enumerate(path):
        last = place == len(path) - 1
        if isinstance(holder, list) and isinstance(part, int):
            if part > len(holder):
                where = ".".join(map(str, path[:place]))
                problem = f"the next item of {where} is {len(holder)}: items count from 0, without gaps"
                return [ConfigProblem(variable, problem)]
            if part == len(holder):
                holder.append(None)
            if last:
                holder[part] = value
            elif holder[part] is None:
                holder[part] = _empty(path[place + 1])
            holder = holder[part]
        elif isinstance(holder, dict) and isinstance(part, int):
            where = ".".join(map(str, path[:place]))
            return [ConfigProblem(variable, f"names an item of a list, but {where} is a mapping")]
        elif isinstance(holder, dict):
            if last:
                holder[part] = value
            elif holder.get(part) is None:
                holder[part] = _empty(path[place + 1])
            holder = holder[part]
        elif isinstance(holder, list):
            where = variable_name(path[:place])
            return [ConfigProblem(variable, f"expected the name of a list item, such as {where}__0")]
        else:
            return []  # the value on the way has the wrong type, which validation reports
    for older in [known for known in origins if known[: len(path)] == path]:
        del origins[older]
    origins[path] = f"set by {variable}"
    return []


def _empty(inside: str | int) -> object:
    """An empty container for the key or position `inside`."""
    return [] if isinstance(inside, int) else {}
