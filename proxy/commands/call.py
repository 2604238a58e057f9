"""`call`: makes one request, like rippled's own command line (XLS-22: in the latest version)."""

import sys

import click
import uvloop

from adapters import JsonObject
from proxy.commands.api_client import ERROR_STATUS, Answer, ApiClient, exit_on_failure, version_range
from proxy.commands.arguments import api_version_option, json_object, split_named, timeout_option, url_option
from proxy.commands.output import echo_json
from proxy.commands.positional import FORMS, by_position


@click.command(
    short_help="Make one request.",
    context_settings={"ignore_unknown_options": True},  # -1 is a ledger index
    epilog="Exit status: 0 for success, 1 for an error, 2 for a wrong command line, 3 for no response.",
)
@click.argument("method")
@click.argument("parameters", nargs=-1, metavar="[PARAMETER]... [NAME=VALUE]...")
@url_option
@api_version_option
@click.option("--websocket", is_flag=True, help="Use WebSocket instead of HTTP.")
@timeout_option
@click.option("--json", "lines", is_flag=True, help="Print the response on one line, for programs.")
def call(
    method: str,
    parameters: tuple[str, ...],
    url: str,
    api_version: int | None,
    websocket: bool,
    timeout: float,
    lines: bool,
) -> None:
    """Call METHOD and print the response.

    Parameters are in the order of rippled's own command line, or NAME=VALUE, where VALUE is JSON if it parses as such,
    else text:

    \b
      call account_info rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh validated signer_lists=true
      call ledger_data ledger_index=validated limit=5
      call json ledger '{"ledger_index": "validated"}'

    The version is the server's latest, unless --api-version is given.
    """  # noqa: D301 - click interprets the backspace
    method, params = _request(method, parameters)
    if "api_version" in params:
        if type(params["api_version"]) is not int:
            raise click.UsageError("api_version must be a whole number; --api-version sets it too")
        api_version = params.pop("api_version") if api_version is None else api_version
        params.pop("api_version", None)
    with exit_on_failure():
        answered = uvloop.run(_ask(url, websocket, timeout, method, params, api_version))
        result = answered.result()
    echo_json(answered.shown(), lines=lines)
    sys.exit(ERROR_STATUS if "error" in result else 0)


def _request(method: str, words: tuple[str, ...]) -> tuple[str, JsonObject]:
    """The method and its parameters. Raises click.UsageError."""
    if method == "json":
        if len(words) != 2:
            raise click.UsageError("usage: json <method> <parameters as JSON>")
        return words[0], json_object(words[1], "the parameters")
    positional, named = split_named(words)
    params = by_position(method, positional)
    if twice := params.keys() & named.keys():
        usage = FORMS[method].usage
        raise click.UsageError(f"{', '.join(sorted(twice))}: given by position ({method} {usage}) and by name")
    return method, {**params, **named}


async def _ask(
    url: str, websocket: bool, seconds: float, method: str, params: JsonObject, api_version: int | None
) -> Answer:
    async with ApiClient(url, websocket=websocket, seconds=seconds) as server:
        if api_version is None:
            api_version = (await version_range(server))[1]
        return await server.ask(method, params, api_version)
