"""`spec`: prints the specification of an API version."""

import click
import yaml

from proxy.commands.output import echo_json
from proxy.spec import asyncapi, openapi, versions


@click.command(short_help="Print the specification of an API version.")
@click.option(
    "--api-version", type=click.Choice(versions()), default=versions()[-1], show_default=True, help="Which version's."
)
@click.option("--asyncapi", "websocket", is_flag=True, help="AsyncAPI, of WebSocket and streams, instead of OpenAPI.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Write YAML instead of JSON.")
def spec(api_version: int, websocket: bool, as_yaml: bool) -> None:
    """Print what a client of an API version is promised: an OpenAPI 3.1 document of JSON-RPC over HTTP."""
    document = (asyncapi if websocket else openapi)(api_version)
    if as_yaml:
        click.echo(yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120), nl=False)
    else:
        echo_json(document, lines=False)


class _Plain(yaml.SafeDumper):
    """Writes what is in several places each time, as people and other programs' readers expect."""

    def ignore_aliases(self, data: object) -> bool:
        return True
