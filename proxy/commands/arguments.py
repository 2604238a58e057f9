"""Command line arguments: a server's URL, `name=value`, and JSON."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import click

from adapters import JsonObject
from proxy.commands.api_client import TRANSPORTS

DEFAULT_URL = "http://127.0.0.1:51233/"

_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def checked_url(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A click callback: the URL of a server. An error does not quote it, because it may contain a key."""
    try:
        parts = urlsplit(value or DEFAULT_URL)
        sound = parts.scheme in TRANSPORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise click.BadParameter("expected a URL such as http://127.0.0.1:51233/ or wss://example.com/", ctx, param)
    return value


url_option = click.option(
    "--url",
    default=DEFAULT_URL,
    show_default=True,
    metavar="URL",
    callback=checked_url,
    help="The server: http, https, ws or wss.",
)
api_version_option = click.option(
    "--api-version",
    type=click.IntRange(min=1),
    metavar="N",
    help="The API version to use.  [default: the server's latest]",
)
timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for a response.",
)

_SAMPLED_NODE = (
    click.option("--node", required=True, metavar="URL", callback=checked_url, help="The node, over HTTP."),
    click.option("--websocket", metavar="URL", callback=checked_url, help="The same node, over WebSocket as well."),
    click.option("--account", "accounts", multiple=True, metavar="ACCOUNT", help="Include this account."),
    click.option(
        "--ledgers",
        type=click.IntRange(1, 10_000),
        default=200,
        show_default=True,
        metavar="N",
        help="How many validated ledgers to search for samples, unless fewer have 500 transactions.",
    ),
    click.option(
        "--rate",
        type=click.FloatRange(min=0.1),
        default=10.0,
        show_default=True,
        metavar="N",
        help="Maximum number of requests per second.",
    ),
)


def sampled_node_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a command that requests samples from a live node: which node, what, and how fast."""
    for option in reversed(_SAMPLED_NODE):
        command = option(command)
    return command


def as_json(text: str) -> Any:
    """A typed value: JSON if it parses as such, else the text itself.

    A number stays text if rippled could not hold it as written (a hash of digits, an amount of drops beyond 32 bits,
    1.50), because fields with such values are strings.
    """
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, float):
        return value if repr(value) == text else text
    if type(value) is int and not -(2**31) <= value < 2**32:
        return text
    return value


def split_named(words: tuple[str, ...]) -> tuple[list[str], JsonObject]:
    """The positional parameters, and those given as `name=value`.

    Raises click.UsageError, which quotes no value.
    """
    positional: list[str] = []
    named: JsonObject = {}
    for word in words:
        if match := _NAMED.fullmatch(word):
            name, text = match.groups()
            if name in named:
                raise click.UsageError(f"{name} is given twice")
            named[name] = as_json(text)
        elif re.match(r"-+[A-Za-z]", word):
            raise click.UsageError(f"No such option: {word.partition('=')[0]}")
        else:
            positional.append(word)
    return positional, named


def json_object(text: str, what: str) -> JsonObject:
    """A JSON object.

    `what` names it in the click.UsageError that is raised for anything else, and which quotes none of it.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        where = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        raise click.UsageError(f"{what} is not JSON{where}") from None
    if not isinstance(value, dict):
        raise click.UsageError(f"{what} is not a JSON object")
    return value
