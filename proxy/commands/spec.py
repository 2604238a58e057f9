"""`spec`: prints the OpenAPI or AsyncAPI document of an API version."""

import click
import yaml

from adapters import VERSIONS
from proxy.commands.output import echo_json
from proxy.spec import asyncapi, openapi, versions


@click.command(short_help="Print the OpenAPI document of a version.")
@click.option("--api-version", type=int, default=VERSIONS.newest_stable, show_default=True, help="The API version.")
@click.option("--asyncapi", "websocket", is_flag=True, help="AsyncAPI (WebSocket and streams) instead of OpenAPI.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print YAML instead of JSON.")
def spec(api_version: int, websocket: bool, as_yaml: bool) -> None:
    """Print the OpenAPI 3.1 document (JSON-RPC over HTTP) of an API version."""
    if api_version not in versions():
        raise click.UsageError(
            f"there are specifications of versions {versions()[0]} to {versions()[-1]}, not {api_version}"
        )
    document = (asyncapi if websocket else openapi)(api_version)
    if as_yaml:
        click.echo(yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120), nl=False)
    else:
        echo_json(document, lines=False)


class _Plain(yaml.SafeDumper):
    """Writes repeated values each time: readers of such documents do not expect aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: _Plain, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _text)
