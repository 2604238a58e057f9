"""The command line: serve, check-config and demo here, the rest in `proxy.commands`."""

import os
import sys
import textwrap
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal, NoReturn

import click

import proxy
from proxy.commands import COMMANDS
from proxy.config import (
    CONFIG_VARIABLE,
    ConfigurationError,
    ListenSettings,
    ObserveSettings,
    Settings,
    load_settings,
    shown_url,
)
from proxy.http.bindable import check_bindable

_config_option = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    default=Path("config.yaml"),
    envvar=CONFIG_VARIABLE,
    show_default=True,
    show_envvar=True,
    metavar="FILE",
    help="The configuration file.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(proxy.__version__, prog_name="xrpl-version-proxy", message="%(prog)s %(version)s")
def main() -> None:
    """Serve XRP Ledger clients of every API version from nodes of one version."""


for _command in COMMANDS:
    main.add_command(_command)


@main.command()
@_config_option
def serve(config: Path) -> None:
    """Serve clients, until told to stop by SIGTERM or SIGINT."""
    settings = _load(config)
    from proxy.server import process  # not needed to check a configuration

    try:
        process.run(settings, partial(_read, config))
    except OSError as error:
        _cannot_start(settings, error)


@main.command("check-config")
@_config_option
def check_config(config: Path) -> None:
    """Check the configuration and say what it amounts to, or all that is wrong with it."""
    settings = _load(config)
    observe = settings.observe
    try:
        clients = [(listen.host, port) for listen in settings.listeners for port in listen.ports]
        check_bindable([(observe.host, observe.port), *clients])
    except OSError as error:
        _cannot_start(settings, error)
    click.echo(f"{config}: the configuration is sound")
    for line in _summary(settings):
        click.echo(line)


@main.command()
@click.option("--api-version", type=click.Choice((1, 2, 3)), default=2, show_default=True, help="What the node speaks.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=51233, show_default=True, help="Where the proxy listens."
)
@click.option(
    "--observe-port", type=click.IntRange(0, 65535), default=9652, show_default=True, help="Where its metrics are."
)
def demo(api_version: Literal[1, 2, 3], port: int, observe_port: int) -> None:
    """Try it: a node that answers from recordings, and the proxy in front of it."""
    from proxy.demo import command

    try:
        command.run(api_version, port, observe_port)
    except OSError as error:
        _leave(f"cannot start at ports {port} and {observe_port}: {_reason(error)}")


def _read(config: Path) -> Settings:
    return load_settings(config, os.environ)


def _load(config: Path) -> Settings:
    try:
        return _read(config)
    except ConfigurationError as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
        count = len(error.faults)
        _leave(f"{config}: the configuration has {count} fault{'' if count == 1 else 's'}")


def _cannot_start(settings: Settings, error: OSError) -> NoReturn:
    places = ", ".join(map(_address, settings.listeners))
    _leave(f"cannot start at {places} and {_address(settings.observe)}: {_reason(error)}")


def _leave(problem: str) -> NoReturn:
    click.echo(f"xrpl-version-proxy: {problem}", err=True)
    sys.exit(1)


def _reason(error: OSError) -> str:
    """Say why in the system's words; asyncio puts a sentence of its own, with the address, in their place."""
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error.strerror or error)


def _address(place: ListenSettings | ObserveSettings) -> str:
    return f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"


def _summary(settings: Settings) -> Iterator[str]:
    """Tell what *settings* amount to, for people, in lines."""
    for listen in settings.listeners:
        yield f"  listen      {_address(listen)}{_particulars(listen)}"
    yield f"  observe     {_address(settings.observe)}"
    yield f"  versions    {settings.versions.min} to {settings.versions.max}"
    for sunset in settings.versions.sunset:
        yield f"  sunset      version {sunset.version} on {sunset.date}{', then refused' if sunset.refuse else ''}"
    if settings.versions.dry_run_refuse:
        yield f"  versions    counted as if refused: {_plain(settings.versions.dry_run_refuse)}"
    for node in settings.nodes:
        websocket = shown_url(node.websocket) if node.websocket else "no WebSocket"
        yield f"  node        {node.name}: API version {node.api_version}, {shown_url(node.http)}, {websocket}"
    for name in ("timeouts", "health", "cache", "limits", "guard", "cors", "websocket", "clients", "logging"):
        values = [f"{key}={_plain(value)}" for key, value in getattr(settings, name)]
        lines = textwrap.wrap(", ".join(values), 100, break_long_words=False, break_on_hyphens=False)
        yield f"  {name:<11} {lines[0]}"
        yield from (f"  {'':<11} {line}" for line in lines[1:])
    if settings.tracing.endpoint is not None:
        yield f"  tracing     {settings.tracing.sample:g} of the requests, to {shown_url(settings.tracing.endpoint)}"


def _particulars(listen: ListenSettings) -> str:
    """Tell what is not as everywhere at one listener."""
    told = []
    if listen.tls.certificate is not None:
        told.append("TLS")
    told.append(f"API version {listen.default_version} unless asked otherwise")
    if listen.versions.min or listen.versions.max:
        told.append(f"versions {listen.versions.min or 'as below'} to {listen.versions.max or 'as below'}")
    if listen.methods:
        told.append(f"only {' '.join(listen.methods)}")
    if listen.requests_per_second is not None:
        told.append(f"requests_per_second={listen.requests_per_second}")
    if listen.connections_per_address is not None:
        told.append(f"connections_per_address={listen.connections_per_address}")
    return f": {', '.join(told)}"


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{' '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
