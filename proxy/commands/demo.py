"""`demo`: a demo node with the proxy in front of it, and curl commands that show what the proxy does."""

import asyncio
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import orjson
import uvloop

from adapters import VERSIONS, step_folder
from proxy.commands.configuration import fail, reason
from proxy.config import LoggingSettings, Settings
from proxy.telemetry import logs

if TYPE_CHECKING:
    from proxy.demo import DemoClio, DemoNode
    from proxy.server.proxy import Proxy

HOST = "127.0.0.1"
ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
_STEPS = tuple(step.name for step in VERSIONS.steps if (step_folder(step) / "recordings").is_dir())
NODES = ("rippled-1.12", "rippled-2.6", "xrpld-3.3", "clio", *_STEPS)
PAYMENT = "0768C0C8BB76AC3503B14FDC2BF361E2D17304F5AE0359516D68E3A4C51BED43"
_EXAMPLES: dict[str, tuple[str, str]] = {
    "rippled-1.12": (ALICE, "D46976E66974ECCA2188C3C0918C83C33C295964BB620E3208B1870A52D44B1C"),
    "rippled-2.6": (ALICE, PAYMENT),
    "xrpld-3.3": (ALICE, PAYMENT),
    "clio": (
        "rBhhEdrpUzAZWtxFqamiVNGsP8GE3JBLCo",
        "1ABA2169BB2A646004AF15E11D31038D89CC6514E3678A21F0F378515AAC9989",
    ),
}
"""An account and a payment that each node has."""


@click.command(short_help="Start a demo node and the proxy in front of it.")
@click.option(
    "--node",
    "node_name",
    type=click.Choice(NODES),
    default="rippled-2.6",
    show_default=True,
    help="The server whose recordings the node replays; rippled 1.12 has API version 1 only. The name of a step, such "
    "as v3_v4, selects the server recorded for it.",
)
@click.option(
    "--api-version",
    type=click.IntRange(VERSIONS.oldest, VERSIONS.newest),
    help="API version of the node; by default its newest that is not beta.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=51233, show_default=True, help="Port of the proxy; 0: any."
)
@click.option(
    "--observe-port",
    type=click.IntRange(0, 65535),
    default=9652,
    show_default=True,
    help="Port of its metrics; 0: any.",
)
def demo(node_name: str, api_version: int | None, port: int, observe_port: int) -> None:
    """Start a node that replays recordings, and the proxy in front of it, until Ctrl-C."""
    try:
        node = _make_node(node_name, api_version)
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None
    logging = LoggingSettings(format="console")
    writer = logs.configure(logging.level, logging.format)
    try:
        uvloop.run(_serve(node, node_name, port, observe_port, logging))
    except OSError as error:
        fail(f"cannot start at ports {port} and {observe_port}: {reason(error)}")
    finally:
        writer.close()


def _make_node(name: str, api_version: int | None) -> "DemoClio | DemoNode":
    """The node, not started. Raises ValueError for an API version that it does not have."""
    # imports the whole server, which other commands do not need
    from proxy.demo import API_VERSIONS, DemoClio, DemoNode

    if name == "clio":
        return DemoClio(api_version or VERSIONS.newest_stable)
    spoken = API_VERSIONS[name]
    return DemoNode(api_version or min(max(VERSIONS.newest_stable, spoken[0]), spoken[-1]), release=name)


async def _serve(
    node: "DemoClio | DemoNode", name: str, port: int, observe_port: int, logging: LoggingSettings
) -> None:
    from proxy.server.proxy import Proxy

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with node:
        proxy = Proxy(_settings(node, port, observe_port, logging))
        await proxy.start()
        try:
            click.echo(_welcome(node, name, proxy))
            await stop.wait()
        finally:
            await proxy.stop()


def _highest(node: "DemoClio | DemoNode") -> int:
    """The highest version to offer: a beta only if the node has it."""
    return max(VERSIONS.newest_stable, node.api_version if node.api_version != "all" else 0)


def _settings(node: "DemoClio | DemoNode", port: int, observe_port: int, logging: LoggingSettings) -> Settings:
    behind_proxy = {
        "name": "demo",
        "http": node.http_url,
        "websocket": node.websocket_url,
        "api_version": node.api_version,
    }
    sections = {
        "listen": {"host": HOST, "port": port},
        "observe": {"host": HOST, "port": observe_port},
        "versions": {"max": _highest(node)},
        "nodes": [behind_proxy],
        # Only this machine can connect.
        "limits": {"exempt": ["127.0.0.0/8"]},
        # The node may take this long to read its recordings.
        "timeouts": {"connect": 20},
        "logging": logging,
        # The node replays its recordings once per `subscribe`, so that sessions which shared one would receive nothing.
        "websocket": {"share_subscriptions": False},
    }
    return Settings.model_validate(sections)


def _welcome(node: "DemoClio | DemoNode", name: str, proxy: "Proxy") -> str:
    addresses = f"""\
demo node  {node.http_url}  {node.websocket_url}  {name}, API version {node.api_version} only
proxy      {proxy.http_url}  API versions {VERSIONS.oldest} to {_highest(node)}
observe    {proxy.observe_url}/  who still uses which version; also /clients  /metrics  /ready
"""
    return "\n".join([addresses, *_examples(name, proxy), "Ctrl-C stops it."])


def _examples(name: str, proxy: "Proxy") -> Iterator[str]:
    if name not in _EXAMPLES:
        return
    known_account, known_payment = _EXAMPLES[name]
    account = {"account": known_account, "signer_lists": True}
    yield "The same account, with signer_lists inside account_data in version 1 and next to it in version 2:\n"
    for version in (1, 2):
        yield _curl(proxy, {"method": "account_info", "params": [{**account, "api_version": version}]})
    payment = [{"method": "tx", "transaction": known_payment, "api_version": version} for version in (1, 2)]
    yield "\nThe same payment in both versions, in one response:\n"
    yield _curl(proxy, {"method": "batch", "params": payment}) + "\n"


def _curl(proxy: "Proxy", request: dict[str, object]) -> str:
    return f"curl -s {proxy.http_url} -d '{orjson.dumps(request).decode()}'"
