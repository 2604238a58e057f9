"""`make hostile SECONDS=600 WORKERS=2`: all attacks at the same time; status 1 if the bystander noticed."""

import asyncio
import os
import sys
from collections import Counter

import click

from tests.hostile.attacks import attack_all
from tests.hostile.mix import LEFT_KILOBYTES, P99_SECONDS, run


@click.group(invoke_without_command=True)
@click.option("--seconds", default=60.0, show_default=True, help="How long the attacks last.")
@click.option("--workers", default=1, show_default=True, help="Workers of the proxy.")
@click.pass_context
def main(context: click.Context, seconds: float, workers: int) -> None:
    """Attack a proxy in every known way at once, and report what another client notices."""
    if context.invoked_subcommand:
        return
    outcome = asyncio.run(run(seconds, workers))
    click.echo(outcome.report())
    for failure, count in Counter(outcome.failures).most_common(10):
        click.echo(f"{count:6} {failure}")
    left = outcome.after - outcome.before
    sys.exit(bool(outcome.failures) or outcome.quantile(0.99) > P99_SECONDS or left > LEFT_KILOBYTES)


@main.command()
@click.argument("port", type=int)
def attack(port: int) -> None:
    """Attack the proxy at this port of 127.0.0.1 until killed."""
    os.nice(10)  # attackers have machines of their own: what they compute is not to slow down the proxy
    asyncio.run(attack_all(("127.0.0.1", port)))


if __name__ == "__main__":
    main()
