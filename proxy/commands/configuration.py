"""Shared by commands that read the configuration: the option, loading with all errors reported, and exits."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from proxy.config import CONFIG_VARIABLE, ConfigurationError, ListenSettings, ObserveSettings, Settings
from proxy.config.keys import ENVIRONMENT_PREFIX
from proxy.config.load import Loaded, load_with_origins

DEFAULT_FILE = Path("config.yaml")

T = TypeVar("T")


def _file_or_environment(_context: click.Context, _parameter: click.Parameter, config: Path | None) -> Path | None:
    """The file to read; None, for the environment alone, if none was given, there is none, and
    variables define nodes.
    """
    nodes = f"{ENVIRONMENT_PREFIX}NODES"
    if config is None and not DEFAULT_FILE.exists() and any(name.startswith(nodes) for name in os.environ):
        return None
    return config or DEFAULT_FILE


config_option: Callable[[Any], Any] = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    envvar=CONFIG_VARIABLE,
    show_envvar=True,
    callback=_file_or_environment,
    metavar="FILE",
    help=f"The configuration file; {DEFAULT_FILE} by default, or none if {ENVIRONMENT_PREFIX}NODES… are set instead.",
)


def source(config: Path | None) -> str:
    """The configuration's name in messages."""
    return "the environment" if config is None else str(config)


def settings_or_exit(config: Path | None) -> Settings:
    """Read the settings; print every error and exit with status 1 if they are invalid."""
    return loaded_or_exit(config).settings


def loaded_or_exit(config: Path | None) -> Loaded:
    """As `settings_or_exit`, with the origin of each value."""
    return valid_or_exit(config, lambda: load_with_origins(config, os.environ))


def valid_or_exit(config: Path | None, read: Callable[[], T]) -> T:
    """What `read` returns; print every error and exit with status 1 if it raises ConfigurationError."""
    try:
        return read()
    except ConfigurationError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        count = len(error.problems)
        fail(f"{source(config)}: the configuration has {count} error{'' if count == 1 else 's'}")


def fail_to_start(settings: Settings, error: OSError) -> NoReturn:
    """Exit with status 1 because an address cannot be bound: the error's filename, or one of those of *settings*."""
    addresses = ", ".join(map(shown_address, settings.listeners))
    where = error.filename or f"{addresses} and {shown_address(settings.observe)}"
    fail(f"cannot listen at {where}: {reason(error)}")


def fail(problem: str) -> NoReturn:
    """Print one line and exit with status 1."""
    click.echo(f"xrpl-version-proxy: {problem}", err=True)
    sys.exit(1)


def reason(error: OSError) -> str:
    """The system's description of an error, which asyncio replaces with its own."""
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error.strerror or error)


def shown_address(address: ListenSettings | ObserveSettings) -> str:
    """The host and port as `127.0.0.1:51233` or `[::1]:51233`."""
    return f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"
