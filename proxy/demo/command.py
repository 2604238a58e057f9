"""`demo`: a demo node and the proxy in front of it, with lines to copy that show what the proxy does."""

import asyncio
import signal

import click
import orjson
import uvloop

from proxy.config import LoggingSettings, Settings
from proxy.demo.node import DemoNode
from proxy.server.proxy import Proxy
from proxy.telemetry import logs

HOST = "127.0.0.1"
ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
PAYMENT = "0768C0C8BB76AC3503B14FDC2BF361E2D17304F5AE0359516D68E3A4C51BED43"


def run(api_version: int, port: int, observe_port: int) -> None:
    """Serve until SIGINT or SIGTERM: a demo node of `api_version`, and the proxy on `port` in front of it.

    0 for `port` or `observe_port` takes a free one. Raises OSError when one is taken.
    """
    logging = LoggingSettings(format="console")
    writer = logs.configure(logging.level, logging.format)
    try:
        uvloop.run(_serve(api_version, port, observe_port, logging))
    finally:
        writer.close()


async def _serve(api_version: int, port: int, observe_port: int, logging: LoggingSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with DemoNode(api_version) as node:
        proxy = Proxy(_settings(node, port, observe_port, logging))
        await proxy.start()
        try:
            click.echo(_welcome(node, proxy))
            await stop.wait()
        finally:
            await proxy.stop()


def _settings(node: DemoNode, port: int, observe_port: int, logging: LoggingSettings) -> Settings:
    behind = {
        "name": "demo",
        "http": node.http_url,
        "websocket": node.websocket_url,
        "api_version": node.api_version,
    }
    sections = {
        "listen": {"host": HOST, "port": port},
        "observe": {"host": HOST, "port": observe_port},
        "nodes": [behind],
        # So long is the node's first word waited for, which it gives when it has read its recordings.
        "timeouts": {"connect": 20},
        "logging": logging,
        # The node tells its recordings after every `subscribe`, and has nothing for those who do not ask it.
        "websocket": {"share_subscriptions": False},
    }
    return Settings.model_validate(sections)


def _welcome(node: DemoNode, proxy: Proxy) -> str:
    account = {"account": ALICE, "signer_lists": True}
    older = _curl(proxy, {"method": "account_info", "params": [{**account, "api_version": 1}]})
    newer = _curl(proxy, {"method": "account_info", "params": [{**account, "api_version": 2}]})
    payment = [{"method": "tx", "transaction": PAYMENT, "api_version": version} for version in (1, 2)]
    return f"""\
demo node  {node.http_url}  {node.websocket_url}  API version {node.api_version} only, from recordings
proxy      {proxy.http_url}  API versions 1 and 2
observe    {proxy.observe_url}/metrics  /health  /ready

The same account, with signer_lists inside account_data at version 1, beside it at version 2:

{older}
{newer}

The same payment at both versions, in one answer:

{_curl(proxy, {"method": "batch", "params": payment})}

Ctrl-C stops it."""


def _curl(proxy: Proxy, request: dict[str, object]) -> str:
    return f"curl -s {proxy.http_url} -d '{orjson.dumps(request).decode()}'"
