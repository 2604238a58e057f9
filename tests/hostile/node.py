"""The node behind the proxy that is attacked: version 1, one method that is slow, one with a large result.

It runs in a process of its own, so that what it does is not counted as the proxy's: `python -m tests.hostile.node`
prints its port.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import orjson
import uvloop
from aiohttp import web

SLOW_SECONDS = 8.0
LARGE_BYTES = 4_000_000
MAX_REQUEST_BYTES = 1_000_000

_INFO = {
    "build_version": "1.12.0",
    "complete_ledgers": "2-131",
    "peers": 10,
    "server_state": "full",
    "uptime": 9,
    "validated_ledger": {"age": 1, "seq": 131},
    "validation_quorum": 4,
}
_LARGE = orjson.Fragment(b'{"x":"' + b"y" * LARGE_BYTES + b'"}')
_ledgers = count(1_000_000, 1000)
_LARGE_METHODS = frozenset(["account_tx", "ledger_data"])


class _Turns:
    """Lets one large response at a time be built and sent, with other requests in between.

    rippled has threads for that; in the one thread of this node a hundred large responses at once would delay
    small requests, and the bystander would see what this node does instead of what the proxy does.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, method: str) -> AsyncIterator[None]:
        """Returns when the response to `method` may be built."""
        if method not in _LARGE_METHODS:
            yield
            return
        async with self._lock:
            await asyncio.sleep(0)
            yield


_turns = _Turns()


async def _result(method: str, params: dict[str, Any]) -> Any:
    if method == "server_info":
        return {"info": _INFO}
    if method == "version":
        return {"version": {"first": "1.0.0", "good": "1.0.0", "last": "1.0.0"}}
    if method == "ripple_path_find":
        await asyncio.sleep(SLOW_SECONDS)
    if method == "ledger_data":
        return _LARGE
    if method == "account_tx":
        return _history(next(_ledgers))
    if method in ("ledger", "ledger_header"):
        return _ledger(params.get("ledger_index", 131))
    return {}


def _history(first: int) -> dict[str, Any]:
    """A thousand transactions, each in a ledger of its own, never the same twice."""
    entries = [
        {
            "meta": {"TransactionIndex": 0, "TransactionResult": "tesSUCCESS"},
            "tx": {"TransactionType": "AccountSet", "hash": f"{index:064X}", "inLedger": index, "ledger_index": index},
            "validated": True,
        }
        for index in range(first, first + 1000)
    ]
    return {"account": "r", "limit": 1000, "validated": True, "transactions": entries}


def _ledger(index: Any) -> dict[str, Any]:
    number = index if isinstance(index, int) else 131
    ledger = {"close_time": number, "closed": True, "ledger_hash": f"{number:064X}", "ledger_index": str(number)}
    return {"ledger": ledger, "ledger_hash": f"{number:064X}", "ledger_index": number, "validated": True}


async def _handle(request: web.BaseRequest) -> web.StreamResponse:
    if request.method == "GET":
        return await _websocket(request)
    body = await request.read()
    if len(body) > MAX_REQUEST_BYTES and request.transport is not None:
        request.transport.abort()  # as rippled does
    asked = orjson.loads(body)
    params = (asked.get("params") or [{}])[0]
    if params.get("api_version", 1) != 1:
        return web.Response(status=400, text="invalid_API_version")
    async with _turns.turn(asked["method"]):
        result = await _result(asked["method"], params)
        return web.Response(body=orjson.dumps({"result": result}), content_type="application/json")


async def _websocket(request: web.BaseRequest) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(max_msg_size=2**26)
    await socket.prepare(request)
    async with asyncio.TaskGroup() as responses:
        async for message in socket:
            responses.create_task(_respond(socket, orjson.loads(message.data)))
    return socket


async def _respond(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
    async with _turns.turn(asked["command"]):
        result = await _result(asked["command"], asked)
        response = orjson.dumps({"id": asked["id"], "result": result, "status": "success", "type": "response"})
    with suppress(ConnectionError):
        await socket.send_bytes(response)


async def main() -> None:
    """Serve until the parent closes standard input."""
    runner = web.ServerRunner(web.Server(_handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main())
