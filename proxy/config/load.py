"""Loading the configuration: the file, the environment over it, and one list of the errors in both."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path as FilePath

from pydantic import ValidationError

from proxy.config.environment import apply_environment
from proxy.config.keys import FILE_SUFFIX, Path, key_name, lookup, origin_of, section
from proxy.config.problems import ConfigProblem, ConfigurationError, problems_of, repeated_name_problems
from proxy.config.secret_files import read_secret_files
from proxy.config.settings import Settings
from proxy.config.substitution import substitute
from proxy.config.yaml_text import Document, YamlError, read_yaml

MAX_FILE_BYTES = 262_144
"""Largest file that is read; a hundred nodes need a small part of it."""


@dataclass(frozen=True)
class Loaded:
    """Valid settings, and the origin of every value that is not a default, such as `set in config.yaml, line 3`."""

    settings: Settings
    origins: dict[Path, str]


def load_settings(path: FilePath | None, environ: Mapping[str, str], files: set[str] | None = None) -> Settings:
    """Read the settings from the YAML file at `path` (None: no file) and from `environ`, which takes precedence.

    Raises ConfigurationError with every error in both. Nothing is logged. The paths of all files that the result
    depends on are added to `files`, also if there is an error.
    """
    return load_with_origins(path, environ, files).settings


def load_with_origins(path: FilePath | None, environ: Mapping[str, str], files: set[str] | None = None) -> Loaded:
    """As `load_settings`, with where each value came from."""
    files = set() if files is None else files
    document = Document(value={})
    problems: list[ConfigProblem] = []
    if path is not None:
        files.add(str(path))
        try:
            document = _read_file(path)
        except _FileError as error:
            problems.append(ConfigProblem(str(path), str(error)))
    file_unread = bool(problems)
    problems += [
        ConfigProblem(key_name(key), f"set twice, in lines {first} and {second} of {path}")
        for key, first, second in document.repeated
    ]
    origins = {place: f"set in {path}, line {line}" for place, line in document.lines.items()}
    values, more = substitute(document.value, origins, environ)
    if not isinstance(values, dict):
        raise TypeError("the substitution of a mapping is a mapping")
    problems += apply_environment(values, origins, environ)
    unresolved = more + read_secret_files(values, origins, files)
    problems += unresolved
    # A section whose keys are all commented out is null in YAML, and means its defaults.
    values = {key: value for key, value in values.items() if value is not None or not section(lookup((key,)).kind)}

    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        # What is missing may be in the file that could not be read.
        find_origin = partial(origin_of, origins)
        found = problems_of(error, find_origin, report_missing=not file_unread)
        # A value that could not be substituted or read has been reported, and is now null or missing.
        reported = {problem.key.removesuffix(FILE_SUFFIX) for problem in unresolved}
        problems += [problem for problem in found if problem.key not in reported]
        problems += repeated_name_problems(values.get("nodes"), find_origin)
        raise ConfigurationError(problems) from None
    if problems:
        raise ConfigurationError(problems)
    return Loaded(settings, origins)


class _FileError(Exception):
    """The file cannot be used; the message says why, without quoting from it."""


def _read_file(path: FilePath) -> Document:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise _FileError(f"expected at most {MAX_FILE_BYTES} bytes, got more")
        document = read_yaml(content.decode("utf-8-sig"))
    except OSError as error:
        where = "" if path.is_absolute() else f" (looked for in {FilePath.cwd()})"
        raise _FileError(f"cannot be read: {(error.strerror or 'failed').lower()}{where}") from None
    except UnicodeDecodeError as error:
        raise _FileError(f"expected UTF-8 text; the byte at position {error.start} is invalid") from None
    except YamlError as error:
        raise _FileError(f"expected YAML: {error}") from None
    if document.value is None:
        document.value = {}
    if not isinstance(document.value, dict):
        raise _FileError("expected keys such as listen and nodes at the top level")
    return document
