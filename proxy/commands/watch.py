"""`watch`: prints stream messages until interrupted."""

import asyncio
import random
import sys
from dataclasses import dataclass

import click
import uvloop

from adapters import JsonObject
from proxy.commands.api_client import ERROR_STATUS, ApiClient, NoAnswer, TextAnswer, exit_on_failure, version_range
from proxy.commands.arguments import api_version_option, as_json, timeout_option, url_option
from proxy.commands.output import echo_json
from proxy.commands.positional import currency

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
"""Seconds until a lost connection is reopened: at first, and at most."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What to watch, and where. `api_version` None: the server's latest. `count` None: until interrupted."""

    url: str
    seconds: float
    request: JsonObject
    api_version: int | None
    count: int | None


class _Refused(Exception):
    """The server refuses the subscription."""

    def __init__(self, answer: JsonObject) -> None:
        super().__init__(str(answer.get("error")))
        self.answer = answer


@click.command(
    short_help="Print stream messages.",
    epilog="Exit status: 0 when stopped by Ctrl-C or --count, 1 if the server refuses, 2 for a wrong command line, "
    "3 if it does not respond.",
)
@click.argument("streams", nargs=-1, metavar="[STREAM]...")
@url_option
@api_version_option
@click.option("--accounts", multiple=True, metavar="ACCOUNT[,ACCOUNT]...", help="Transactions of these accounts.")
@click.option(
    "--books",
    multiple=True,
    metavar="PAYS:GETS",
    help="Transactions of an order book: XRP:USD/rIssuer, or the JSON object for subscribe.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after N messages.")
@timeout_option
@click.option("--json", "lines", is_flag=True, help="Print each message on one line, for programs.")
def watch(
    streams: tuple[str, ...],
    url: str,
    api_version: int | None,
    accounts: tuple[str, ...],
    books: tuple[str, ...],
    count: int | None,
    timeout: float,
    lines: bool,
) -> None:
    """Subscribe to STREAMs and print their messages: ledger, transactions, transactions_proposed, validations …

    A lost connection is reopened after a pause that grows to half a minute, and reported on standard error. Messages
    pushed in between are missing.
    """
    request: JsonObject = {}
    if streams:
        request["streams"] = list(streams)
    if accounts:
        request["accounts"] = [account for group in accounts for account in group.split(",") if account]
    if books:
        request["books"] = [_book(text) for text in books]
    if not request:
        raise click.UsageError("a stream, such as ledger, or --accounts or --books is required")
    try:
        # asyncio's own event loop misses a Ctrl-C that arrives just before it waits, until it next wakes up.
        with exit_on_failure():
            uvloop.run(_watch(Watched(url, timeout, request, api_version, count), lines))
    except KeyboardInterrupt:
        return
    except _Refused as refused:
        echo_json(refused.answer, lines=lines)
        sys.exit(ERROR_STATUS)


def _book(text: str) -> JsonObject:
    given = as_json(text)
    if isinstance(given, dict):
        return given
    pays, colon, gets = text.partition(":")
    if not (pays and colon and gets):
        raise click.UsageError("a book is XRP:USD/rIssuer (what the taker pays, then gets) or a JSON object")
    return {"taker_pays": currency(pays), "taker_gets": currency(gets)}


async def _watch(watched: Watched, lines: bool) -> None:
    """Raises _Refused, TextAnswer and NoAnswer before the first subscription; after that it reconnects."""
    left = watched.count
    stood = False
    pause = _FIRST_PAUSE
    while True:
        try:
            async with ApiClient(watched.url, websocket=True, seconds=watched.seconds) as server:
                await _subscribe(server, watched)
                stood, pause = True, _FIRST_PAUSE
                while left is None or left > 0:
                    echo_json(await server.pushed(), lines=lines)
                    left = None if left is None else left - 1
                return
        except (NoAnswer, TextAnswer, _Refused) as problem:
            if not stood:
                raise
            wait = pause * random.uniform(0.5, 1)  # noqa: S311 - no secret
            click.echo(f"{problem}; trying again in {wait:.1f} seconds", err=True)
        await asyncio.sleep(wait)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _subscribe(server: ApiClient, watched: Watched) -> None:
    """Raises _Refused, TextAnswer and NoAnswer."""
    version = watched.api_version or (await version_range(server))[1]
    answered = await server.ask("subscribe", watched.request, version)
    if "error" in answered.result():
        raise _Refused(answered.shown())
