"""`serve`: runs the proxy."""

from pathlib import Path

import click

from proxy.commands.configuration import config_option, fail_to_start, valid_or_exit
from proxy.config import ConfigSource


@click.command(short_help="Serve clients until SIGTERM or SIGINT.")
@config_option
def serve(config: Path | None) -> None:
    """Serve clients until SIGTERM or SIGINT; SIGHUP reloads the configuration."""
    source = ConfigSource(config)
    settings = valid_or_exit(config, source.read)
    from proxy.server import process  # imports the whole server, which other commands do not need

    try:
        process.run(settings, source)
    except OSError as error:
        fail_to_start(settings, error)
