"""`clients`: which callers used which API version, as reported by a proxy's observe address."""

import csv
import io
import sys
from collections.abc import Iterator
from typing import Any

import aiohttp
import click
import uvloop

from proxy.commands.api_client import failure_reason
from proxy.commands.arguments import timeout_option
from proxy.commands.output import echo_json, table
from proxy.config import shown_url

_NO_RESPONSE = 3
_HEAD = ("address", "user agent", "user", "version", "requests", "last", "changed methods")
_METHODS = 6
"""Methods listed per caller, those with the most requests; `--json` and `--csv` have them all."""
_CSV_HEAD = (
    "address",
    "user_agent",
    "user",
    "version",
    "would_refuse",
    "requests",
    "first",
    "last",
    "http_requests",
    "ws_requests",
    "paths",
    "changed_methods",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Spreadsheets treat text with these prefixes as a formula, and a client may send one in its `User-Agent`."""


class _NoResponse(Exception):
    """The text says why."""


@click.command(
    short_help="List which callers used which version.",
    epilog="Exit status: 0 for a response, 2 for a wrong command line, 3 if the observe address does not respond.",
)
@click.option(
    "--url",
    default="http://127.0.0.1:9652/",
    show_default=True,
    metavar="URL",
    help="The proxy's observe address: http or https.",
)
@click.option(
    "--version", "version", metavar="N", help="Only callers of this API version; `refused` for versions not offered."
)
@timeout_option
@click.option("--json", "as_json", is_flag=True, help="Print the response on one line, for programs.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with one row per caller and version, for spreadsheets.")
def clients(url: str, version: str | None, timeout: float, as_json: bool, as_csv: bool) -> None:
    """List who still needs a version: which callers used which, and which of the methods that versions changed.

    A proxy retains callers for some hours (`clients` in its configuration).
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    try:
        report = uvloop.run(_fetch(url, version, timeout))
    except _NoResponse as none:
        click.echo(f"no response: {none}", err=True)
        sys.exit(_NO_RESPONSE)
    if as_json:
        echo_json(report, lines=True)
        return
    if as_csv:
        click.echo(_csv(report["callers"]), nl=False)
    else:
        for line in table([_HEAD, *_rows(report["callers"])]):
            click.echo(line)
    if report["keep"] == "off":
        click.echo("This proxy does not record callers (clients.keep: off).", err=True)
    if report["evicted"]:
        click.echo(f"{report['evicted']} more were dropped: there are more than clients.callers.", err=True)


async def _fetch(url: str, version: str | None, seconds: float) -> dict[str, Any]:
    """The response of `/clients`. Raises _NoResponse, and click.BadParameter for an invalid version."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(url.rstrip("/") + "/clients", params={"version": version} if version else {}) as response,
        ):
            report = await response.json() if response.content_type == "application/json" else None
            misdirected = (await response.text()).strip() if response.status == 421 else None
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        raise click.BadParameter("expected a URL such as http://127.0.0.1:9652/", param_hint="--url") from None
    except ValueError:  # JSON that is not
        report = misdirected = None
    except (aiohttp.ClientError, OSError) as error:
        raise _NoResponse(f"{shown_url(url)}: {failure_reason(error, seconds)}") from None
    if isinstance(report, dict) and isinstance(report.get("callers"), list):
        return report
    if isinstance(report, dict) and "error" in report:
        raise click.BadParameter(str(report["error"]), param_hint="--version")
    raise _NoResponse(f"{shown_url(url)}: {misdirected or 'not the observe address of a proxy'}")


def _rows(callers: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for caller in callers:
        for used in caller["versions"]:
            version = "refused" if used["version"] is None else str(used["version"])
            version += "".join(f" {path}" for path in used["paths"])
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


def _csv(callers: list[dict[str, Any]]) -> str:
    """CSV (RFC 4180) in which no cell is a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_CSV_HEAD)
    for caller in callers:
        for used in caller["versions"]:
            cells = (
                caller["address"],
                caller["user_agent"],
                caller["user"],
                "refused" if used["version"] is None else used["version"],
                "yes" if used["would_refuse"] else "no",
                used["requests"],
                used["first"],
                used["last"],
                *(used["transports"].get(transport, 0) for transport in ("http", "ws")),
                _counts(used["paths"]),
                _counts(used["changed_methods"]),
            )
            writer.writerow([_harmless(cell) for cell in cells])
    return text.getvalue()


def _counts(counts: dict[str, int]) -> str:
    return "; ".join(f"{name} {count}" for name, count in counts.items())


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
