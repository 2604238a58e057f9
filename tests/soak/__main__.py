"""`make soak SECONDS=3600 WORKERS=2`: runs a soak test and prints what was counted; status 1 where it found faults."""

import asyncio
import sys

import click

from tests.soak.outside import soak_workers
from tests.soak.soak import soak


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="For so long.")
@click.option("--sessions", default=300, show_default=True, help="At a time.")
@click.option("--workers", default=0, help="Of each proxy, in processes of their own; 0: all in this process.")
@click.option("--seed", type=int, help="The seed of the random numbers, as another run printed it.")
def main(seconds: float, sessions: int, workers: int, seed: int | None) -> None:
    """Have hundreds of sessions come and go, on nodes that fail."""
    running = soak_workers(seconds, sessions, workers, seed) if workers else soak(seconds, sessions, seed)
    found = asyncio.run(running)
    for name, count in found.counts.items():
        click.echo(f"{count:12} {name}")
    for line in found.memory.lines():
        click.echo(line)
    for fault in found.faults:
        click.echo(f"FAULT {fault}")
    sys.exit(bool(found.faults))


if __name__ == "__main__":
    main()
