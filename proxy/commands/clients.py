"""`clients`: who used which version, as a proxy's observe address tells it."""

import sys
from collections.abc import Iterator
from typing import Any

import aiohttp
import click
import uvloop
from rich.cells import cell_len

from proxy.commands.arguments import timeout_option
from proxy.commands.output import echo_json
from proxy.config import shown_url

_NO_ANSWER = 3
_HEAD = ("address", "user agent", "user", "version", "requests", "last", "changed methods")
_METHODS = 6
"""Methods told of one caller, the most asked ones; `--json` has them all."""


class _NoAnswer(Exception):  # noqa: N818 - what has happened
    """The text says why, for people."""


@click.command(
    short_help="Tell which callers used which version.",
    epilog="Exit status: 0 for an answer, 2 for a wrong command line, 3 where no observe address of a proxy answers.",
)
@click.option(
    "--url",
    default="http://127.0.0.1:9652/",
    show_default=True,
    metavar="URL",
    help="The proxy's observe address: http or https.",
)
@click.option(
    "--version", "version", metavar="N", help="Only those who used this API version; `refused` for one not offered."
)
@timeout_option
@click.option("--json", "lines", is_flag=True, help="Write the answer on one line, for programs.")
def clients(url: str, version: str | None, timeout: float, lines: bool) -> None:
    """Tell who still needs a version: which callers used which, and which of the methods that versions changed.

    A proxy remembers callers for some hours (`clients` in its configuration).
    """
    try:
        told = uvloop.run(_ask(url, version, timeout))
    except _NoAnswer as none:
        click.echo(f"no answer: {none}", err=True)
        sys.exit(_NO_ANSWER)
    if lines:
        echo_json(told, lines=True)
        return
    for line in _table([_HEAD, *_rows(told["callers"])]):
        click.echo(line)
    if told["keep"] == "off":
        click.echo("This proxy keeps no callers (clients.keep: off).", err=True)
    if told["evicted"]:
        click.echo(f"{told['evicted']} others gave way: there are more than clients.callers.", err=True)


async def _ask(url: str, version: str | None, seconds: float) -> dict[str, Any]:
    """The answer of `/clients`. Raises _NoAnswer, and click.BadParameter for a version that is none."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(url.rstrip("/") + "/clients", params={"version": version} if version else {}) as answer,
        ):
            told = await answer.json() if answer.content_type == "application/json" else None
    except aiohttp.InvalidURL:
        raise click.BadParameter("no URL; one is http://127.0.0.1:9652/", param_hint="--url") from None
    except TimeoutError:
        raise _NoAnswer(f"{shown_url(url)} did not answer within {seconds:g} seconds") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _NoAnswer(f"{shown_url(url)}: {type(error).__name__}") from None
    if isinstance(told, dict) and isinstance(told.get("callers"), list):
        return told
    if isinstance(told, dict) and "error" in told:
        raise click.BadParameter(str(told["error"]), param_hint="--version")
    raise _NoAnswer(f"{shown_url(url)} is not the observe address of a proxy")


def _rows(callers: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for caller in callers:
        for used in caller["versions"]:
            version = "refused" if used["version"] is None else str(used["version"])
            methods = list(used["changed_methods"].items())
            more = ", …" if len(methods) > _METHODS else ""
            yield (
                caller["address"],
                caller["user_agent"] or "-",
                caller["user"] or "-",
                f"{version} (would be refused)" if used["would_refuse"] else version,
                str(used["requests"]),
                used["last"],
                (", ".join(f"{method} {count}" for method, count in methods[:_METHODS]) or "-") + more,
            )


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
