"""What a real rippled answered is what goes out, given its result: JSON-RPC, batch and `ripplerpc`."""

from __future__ import annotations

import base64
import json
from typing import Any

import orjson
import pytest

from adapters.errors import ERRORS
from proxy.access.method_policy import MethodPolicy
from proxy.demo.recorded import read_lines
from proxy.envelope import (
    Batch,
    BatchRefusal,
    Call,
    HttpRefusal,
    RejectedCall,
    RequestPolicy,
    jsonrpc_answer,
    read_jsonrpc,
    read_jsonrpc_answer,
    read_websocket_answer,
    write_batch,
    write_jsonrpc,
)
from proxy.versions.negotiation import VersionRange
from tests.support.policies import POLICY

RAW = {
    entry["id"]: entry for entry in read_lines("raw.jsonl.xz") if entry["id"].startswith("http/") and "status" in entry
}


def body_of(entry: dict[str, Any]) -> bytes:
    return base64.b64decode(entry["body_b64"])


def of_text(entry: dict[str, Any]) -> Any:
    return json.loads(entry["text"])


def result_of(answer: dict[str, Any]) -> dict[str, Any]:
    return read_jsonrpc_answer(200, orjson.dumps(answer))[0]


def answer_to(item: Call | RejectedCall | BatchRefusal, recorded: dict[str, Any]) -> dict[str, Any]:
    """The answer to an item of a batch, where the node gives the result of the recorded one."""
    if isinstance(item, BatchRefusal):
        return item.answer
    if isinstance(item, RejectedCall):
        return jsonrpc_answer(item.call, item.result)
    return jsonrpc_answer(item, result_of(recorded))


@pytest.mark.parametrize("name", RAW)
def test_a_recorded_request_is_answered_as_it_was(name: str) -> None:
    entry = RAW[name]
    request = read_jsonrpc(body_of(entry), POLICY)
    if isinstance(request, HttpRefusal):
        assert request.status == entry["status"]
        assert request.text.split()[0] == entry["text"].split()[0]
    elif isinstance(request, Batch):
        answers = [answer_to(item, recorded) for item, recorded in zip(request.items, of_text(entry), strict=True)]
        assert json.loads(write_batch(answers)) == of_text(entry)
    else:
        recorded = request.result if isinstance(request, RejectedCall) else result_of(of_text(entry))
        status, body = write_jsonrpc(request.call if isinstance(request, RejectedCall) else request, recorded)
        assert status == entry["status"]
        assert json.loads(body) == of_text(entry)


def test_every_recorded_result_is_written_back_as_it_was() -> None:
    all_methods = MethodPolicy(frozenset(entry["method"] for entry in read_lines("exchanges.jsonl.xz")))
    seen = 0
    for entry in read_lines("exchanges.jsonl.xz"):
        for version, exchange in entry["http"].items():
            if not isinstance(exchange["body"], dict):
                continue
            given = {**(entry["params"] or {}), **({} if version == "none" else {"api_version": int(version)})}
            body = orjson.dumps({"method": entry["method"], "params": [given]})
            call = read_jsonrpc(body, RequestPolicy(VersionRange(1, 3), all_methods))
            assert isinstance(call, Call)
            result, extras = read_jsonrpc_answer(200, orjson.dumps(exchange["body"]))
            assert not {"status", "request"} & result.keys()
            assert json.loads(write_jsonrpc(call, result, extras)[1]) == exchange["body"]
            seen += 1
    assert seen > 2000


def test_a_result_is_the_same_over_http_and_websocket() -> None:
    seen = 0
    for entry in read_lines("exchanges.jsonl.xz"):
        if entry["method"] in {"ping", "random", "server_info", "server_state"}:
            continue  # these differ from one request to the next
        for version, exchange in entry["http"].items():
            if isinstance(exchange["body"], dict) and version in entry["ws"]:
                by_http = read_jsonrpc_answer(200, orjson.dumps(exchange["body"]))
                assert by_http == read_websocket_answer(entry["ws"][version])
                seen += 1
    assert seen > 2000


def test_every_recorded_error_is_known_with_its_code() -> None:
    for entry in read_lines("exchanges.jsonl.xz"):
        for exchange in entry["http"].values():
            result = exchange["body"]["result"] if isinstance(exchange["body"], dict) else {}
            if result.get("error_code"):
                assert ERRORS[result["error"]].code == result["error_code"]
