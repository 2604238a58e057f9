"""`config`: prints the effective configuration, its JSON Schema and its reference."""

from pathlib import Path

import click

from proxy.commands.configuration import config_option, loaded_or_exit
from proxy.config.effective import effective_yaml
from proxy.config.json_schema import schema_text
from proxy.config.reference import reference


@click.group(short_help="Show the configuration, its schema or its reference.")
def config() -> None:
    """Show the effective configuration, its JSON Schema, or the reference of all keys."""


@config.command(short_help="Print the effective configuration.")
@config_option
def show(config: Path | None) -> None:
    """Print the effective configuration as YAML, with the origin of each value; credentials are masked."""
    click.echo(effective_yaml(loaded_or_exit(config)), nl=False)


@config.command(short_help="Print the JSON Schema of the file.")
def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors and other tools."""
    click.echo(schema_text(), nl=False)


@config.command("reference", short_help="Print the reference of all keys.")
def print_reference() -> None:
    """Print the reference of all keys as Markdown: docs/configuration.md."""
    click.echo(reference(), nl=False)
