"""Detects whether a node treats the proxy, and so every client, as an administrator, with a harmless `ping`.

A rippled grants administration by the peer's address (`isAdmin` in `src/xrpld/rpc/detail/Role.cpp`), and its `ping`
reports the role. Clio's does not; there only an administrator's `server_info` has `etl` (`ServerInfo.hpp`). A response
without either, or an error, is not an administrator's.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from adapters import JsonObject
from proxy.nodes.forwarded import client_headers
from proxy.nodes.http import NodeFailure

_ID = 1
_LONGEST = 1_000_000
"""Most bytes of a response to read; that to `ping` has about a hundred."""


def admin_problem(port: str) -> str:
    """The problem of a node that treats the proxy as an administrator on its `port` (HTTP or WebSocket)."""
    return (
        f"treats the proxy as an administrator on its {port} port: use a port whose `admin` does not list the proxy's "
        "address and whose `secure_gateway` does (of a Clio: set admin_password), or set guard.allow_admin_nodes"
    )


def takes_for_admin(ping: dict[str, Any]) -> bool:
    """Whether the result of a `ping` is an administrator's."""
    return ping.get("role") == "admin" or ping.get("unlimited") is True


def is_clio_admins(server_info: dict[str, Any]) -> bool:
    """Whether the result of a `server_info` is one that Clio returns to administrators only."""
    info = server_info.get("info")
    return isinstance(info, dict) and "clio_version" in info and "etl" in info


async def takes_for_admin_by_websocket(
    name: str,
    url: str,
    *,
    api_version: int,
    tls: ssl.SSLContext | None,
    headers: Mapping[str, str],
    forwarded: bool,
    seconds: float,
) -> bool:
    """Send `ping` over a separate WebSocket connection. Raises NodeFailure if the node `name` does not respond."""
    request = orjson.dumps({"id": _ID, "command": "ping", "api_version": api_version}).decode()
    try:
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True), trust_env=False) as session,
            session.ws_connect(
                url,
                headers={**headers, **client_headers(None, forwarded=forwarded)},
                max_msg_size=_LONGEST,
                ssl=tls or True,
                timeout=aiohttp.ClientWSTimeout(ws_close=0.5),
            ) as socket,
        ):
            await socket.send_str(request)
            answer = await _response(socket)
    except TimeoutError:
        raise NodeFailure("timeout", name) from None
    except (aiohttp.ClientError, OSError):
        raise NodeFailure("refused", name) from None
    except (TypeError, ValueError):  # the connection ended, or the message is not JSON
        raise NodeFailure("invalid_response", name) from None
    result = answer.get("result")
    return takes_for_admin(result if isinstance(result, dict) else {})


async def _response(socket: "aiohttp.ClientWebSocketResponse[bool]") -> JsonObject:
    """The response to the only request on `socket`, after whatever is pushed before it; an error may have no `id`.

    Raises TypeError or ValueError if the connection ends, or for a message that is not a JSON object.
    """
    while True:
        message = orjson.loads((await socket.receive()).data)
        if not isinstance(message, dict):
            raise TypeError
        if message.get("id") == _ID or "error" in message:
            return message
