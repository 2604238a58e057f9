"""`completion`: completion of commands and options in the shell, by click."""

import click
from click.shell_completion import get_completion_class

_NAME = "xrpl-version-proxy"
_VARIABLE = "_XRPL_VERSION_PROXY_COMPLETE"
"""The variable in which click expects the shell's request."""


@click.command(
    short_help="Print a script for the shell that completes commands and options.",
    epilog='bash: eval "$(xrpl-version-proxy completion bash)"; zsh: the same with zsh; '
    "fish: xrpl-version-proxy completion fish | source",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that makes SHELL complete the commands and options of xrpl-version-proxy."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click has no completion for {shell}")
    click.echo(kind(context.find_root().command, {}, _NAME, _VARIABLE).source())
