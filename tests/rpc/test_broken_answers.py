"""A node's broken responses over HTTP: a clear error for the one client, no traceback, no HTTP 500."""

import json

import aiohttp
import orjson
import pytest
from aiohttp import web

from tests.support.client import ask, ready
from tests.support.scripted_node import ScriptedNode
from tests.support.start import StartProxy

BROKEN = {
    "error is an object": b'{"result":{"error":{"code":7},"status":"error"}}',
    "error is a list": b'{"result":{"error":["tooBusy"],"status":"error"}}',
    "error is a number": b'{"result":{"error":17,"error_code":"x","status":"error"}}',
    "error is null": b'{"result":{"error":null,"status":"success"}}',
    "error at the top is a list": b'{"error":["tooBusy"]}',
    "error of ripplerpc 2 without a token": b'{"error":{"error":[1],"code":3}}',
    "error_code is an object": b'{"result":{"error":"tooBusy","error_code":{},"error_message":[],"status":"error"}}',
    "an integer of 5,000 digits": b'{"result":{"ledger_index":' + b"9" * 5000 + b',"status":"success"}}',
    "an integer of 5,000 digits in an error": b'{"result":{"error":"tooBusy","error_code":' + b"9" * 5000 + b"}}",
    "result is a list": b'{"result":[1,2]}',
    "result is text": b'{"result":"ok"}',
    "result is null": b'{"result":null}',
    "no object": b"[1]",
    "truncated": b'{"result":{"ledger_index":13',
    "truncated with an error": b'{"result":{"error":"actNotFound","sta',
    "not UTF-8": b'{"result":{"error":"\xff\xfe"}}',
    "status is an object": b'{"result":{"status":{},"validated":true,"ledger_index":[1]}}',
    "warnings are text": b'{"result":{"status":"success","warnings":7},"warnings":"x","warning":[1]}',
    "nested deeply": b'{"result":{"a":' + b"[" * 2000 + b"]" * 2000 + b"}}",
    "everything is the wrong type": orjson.dumps(
        {
            "result": {
                "account_data": 7,
                "transactions": {"a": 1},
                "meta": [],
                "tx": "x",
                "ledger": [1],
                "validated": "y",
            }
        }
    ),
}


METHODS = ("account_info", "account_tx", "tx", "ledger", "server_info", "submit")


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_a_broken_response_is_an_error_for_its_client_only(
    proxy: StartProxy, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    """Only a response that can be read is passed on; any other is `internal`, with HTTP 502."""
    params = {"account": "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY", "transaction": "00" * 32, "ledger_index": 130}
    async with ScriptedNode() as node, aiohttp.ClientSession() as client:
        served = await proxy(nodes=[node.settings()], versions={"max": 3}, health={"breaker_failures": 1000})
        await ask(served)
        broken = web.Response(body=body, content_type="application/json")
        for method in METHODS:
            if method != "server_info":
                node.answers[method] = broken
            for version in (1, 2, 3):
                for envelope in ({}, {"ripplerpc": "3.0", "id": 1}, {"ripplerpc": "2.0", "id": 1}):
                    request = {"method": method, "params": [{**params, "api_version": version}], **envelope}
                    async with client.post(served.http_url, json=request) as response:
                        said = await response.read()
                        assert response.status != 500 or envelope.get("ripplerpc") == "3.0", (method, version, said)
                        assert response.status in (200, 500, 502, 503), (method, version, said)
                        assert len(said) > 0
                        answer = json.loads(said) if b"9999" not in said and b"[[[" not in said else {}
                        assert isinstance(answer, dict)
        assert (await ready(served))["node-1"]["up"]
        assert "error" not in await ask(served)
    output = capsys.readouterr().out
    assert "Traceback" not in output
    assert '"level":"error"' not in output
    assert "[error" not in output
