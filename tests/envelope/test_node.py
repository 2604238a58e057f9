"""What a node is asked, what it answers, and how that reaches the client."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from adapters.errors import ERRORS, error_result
from proxy.envelope import (
    InvalidAnswer,
    node_message,
    node_request,
    read_jsonrpc_answer,
    splice_jsonrpc,
    write_jsonrpc,
)
from tests.support.policies import read_call


def test_fields_next_to_a_result_are_forwarded() -> None:
    node_body = b'{"result":{"a":1,"status":"success","warning":"load"},"warnings":[{"id":2001}],"forwarded":true}'
    result, extras = read_jsonrpc_answer(200, node_body)
    assert result == {"a": 1}
    assert extras == {"warning": "load", "warnings": [{"id": 2001}], "forwarded": True}
    assert json.loads(write_jsonrpc(read_call('{"method":"x"}'), result, extras)[1]) == json.loads(node_body)
    assert (result, extras["warning"]) == ({"a": 1}, "load"), "what is written is left as it was"


def test_a_large_result_is_spliced_whatever_is_in_it() -> None:
    filling = b'"%b"' % (b"0" * 40_000)
    node_body = b'{"result":{"a":[%b,{"error":1},%b],"status":"success"}}' % (filling, filling)
    assert splice_jsonrpc(read_call('{"method":"x"}'), node_body) == node_body


@pytest.mark.parametrize("echoed", ["", '"id":1', '"id":1e400,"jsonrpc":"2.0","ripplerpc":"3.0"'])
def test_a_spliced_answer_is_the_written_one(echoed: str) -> None:
    call = read_call(f'{{"method":"x","params":[{{{echoed}}}]}}')
    node_body = b'{"result":{"a":1,"status":"success"},"warnings":[]}\n\r\n'
    spliced = splice_jsonrpc(call, node_body)
    assert spliced is not None
    written = write_jsonrpc(call, *read_jsonrpc_answer(200, node_body))[1]
    assert json.loads(spliced, parse_float=str) == json.loads(written, parse_float=str)


@pytest.mark.parametrize(
    "node_body",
    [
        b"",
        b"{}",
        b"[]",
        b"Forbidden",
        b'{"result":{"error":"x","status":"error"}}',
        b'{"error":{"error":"x"}}',
        b'{"result":{"error":"x","request":{"tx_blob":"%b"},"status":"error"}}' % (b"0" * 200_000),
        b'{"result":{"a":"%b","error":"x","request":{},"status":"error"}}' % (b"0" * 200_000),
        b'{"result":{"a":1,"status":"succ',
        b'{"result":5}',
        b'{"x":1}',
    ],
)
def test_what_may_be_no_success_is_not_spliced(node_body: bytes) -> None:
    assert splice_jsonrpc(read_call('{"method":"x","params":[{"id":1}]}'), node_body) is None


@pytest.mark.parametrize(
    "node_body",
    [b"", b"<html>", b"[]", b"5", b"{}", b'{"result":5}', b'{"error":{"code":-32601}}', b'{"error":null}', b"\xff"],
)
def test_nonsense_from_a_node_is_no_answer(node_body: bytes) -> None:
    with pytest.raises(InvalidAnswer, match="HTTP 500"):
        read_jsonrpc_answer(500, node_body)


@pytest.mark.parametrize(
    "answer",
    [
        {"result": {**error_result("slowDown"), "status": "error", "request": {"command": "x"}}},
        {
            "error": {
                "error": "slowDown",
                "error_code": 10,
                "code": 10,
                "status": "error",
                "message": ERRORS["slowDown"].message,
            }
        },
        {**error_result("slowDown"), "status": "error", "type": "response"},
    ],
    ids=["rippled", "ripplerpc 2.0", "clio"],
)
def test_a_nodes_error_is_understood_in_every_form(answer: dict[str, Any]) -> None:
    assert read_jsonrpc_answer(503, orjson.dumps(answer)) == (error_result("slowDown"), {})


def test_a_node_is_requested_again() -> None:
    params = {"account": "r", "x": [1.5, 1e22]}
    assert json.loads(node_request("account_info", params, 2)) == {
        "method": "account_info",
        "params": [{**params, "api_version": 2}],
    }
    assert json.loads(node_message("account_info", params, 1, 7)) == {
        **params,
        "command": "account_info",
        "api_version": 1,
        "id": 7,
    }
