"""Every client is answered as a Clio would answer it natively, whichever version the Clio is spoken to in."""

from typing import Any, Literal

import aiohttp
import orjson
import pytest

from adapters.json_values import json_differences
from proxy.demo.clio import DemoClio, clio_cases
from tests.support.start import StartProxy

Client = Literal[1, 2, None]

REASONED = {"tx payment, release 2.3 (ctid beside tx_json only)"}
"""Cases of another release than the one that the Clio reports; docs/conformance.md says why they differ."""
ENVELOPE = frozenset({"request", "status", "type"})
"""What the proxy writes as rippled does: the request that an error echoes, and what stands next to one."""


async def over_http(session: aiohttp.ClientSession, url: str, method: str, params: dict[str, Any]) -> Any:
    async with session.post(url, data=orjson.dumps({"method": method, "params": [params]})) as response:
        answer = orjson.loads(await response.read())
    if "error" not in answer["result"]:
        return answer
    return {**answer, "result": {name: value for name, value in answer["result"].items() if name != "request"}}


async def over_websocket(session: aiohttp.ClientSession, url: str, method: str, params: dict[str, Any]) -> Any:
    async with session.ws_connect(url) as socket:
        await socket.send_str(orjson.dumps({**params, "id": 7, "command": method}).decode())
        return orjson.loads(await socket.receive_str(timeout=10))


def without_envelope(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ENVELOPE}


@pytest.mark.parametrize("client", [1, 2, None], ids="client-{}".format)
@pytest.mark.parametrize("node_version", [1, 2], ids="node-{}".format)
async def test_as_native(proxy: StartProxy, client: Client, node_version: int) -> None:
    differing = {}
    asked = {} if client is None else {"api_version": client}
    async with DemoClio(node_version) as clio, aiohttp.ClientSession() as session:
        served = await proxy(clio)
        for case in clio_cases():
            if case["name"] in REASONED:
                continue
            for ask, native_url, url in (
                (over_http, clio.http_url, served.http_url),
                (over_websocket, clio.websocket_url, served.http_url.replace("http", "ws")),
            ):
                params = {**case["params"], **asked}
                native = without_envelope(await ask(session, native_url, case["method"], params))
                got = without_envelope(await ask(session, url, case["method"], params))
                if found := list(json_differences(native, got)):
                    differing[f"{case['name']} {ask.__name__}"] = found[:4]
    assert not differing, "\n".join(f"{name}: {found}" for name, found in differing.items())
