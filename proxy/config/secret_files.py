"""Secrets from files: `KEY_file` holds the path of a file with the value of KEY, for every key that may be secret."""

from pathlib import Path as FilePath

from proxy.config.keys import FILE_SUFFIX, Path, item_kind, key_name, lookup, origin_of, secret_keys, section
from proxy.config.problems import ConfigProblem, shown
from proxy.config.types import is_file_text

_MAX_BYTES = 65_536


def read_secret_files(values: dict[str, object], origins: dict[Path, str], files: set[str]) -> list[ConfigProblem]:
    """Replace each `KEY_file` in `values` with KEY and the content of the file; return what cannot be read.

    The paths are added to `files`, also those that cannot be read.
    """
    problems: list[ConfigProblem] = []
    _read_in(values, (), origins, files, problems)
    return problems


def _read_in(
    values: object, path: Path, origins: dict[Path, str], files: set[str], problems: list[ConfigProblem]
) -> None:
    kind = lookup(path).kind
    if isinstance(values, list) and item_kind(kind) is not None:
        for place, inner in enumerate(values):
            _read_in(inner, (*path, place), origins, files, problems)
    elif isinstance(values, dict) and (model := section(kind)):
        for name in model.model_fields.keys() & values.keys():
            _read_in(values[name], (*path, name), origins, files, problems)
        for name in secret_keys(model):
            if name + FILE_SUFFIX in values:
                _replace(values, path, name, origins, files, problems)


def _replace(
    values: dict[str, object],
    path: Path,
    name: str,
    origins: dict[Path, str],
    files: set[str],
    problems: list[ConfigProblem],
) -> None:
    here = (*path, name + FILE_SUFFIX)
    file, origin = values.pop(name + FILE_SUFFIX), origin_of(origins, here)
    if file is None:
        return
    if values.get(name) is not None:
        problems.append(ConfigProblem(key_name(here), f"set together with {key_name((*path, name))}: set one", origin))
        return
    values[name] = None
    try:
        if not isinstance(file, str) or not file or is_file_text(file):
            raise _FileError(f"expected the path of a file, got {shown(file)}")
        files.add(file)
        text = _read(file)
        values[name] = _headers(text) if name == "headers" else text
    except _FileError as error:
        problems.append(ConfigProblem(key_name(here), str(error), origin))
        del values[name]
    origins[*path, name] = f"read from {file}, {origin}" if origin else f"read from {file}"


class _FileError(Exception):
    """The file cannot be used; the message does not quote from it."""


def _read(file: str) -> str:
    try:
        with FilePath(file).open("rb") as opened:
            content = opened.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise _FileError(f"expected at most {_MAX_BYTES} bytes in {file}, got more")
        return content.decode().rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = (error.strerror or "failed").lower() if isinstance(error, OSError) else "it is not UTF-8 text"
        where = "" if FilePath(file).is_absolute() else f" (looked for in {FilePath.cwd()})"
        raise _FileError(f"{file} cannot be read: {reason}{where}") from None


def _headers(text: str) -> dict[str, str]:
    """Parse lines of the form `Name: value`; blank lines and lines that start with # are skipped."""
    headers = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            name, colon, value = line.partition(":")
            if not colon:
                raise _FileError(f"expected lines of the form Name: value, got another in line {number}")
            headers[name.strip()] = value.strip()
    if not headers:
        raise _FileError("expected lines of the form Name: value, got none")
    return headers
