"""JSON-RPC and batches taken out of their envelopes, refused in the words of rippled, and answered."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from adapters.errors import error_result, http_status
from proxy.access.method_policy import MethodPolicy
from proxy.envelope import (
    Batch,
    BatchRefusal,
    Call,
    HttpRefusal,
    RejectedCall,
    RequestPolicy,
    read_jsonrpc,
    write_batch,
    write_jsonrpc,
)
from proxy.versions.negotiation import VersionRange
from tests.support.policies import POLICY, bounded, read_call


def refused(body: str, policy: RequestPolicy = POLICY) -> str:
    refusal = read_jsonrpc(body.encode(), policy)
    assert isinstance(refusal, HttpRefusal)
    return f"{refusal.status} {refusal.text}"


def batch_of(*items: Any, policy: RequestPolicy = POLICY) -> list[Call | RejectedCall | BatchRefusal]:
    batch = read_jsonrpc(json.dumps({"method": "batch", "params": items}).encode(), policy)
    assert isinstance(batch, Batch)
    return batch.items


def echoed(call: Call) -> Any:
    """The request that an error answers with."""
    return json.loads(write_jsonrpc(call, error_result("internal"))[1])["result"]["request"]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("", "400 Unable to parse request: * Line 1, Column 1\n  Syntax error: value, object or array expected.\n"),
        ("{}", "400 Unable to parse request: "),
        ("null", "400 Unable to parse request: "),
        ('[{"method":"ping"}]', "400 Unable to parse request: "),
        ('{"method":"batch"}', "400 Malformed batch request"),
        ('{"method":"batch","params":{}}', "400 Malformed batch request"),
        ('{"params":[{}]}', "400 Null method"),
        ('{"method":null}', "400 Null method"),
        ('{"method":["ping"]}', "400 method is not string"),
        ('{"method":""}', "400 method is empty"),
        ('{"method":"ping","params":0}', "400 params unparseable"),
        ('{"method":"ping","params":false}', "400 params unparseable"),
        ('{"method":"ping","params":{"a":1}}', "400 params unparseable"),
        ('{"method":"ping","params":[1]}', "400 params unparseable"),
        ('{"method":"ping","params":[[]]}', "400 params unparseable"),
        ('{"method":"ping","params":[{"ripplerpc":2.0}]}', "400 ripplerpc is not a string"),
        ('{"method":"stop"}', "403 Forbidden"),
        ('{"method":"stop\\u0000x"}', "403 Forbidden"),
        ('{"method":"ping","params":[{"admin_password":"x"}]}', "403 Forbidden"),
        # Two faults: the one that rippled meets first.
        ('{"method":"stop","params":[{"api_version":"1"}]}', "400 invalid_API_version"),
        ('{"method":"stop","params":[{},{}]}', "403 Forbidden"),
        ('{"method":5,"params":[{"admin_user":"x"}]}', "403 Forbidden"),
        ('{"method":"","params":5}', "400 method is empty"),
        ('{"method":"ping","params":[{"ripplerpc":2},{}]}', "400 params unparseable"),
    ],
)
def test_a_malformed_request_gets_the_line_that_rippled_gives(body: str, line: str) -> None:
    if line.startswith("400 invalid_API_version"):
        assert refused(body).startswith(line)
    else:
        assert refused(body) == line


@pytest.mark.parametrize(
    "params",
    ["", ',"params":null', ',"params":""', ',"params":[]', ',"params":{}', ',"params":[null]', ',"params":[{}]'],
)
def test_no_parameters_may_be_said_in_many_ways(params: str) -> None:
    call = read_call(f'{{"method":"ping"{params}}}')
    assert (call.params, call.version, call.envelope) == ({}, 1, {})
    assert echoed(call) == {"command": "ping"}


def test_a_call_is_taken_out_of_its_envelope() -> None:
    call = read_call(
        '{"method":"tx","id":9,"api_version":7,"params":[{"id":[1],"jsonrpc":"2.0","ripplerpc":"1.0","api_version":2,'
        '"command":"stop","method":"tx","transaction":"AB"}]}'
    )
    assert (call.method, call.params, call.version) == ("tx", {"transaction": "AB"}, 2)
    assert call.envelope == {"id": [1], "jsonrpc": "2.0", "ripplerpc": "1.0"}
    assert echoed(call) == {**call.envelope, "api_version": 2, "command": "tx", "method": "tx", "transaction": "AB"}


def test_a_request_is_measured_by_the_policy() -> None:
    assert refused('{"method":"ping"}', bounded(1, 2, request_bytes=5)).endswith("larger than 5 bytes")
    assert "depth" in refused('{"method":"ping","params":[{"a":1}]}', bounded(1, 2, depth=2))
    assert refused('{"method":"ping","params":[{"api_version":1}]}', bounded(2, 3)).startswith("400 invalid_API")
    assert read_call('{"method":"ping","params":[{"api_version":3}]}', bounded(2, 3)).version == 3
    assert (
        read_call('{"method":"stop"}', RequestPolicy(VersionRange(1, 2), MethodPolicy(frozenset({"stop"})))).method
        == "stop"
    )


def test_a_refused_version_says_why() -> None:
    refusal = read_jsonrpc(b'{"method":"ping","params":[{"api_version":4}]}', POLICY)
    assert isinstance(refusal, HttpRefusal)
    assert refusal.version_refused is not None
    assert (refusal.reason, refusal.method, refusal.version_refused.reason) == ("version", "ping", "above_maximum")
    assert "versions 1 to 2" in refusal.text


def test_subscribing_a_url_is_answered_as_to_a_guest() -> None:
    refusal = read_jsonrpc(b'{"method":"subscribe","params":[{"url":"http://x","id":1,"secret":"s"}]}', POLICY)
    assert isinstance(refusal, RejectedCall)
    answer = json.loads(write_jsonrpc(refusal.call, refusal.result)[1])
    assert answer["id"] == 1
    assert answer["result"]["error"] == "noPermission"
    assert answer["result"]["request"] == {"command": "subscribe", "url": "http://x", "id": 1, "secret": "<masked>"}


def test_batch_items_have_their_version_at_either_place() -> None:
    def version(item: dict[str, Any]) -> Any:
        (call,) = batch_of({"method": "ping", **item})
        return call.version if isinstance(call, Call) else getattr(call, "reason", None)

    assert version({}) == 1
    assert version({"api_version": 2}) == 2
    assert version({"params": [{"api_version": 2}]}) == 2
    assert version({"params": [{"api_version": 2}], "api_version": 1}) == 2
    assert version({"params": [{"api_version": 1}], "api_version": 2}) == 2
    assert version({"params": [{}], "api_version": 2}) == 2
    assert version({"params": [{"api_version": "2"}], "api_version": 2}) == "version"
    assert version({"params": [{"api_version": 1}], "api_version": 9}) == "version"


def test_a_batch_item_is_flat() -> None:
    (call,) = batch_of({"method": "tx", "transaction": "AB", "params": [{"binary": True}], "id": 5})
    assert isinstance(call, Call)
    assert call.params == {"transaction": "AB"}
    assert echoed(call) == {"command": "tx", "method": "tx", "transaction": "AB", "params": [{"binary": True}], "id": 5}


def test_the_guard_judges_every_item_of_a_batch() -> None:
    items = batch_of(
        {"method": "stop"},
        {"method": "ping", "admin_password": "p"},
        {"method": "ping", "params": [{"admin_password": "p"}]},
        {"method": "subscribe", "url": "http://x"},
        {"method": "batch", "params": [{"method": "stop"}]},
        {"method": "ping"},
    )
    assert [getattr(item, "reason", "") for item in items] == [
        *["forbidden"] * 3,
        "no_permission",
        "unknown_method",
        "",
    ]
    assert b'"p"' not in write_batch([item.answer for item in items if isinstance(item, BatchRefusal)])


def test_a_batch_has_a_bound() -> None:
    policy = bounded(1, 2, batch_items=2)
    assert len(batch_of({"method": "ping"}, {"method": "ping"}, policy=policy)) == 2
    assert refused('{"method":"batch","params":[1,2,3]}', policy).startswith("400 Malformed batch request: 3 items")
    assert "2 are allowed" in refused('{"method":"batch","params":[1,2,3]}', policy)


def test_no_secret_is_echoed() -> None:
    secrets = {"secret": "sHush", "seed": "sHush", "seed_hex": "sHush", "passphrase": "sHush"}
    policy = RequestPolicy(VersionRange(1, 2), MethodPolicy(allow_admin_credentials=True))
    call = read_call(orjson.dumps({"method": "sign", "params": [secrets]}), policy)
    body = write_jsonrpc(call, error_result("badSeed"))[1]
    assert json.loads(body)["result"]["request"] == {**dict.fromkeys(secrets, "<masked>"), "command": "sign"}
    assert "sHush" not in repr(call)
    for item in batch_of(
        {"method": 5, **secrets}, {"method": "sign", "api_version": 9, **secrets}, {"method": "", "params": [secrets]}
    ):
        assert isinstance(item, BatchRefusal)
        assert b"sHush" not in write_batch([item.answer])


def test_an_error_without_a_code_has_none_in_any_form() -> None:
    result = {"error": "malformedRequest"}
    plain = read_call('{"method":"ledger_entry"}')
    assert json.loads(write_jsonrpc(plain, result)[1]) == {
        "result": {"error": "malformedRequest", "status": "error", "request": {"command": "ledger_entry"}}
    }
    status, body = write_jsonrpc(read_call('{"method":"ledger_entry","params":[{"ripplerpc":"3.0"}]}'), result)
    assert status == 200
    assert json.loads(body) == {
        "error": {"error": "malformedRequest", "error_code": None, "code": None, "message": None, "status": "error"},
        "ripplerpc": "3.0",
    }


def test_http_statuses_are_those_of_the_error_codes_from_ripplerpc_3_on() -> None:
    for version, expected in (("1.0", 200), ("2.0", 200), ("2.9", 200), ("3.0", 405), ("9", 405), ("10", 200)):
        call = read_call(f'{{"method":"x","params":[{{"ripplerpc":"{version}"}}]}}')
        assert write_jsonrpc(call, error_result("unknownCmd"))[0] == expected
        assert write_jsonrpc(call, {})[0] == 200
    assert http_status(error_result("slowDown")["error_code"]) == 429
    assert http_status(12345) == http_status(None) == http_status([]) == 200
