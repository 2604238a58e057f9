"""Stays subscribed with xrpl-py while its session is ended, and says as JSON lines what the library makes of that.

    python lost_node.py API_VERSION WEBSOCKET_URL WebsocketClient|AsyncWebsocketClient

Says "subscribed", and "closed" when the library knows; opens again on a line of input, and says "reopened".
"""

import asyncio
import json
import sys
import time
from typing import Any

from xrpl.asyncio.clients import AsyncWebsocketClient  # type: ignore[import-not-found]
from xrpl.asyncio.clients.exceptions import XRPLWebsocketException  # type: ignore[import-not-found]
from xrpl.clients import WebsocketClient  # type: ignore[import-not-found]
from xrpl.models import Fee, StreamParameter, Subscribe  # type: ignore[import-not-found]

SUBSCRIBE = Subscribe(streams=[StreamParameter.LEDGER])
SECONDS = 10


def say(word: str, value: Any) -> None:
    print(json.dumps({word: value}), flush=True)  # noqa: T201


def with_sync_client(url: str) -> None:
    client = WebsocketClient(url, timeout=SECONDS)
    client.open()
    assert client.request(SUBSCRIBE).is_successful()
    say("subscribed", True)
    deadline = time.monotonic() + SECONDS
    while client.is_open():
        assert time.monotonic() < deadline, "the library never noticed"
        time.sleep(0.02)
    try:
        client.request(Fee())
    except XRPLWebsocketException as refusal:
        say("closed", str(refusal))
    sys.stdin.readline()
    client.open()
    # Not SUBSCRIBE: xrpl-py 2 takes ten seconds to close while more than 32 pushed messages are unread.
    assert client.request(Fee()).is_successful()
    say("reopened", True)
    client.close()


async def with_async_client(url: str) -> None:
    client = AsyncWebsocketClient(url)
    await client.open()
    assert (await client.request(SUBSCRIBE)).is_successful()
    say("subscribed", True)
    async with asyncio.timeout(SECONDS):
        while client.is_open():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    try:
        await client.request(Fee())
    except XRPLWebsocketException as refusal:
        say("closed", str(refusal))
    await asyncio.to_thread(sys.stdin.readline)
    await client.open()
    assert (await client.request(Fee())).is_successful()
    say("reopened", True)
    await client.close()


def main() -> None:
    websocket_url, kind = sys.argv[2], sys.argv[3]
    if kind == "WebsocketClient":
        with_sync_client(websocket_url)
    else:
        asyncio.run(with_async_client(websocket_url))


main()
