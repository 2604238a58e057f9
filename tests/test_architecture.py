"""The ways through the tree in docs/architecture.md are those that a request and a pushed message really take."""

import asyncio
import re
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

import aiohttp

from proxy.websocket.streams import translate
from tests.support.start import StartNode, StartProxy

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text()
_ROW = re.compile(r"^\d+\. `([\w/.]+)` `([\w.]+)`:", re.MULTILINE)
ACCOUNT = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"

Call = tuple[str, str]
"""A module's path and a function's qualified name."""


class Trace:
    """The functions of the project that are called within `with`, in the order of their first call."""

    def __init__(self) -> None:
        self.calls: dict[Call, None] = {}

    def __enter__(self) -> "Trace":
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(ROOT)):
            path = frame.f_code.co_filename[len(str(ROOT)) + 1 :]
            self.calls.setdefault((path, frame.f_code.co_qualname))


def listed(section: str) -> list[Call]:
    """The steps of a section of the page."""
    text = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    rows = [(path, function) for path, function in _ROW.findall(text)]
    assert 5 < len({path for path, _ in rows}) <= 20
    return rows


def in_order(rows: list[Call], calls: dict[Call, None]) -> None:
    assert [row for row in rows if row not in calls] == []
    assert sorted(rows, key=list(calls).index) == rows


async def test_one_http_request(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2))
    url = served.http_url
    request = {"method": "account_info", "params": [{"account": ACCOUNT}]}
    async with aiohttp.ClientSession() as client:
        with Trace() as trace:
            async with client.post(url, json=request) as response:
                assert (await response.json(content_type=None))["result"]["status"] == "success"
            await asyncio.sleep(0)
    in_order(listed("One HTTP request"), trace.calls)


async def test_one_websocket_request(demo_node: StartNode, proxy: StartProxy) -> None:
    served = await proxy(await demo_node(2))
    request = {"command": "account_info", "account": ACCOUNT}
    async with aiohttp.ClientSession() as client, client.ws_connect(served.http_url) as socket:
        with Trace() as trace:
            await socket.send_json(request)
            assert (await socket.receive_json(timeout=5))["status"] == "success"
    in_order(listed("One WebSocket request"), trace.calls)


async def test_one_pushed_message(demo_node: StartNode, proxy: StartProxy) -> None:
    """Those that come together with the response to their `subscribe` are queued behind it; later ones go this way."""
    translate._cached.cache_clear()  # other tests may have had the same message
    served = await proxy(await demo_node(2))
    rows = listed("One pushed message")
    async with aiohttp.ClientSession() as client, client.ws_connect(served.http_url) as socket:
        with Trace() as trace, suppress(TimeoutError):
            await socket.send_json({"command": "subscribe", "streams": ["transactions"]})
            async with asyncio.timeout(20):
                while any(row not in trace.calls for row in rows):
                    await socket.receive_json()
    assert [row for row in rows if row not in trace.calls] == []
