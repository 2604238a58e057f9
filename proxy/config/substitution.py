"""Environment variables in the values of the file: `${NAME}`, `${NAME:-default}`, and `$${` for a literal `${`."""

import re
from collections.abc import Mapping

from proxy.config.keys import Path, key_name, lookup, takes_text
from proxy.config.problems import ConfigProblem
from proxy.config.yaml_text import YamlError, read_yaml

_REFERENCE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(:-[^{}]*)?\})?")


def substitute(
    value: object, origins: dict[Path, str], environ: Mapping[str, str]
) -> tuple[object, list[ConfigProblem]]:
    """Replace the references in all texts of `value`, and add the variables' names to `origins`; also return problems.

    What results is read as the value of an environment variable would be: `port: ${PORT}` is a number.
    """
    problems: list[ConfigProblem] = []

    def walk(inside: object, path: Path) -> object:
        if isinstance(inside, dict):
            return {key: walk(inner, (*path, key)) for key, inner in inside.items()}
        if isinstance(inside, list):
            return [walk(inner, (*path, place)) for place, inner in enumerate(inside)]
        if not isinstance(inside, str) or "${" not in inside:
            return inside
        try:
            text, names = _expand(inside, environ)
            result = text if not names or takes_text(lookup(path).kind) else read_yaml(text).value
        except _ReferenceError as error:
            problems.append(ConfigProblem(key_name(path), str(error), origins.get(path)))
        except YamlError as error:
            problems.append(
                ConfigProblem(key_name(path), f"expected YAML after substitution: {error}", origins.get(path))
            )
        else:
            if names:
                origin = origins.get(path)
                origins[path] = f"{origin}, from {', '.join(names)}" if origin else f"from {', '.join(names)}"
            return result
        return None

    return walk(value, ()), problems


class _ReferenceError(Exception):
    """A reference cannot be replaced; the message does not quote the value, which may contain a secret."""


def _expand(text: str, environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the text with its references replaced, and the names of their variables."""
    names: list[str] = []

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name, default = match[1], match[2]
        if name is None:
            raise _ReferenceError("expected ${NAME} or ${NAME:-default}; write $${ for a literal ${")
        names.append(name)
        value = environ.get(name, "")
        if default is not None:
            return value or default.removeprefix(":-")
        if name not in environ:
            raise _ReferenceError(f"environment variable {name} is not set; set it, or write ${{{name}:-default}}")
        return value

    return _REFERENCE.sub(replacement, text), names
