"""Loading the configuration: the file, the environment over it, and one list of the errors in both."""

from collections.abc import Mapping
from pathlib import Path as FilePath

from pydantic import ValidationError

from proxy.config.environment import apply_environment
from proxy.config.keys import Path, key_name, lookup, section
from proxy.config.problems import ConfigProblem, ConfigurationError, problems_of, repeated_name_problems
from proxy.config.settings import Settings
from proxy.config.yaml_text import Document, YamlError, read_yaml

MAX_FILE_BYTES = 262_144
"""Largest file that is read; a hundred nodes need a small part of it."""


def load_settings(path: FilePath | None, environ: Mapping[str, str]) -> Settings:
    """Read the settings from the YAML file at *path* (None: no file) and from *environ*, which takes precedence.

    Raises ConfigurationError with every error in both. Nothing is logged.
    """
    document = Document(value={})
    problems: list[ConfigProblem] = []
    if path is not None:
        try:
            document = _read_file(path)
        except _FileError as error:
            problems.append(ConfigProblem(str(path), str(error)))
    file_unread = bool(problems)
    problems += [
        ConfigProblem(key_name(key), f"set twice, in lines {first} and {second} of {path}")
        for key, first, second in document.repeated
    ]
    values = document.value
    origins = {place: f"set in {path}, line {line}" for place, line in document.lines.items()}
    problems += apply_environment(values, origins, environ)
    # A section whose keys are all commented out is null in YAML, and means its defaults.
    values = {key: value for key, value in values.items() if value is not None or not section(lookup((key,)).kind)}

    def origin_of(place: Path) -> str | None:
        known = (origins.get(place[:length]) for length in range(len(place), 0, -1))
        return next((origin for origin in known if origin), None)

    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        # What is missing may be in the file that could not be read.
        problems += problems_of(error, origin_of, report_missing=not file_unread)
        problems += repeated_name_problems(values.get("nodes"), origin_of)
        raise ConfigurationError(problems) from None
    if problems:
        raise ConfigurationError(problems)
    return settings


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
