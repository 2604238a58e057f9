"""Loading the configuration: the file, the environment over it, and one list of all that is wrong with both."""

from collections.abc import Mapping
from pathlib import Path as FilePath

from pydantic import ValidationError

from proxy.config.environment import apply_environment
from proxy.config.keys import Path, key_name, lookup, section
from proxy.config.problems import ConfigProblem, ConfigurationError, faults_of, faults_of_names
from proxy.config.settings import Settings
from proxy.config.yaml_text import Document, YamlError, read_yaml

MAX_FILE_BYTES = 262_144
"""Largest file that is read: many times what a hundred nodes need."""


def load_settings(path: FilePath | None, environ: Mapping[str, str]) -> Settings:
    """Read the settings from the YAML file at *path* (None: no file) and from *environ*, which wins.

    Raises `ConfigurationError` with every fault of both. Nothing is logged, and nothing else is read.
    """
    document = Document(value={})
    faults: list[ConfigProblem] = []
    if path is not None:
        try:
            document = _read_file(path)
        except _FileError as error:
            faults.append(ConfigProblem(str(path), None, str(error)))
    file_unread = bool(faults)
    faults += [
        ConfigProblem(key_name(key), None, f"is given twice, in lines {first} and {second} of {path}")
        for key, first, second in document.repeated
    ]
    values = document.value
    origins = {place: f"set in {path}, line {line}" for place, line in document.lines.items()}
    faults += apply_environment(values, origins, environ)
    # A section whose keys are all commented out is null to YAML, and means its defaults.
    values = {key: value for key, value in values.items() if value is not None or not section(lookup((key,)).kind)}

    def origin_of(place: Path) -> str | None:
        known = (origins.get(place[:length]) for length in range(len(place), 0, -1))
        return next((origin for origin in known if origin), None)

    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        # What is missing may well stand in a file that could not be read.
        faults += faults_of(error, origin_of, tell_missing=not file_unread)
        faults += faults_of_names(values.get("nodes"), origin_of)
        raise ConfigurationError(faults) from None
    if faults:
        raise ConfigurationError(faults)
    return settings


class _FileError(Exception):
    """The file gives no values; the message says why, without quoting from it."""


def _read_file(path: FilePath) -> Document:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise _FileError(f"is longer than {MAX_FILE_BYTES} bytes, which no configuration needs to be")
        document = read_yaml(content.decode("utf-8-sig"))
    except OSError as error:
        where = "" if path.is_absolute() else f" (looked for in {FilePath.cwd()})"
        raise _FileError(f"cannot be read: {(error.strerror or 'failed').lower()}{where}") from None
    except UnicodeDecodeError as error:
        raise _FileError(f"is not UTF-8 text: the byte at position {error.start} cannot be") from None
    except YamlError as error:
        raise _FileError(f"is not readable as YAML: {error}") from None
    if document.value is None:
        document.value = {}
    if not isinstance(document.value, dict):
        raise _FileError("must hold keys at its top level, such as listen and nodes, and holds something else")
    return document
