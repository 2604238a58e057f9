"""`check-config`: validates the configuration, as `nginx -t` does."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from proxy.access.client_address import parse_address
from proxy.commands.configuration import config_option, fail_to_start, settings_or_exit, shown_address, source
from proxy.config import ListenSettings, Settings, shown_url
from proxy.http.bindable import check_bindable

_SECTIONS = ("timeouts", "health", "cache", "limits", "guard", "cors", "websocket", "clients", "logging")


@click.command("check-config")
@config_option
def check_config(config: Path | None) -> None:
    """Validate the configuration; print a summary, or every error."""
    settings = settings_or_exit(config)
    observe = settings.observe
    try:
        clients = [(listen.host, port) for listen in settings.listeners for port in listen.ports]
        check_bindable([(observe.host, observe.port), *clients])
    except OSError as error:
        fail_to_start(settings, error)
    click.echo(f"{source(config)}: the configuration is valid")
    for line in (*_summary(settings), *_warnings(settings)):
        click.echo(line)


def _summary(settings: Settings) -> Iterator[str]:
    for listen in settings.listeners:
        yield f"  listen      {shown_address(listen)}{_own_settings(listen)}"
    yield f"  observe     {shown_address(settings.observe)}"
    yield f"  versions    {settings.versions.min} to {settings.versions.max}"
    for sunset in settings.versions.sunset:
        yield f"  sunset      version {sunset.version} on {sunset.date}{', then refused' if sunset.refuse else ''}"
    if settings.versions.dry_run_refuse:
        yield f"  versions    counted as if refused: {_plain(settings.versions.dry_run_refuse)}"
    for node in settings.nodes:
        websocket = shown_url(node.websocket) if node.websocket else "no WebSocket"
        yield f"  node        {node.name}: API version {node.api_version}, {shown_url(node.http)}, {websocket}"
    for name in _SECTIONS:
        values = [f"{key}={_plain(value)}" for key, value in getattr(settings, name)]
        lines = textwrap.wrap(", ".join(values), 100, break_long_words=False, break_on_hyphens=False)
        yield f"  {name:<11} {lines[0]}"
        yield from (f"  {'':<11} {line}" for line in lines[1:])
    if settings.tracing.endpoint is not None:
        yield f"  tracing     {settings.tracing.sample:g} of the requests, to {shown_url(settings.tracing.endpoint)}"


def _warnings(settings: Settings) -> Iterator[str]:
    """What is valid and yet is probably not meant."""
    if settings.guard.trusted_proxies:
        return
    for listen in settings.listeners:
        address = parse_address(listen.host)
        if listen.host == "localhost" or (address is not None and address.is_loopback):
            yield (
                f"  warning     {listen.host} is reached from this machine only, and guard.trusted_proxies is empty: "
                "behind a local proxy all clients count as one for the limits"
            )
            return


def _own_settings(listen: ListenSettings) -> str:
    """What one listener sets for itself."""
    parts = []
    if listen.tls.certificate is not None:
        parts.append("TLS")
    parts.append(f"API version {listen.default_version} by default")
    if listen.versions.min or listen.versions.max:
        parts.append(f"versions {listen.versions.min or 'as below'} to {listen.versions.max or 'as below'}")
    if listen.methods:
        parts.append(f"only {' '.join(listen.methods)}")
    if listen.requests_per_second is not None:
        parts.append(f"requests_per_second={listen.requests_per_second}")
    if listen.connections_per_address is not None:
        parts.append(f"connections_per_address={listen.connections_per_address}")
    return f": {', '.join(parts)}"


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{' '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
