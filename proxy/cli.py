"""The command line: the group that the commands of `proxy.commands` belong to."""

import click

import proxy
from proxy.commands import COMMANDS


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(proxy.__version__, prog_name="xrpl-version-proxy", message="%(prog)s %(version)s")
def main() -> None:
    """Serve XRP Ledger clients of every API version from nodes of one version."""


for _command in COMMANDS:
    main.add_command(_command)
