"""The command line: the group that the commands of `proxy.commands` belong to."""

import gc
from importlib import import_module

import click

import proxy
from proxy.commands import COMMANDS

_GC_THRESHOLDS = 200_000, 20, 20
"""The imports of `serve` create 80,000 objects and no garbage: looking for some took a fifth of its start."""


class _Commands(click.Group):
    """Imports a command when it is used, so that `serve` does not load what other commands need."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        gc.set_threshold(*_GC_THRESHOLDS)
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"proxy.commands.{module}"), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(proxy.__version__, prog_name="xrpl-version-proxy", message="%(prog)s %(version)s")
def main() -> None:
    """Serve XRP Ledger clients of every API version from nodes of one version."""
