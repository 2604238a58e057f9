"""What a running proxy sends is as the specification of the client's version says, envelopes and refusals included."""

from typing import Any

import aiohttp
import orjson
import pytest

from adapters import VERSIONS
from tests.support.start import StartNode, StartProxy
from tests.support.validation import fault, message_fault, stem

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
PAYMENT = "0768C0C8BB76AC3503B14FDC2BF361E2D17304F5AE0359516D68E3A4C51BED43"
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("account_info", {"account": ALICE, "signer_lists": True}),
    ("account_info", {"account": "rPT1Sjq2YGrBMTttX4GZHjKu9dyfzbpAYe"}),
    ("tx", {"transaction": PAYMENT}),
    ("version", {}),
]


@pytest.mark.parametrize("node_version", [1, 2])
@pytest.mark.parametrize("version", VERSIONS.known)
async def test_answers(version: int, node_version: int, demo_node: StartNode, proxy: StartProxy) -> None:
    behind = await proxy(await demo_node(node_version), versions={"max": VERSIONS.newest})
    faults = []
    async with aiohttp.ClientSession() as session, session.ws_connect(behind.http_url) as socket:
        for method, params in ASKED:
            for ripplerpc in ({}, {"ripplerpc": "2.0", "id": [1]}, {"ripplerpc": "3.0"}):
                asked = {**params, **ripplerpc, "api_version": version}
                body = {"method": method, "params": [asked]}
                async with session.post(behind.http_url, data=orjson.dumps(body)) as response:
                    answer = orjson.loads(await response.read())
                faults.append(fault(version, f"{stem(version, method)}JsonRpcAnswer", answer))
                await socket.send_json({"id": 7, "command": method, **asked})
                faults.append(message_fault(version, f"{method}.answer", await socket.receive_json()))
    assert [found for found in faults if found] == []


async def test_refusals(demo_node: StartNode, proxy: StartProxy) -> None:
    behind = await proxy(await demo_node(2))
    async with aiohttp.ClientSession() as session, session.ws_connect(behind.http_url) as socket:
        for refused in ('{"id": 1, "command": "ping", "api_version": 9}', '{"id": 1}', "{"):
            await socket.send_str(refused)
            assert message_fault(2, "refusal", await socket.receive_json()) is None
        batch = {"method": "batch", "params": [{"method": "version"}, {"method": "stop"}, {"method": 5}]}
        async with session.post(behind.http_url, data=orjson.dumps(batch)) as response:
            assert fault(2, "BatchAnswer", await response.json()) is None
