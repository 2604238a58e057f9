"""`serve`: runs the proxy."""

from functools import partial
from pathlib import Path

import click

from proxy.commands.configuration import config_option, fail_to_start, read_settings, settings_or_exit


@click.command(short_help="Serve clients until SIGTERM or SIGINT.")
@config_option
def serve(config: Path | None) -> None:
    """Serve clients until SIGTERM or SIGINT; SIGHUP reads the configuration again."""
    settings = settings_or_exit(config)
    from proxy.server import process  # imports everything that serves, which other commands do not need

    try:
        process.run(settings, partial(read_settings, config))
    except OSError as error:
        fail_to_start(settings, error)
