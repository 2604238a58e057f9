"""WebSocket messages: what the recordings of a real rippled say, and what they leave out."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from adapters.errors import error_result
from proxy.access.method_policy import MethodPolicy
from proxy.demo.recorded import read_lines
from proxy.envelope import (
    Call,
    InvalidAnswer,
    RejectedCall,
    RequestPolicy,
    WebSocketRefusal,
    read_websocket,
    read_websocket_answer,
    write_websocket,
)
from proxy.versions.negotiation import VersionRange
from tests.support.policies import POLICY, bounded

RAW = {entry["id"]: entry for entry in read_lines("raw.jsonl.xz") if entry["id"].startswith("ws/")}


def read_call(message: str | bytes, policy: RequestPolicy = POLICY) -> Call:
    call = read_websocket(message, policy)
    assert isinstance(call, Call)
    return call


def answer_to(message: str | bytes, policy: RequestPolicy = POLICY) -> Any:
    """What the proxy answers by itself."""
    refusal = read_websocket(message, policy)
    if isinstance(refusal, RejectedCall):
        return json.loads(write_websocket(refusal.call, refusal.result))
    assert isinstance(refusal, WebSocketRefusal)
    return json.loads(refusal.message)


@pytest.mark.parametrize("name", RAW)
def test_a_recorded_message_is_answered_as_it_was(name: str) -> None:
    recorded = json.loads(RAW[name]["data"])
    message = base64.b64decode(RAW[name]["body_b64"])
    request = read_websocket(message, POLICY)
    if isinstance(request, Call):
        assert json.loads(write_websocket(request, *read_websocket_answer(recorded))) == recorded
    else:
        answer = answer_to(message)
        if recorded["error"] == "invalid_API_version":
            assert answer.pop("error_message").startswith("Unsupported API version")
        if recorded["error"] == "jsonInvalid":
            recorded["value"] = recorded["value"][:1000]  # of which rippled echoes all
        assert answer == recorded


@pytest.mark.parametrize("filler", [b"\0", b"\xff", b"a"])
def test_what_is_not_json_is_echoed_in_part(filler: bytes) -> None:
    refusal = read_websocket(filler * 100_000, POLICY)
    assert isinstance(refusal, WebSocketRefusal)
    assert len(json.loads(refusal.message)["value"]) == 1000
    assert len(refusal.message) < 6_100


def test_too_many_elements_are_named() -> None:
    answer = answer_to(b'{"command":"fee","a":[' + b"1.1," * 100_000 + b"1]}")
    assert answer["error"] == "jsonInvalid"
    assert "more than the 65536 that are allowed" in answer["error_message"]


def test_a_call_is_taken_out_of_its_envelope() -> None:
    sent = {"id": {"a": 1}, "jsonrpc": "2.0", "ripplerpc": 5, "api_version": 2, "command": "tx", "transaction": "AB"}
    for message in (json.dumps(sent), json.dumps(sent).encode()):
        call = read_call(message)
        assert (call.method, call.params, call.version) == ("tx", {"transaction": "AB"}, 2)
        assert call.envelope == {"id": {"a": 1}, "jsonrpc": "2.0", "ripplerpc": 5, "api_version": 2}
        assert call.request == sent


@pytest.mark.parametrize(
    "message", ["", "[]", "null", "{", "5", '{"a":1,"a":2}', "\ud800", b"\xff", '{"id":"\\ud800"}']
)
def test_a_non_object_is_returned_unchanged(message: str | bytes) -> None:
    text = message if isinstance(message, bytes) else message.encode(errors="surrogatepass")
    assert answer_to(message) == {"type": "error", "error": "jsonInvalid", "value": text.decode(errors="replace")}


def test_no_more_than_1_kb_of_what_is_not_json_is_echoed() -> None:
    assert answer_to("{" + "\x01" * 1_000_000, bounded(1, 2, request_bytes=2_000_000))["value"] == "{" + "\x01" * 999


def test_a_message_is_measured_by_the_policy() -> None:
    assert answer_to('{"command":"ping"}', bounded(1, 2, request_bytes=9))["error"] == "jsonInvalid"
    assert answer_to('{"command":"ping","x":[1]}', bounded(1, 2, depth=1))["error"] == "jsonInvalid"


@pytest.mark.parametrize(
    "names",
    [
        "",
        '"command":5',
        '"command":null',
        '"command":"tx","method":"ping"',
        '"command":"tx","method":5',
        '"method":["tx"]',
    ],
)
def test_a_message_without_one_method_misses_its_command(names: str) -> None:
    request = json.loads(f"{{{names}}}")
    assert answer_to(json.dumps({"id": 1, **request})) == {
        "error": "missingCommand",
        "request": {"id": 1, **request},
        "status": "error",
        "type": "response",
        "id": 1,
    }


def test_the_version_is_looked_at_first() -> None:
    answer = answer_to('{"id":1,"api_version":"2","secret":"sHush"}')
    assert answer["error"] == "invalid_API_version"
    assert "versions 1 to 2" in answer["error_message"]
    assert answer["api_version"] == "2"
    assert answer["request"]["secret"] == "<masked>"


def test_a_strangers_administration_is_refused() -> None:
    for message in ('{"id":1,"command":"stop"}', '{"id":1,"command":"ping","admin_password":"p"}'):
        answer = answer_to(message)
        assert (answer["error"], answer["error_code"], answer["error_message"]) == ("forbidden", 3, "Bad credentials.")
        assert (answer["id"], answer["type"], answer["status"]) == (1, "response", "error")
        assert "p" not in answer["request"].values()
    assert (
        read_call('{"command":"stop"}', RequestPolicy(VersionRange(1, 2), MethodPolicy(frozenset({"stop"})))).method
        == "stop"
    )


def test_subscribing_a_url_is_answered_as_to_a_guest() -> None:
    assert answer_to('{"command":"subscribe","url":"http://x"}')["error"] == "noPermission"


@pytest.mark.parametrize("method", ["batch", ""])
def test_a_method_of_http_only_is_unknown_here(method: str) -> None:
    answer = answer_to(json.dumps({"command": method, "params": [{"method": "stop"}]}))
    assert (answer["error"], answer["error_code"]) == ("unknownCmd", 32)


def test_an_answer_is_written_around_its_result() -> None:
    call = read_call('{"id":1e400,"command":"x","seed":"sHush"}')
    assert write_websocket(call, {"a": 1, "status": True}, {"warning": "load"}) == (
        b'{"result":{"a":1,"status":true},"status":"success","warning":"load","type":"response","id":1e400}'
    )
    error = write_websocket(call, error_result("badSeed"), {"warnings": []})
    assert json.loads(error) == {
        **error_result("badSeed"),
        "request": {"id": float("inf"), "command": "x", "seed": "<masked>"},
        "status": "error",
        "warnings": [],
        "type": "response",
        "id": float("inf"),
    }


def test_a_nodes_answer_loses_its_envelope() -> None:
    envelope = {"id": 1, "api_version": 2, "type": "response"}
    extras = {"warnings": [], "forwarded": True}
    success = {"result": {"a": 1}, "status": "success", **envelope, **extras}
    assert read_websocket_answer(success) == ({"a": 1}, extras)
    error = {**error_result("tooBusy"), "validated": False, "request": {}, "status": "error", **envelope, **extras}
    assert read_websocket_answer(error) == ({**error_result("tooBusy"), "validated": False}, extras)


@pytest.mark.parametrize("message", [{}, {"result": 5}, {"type": "ledgerClosed"}])
def test_a_message_without_a_result_is_no_answer(message: dict[str, Any]) -> None:
    with pytest.raises(InvalidAnswer):
        read_websocket_answer(message)


@pytest.mark.parametrize(
    ("sent", "reported"),
    [
        ("2.0", "2"),
        ("1e3", "1000"),
        ("0.30000000000000004", "0.3"),
        ("1.5", "1.5"),
        ("-0.5", "-0.5"),
        ("1e30", "1e+30"),
    ],
)
def test_a_fraction_is_echoed_as_rippled_writes_it(sent: str, reported: str) -> None:
    """Its json_writer.cpp: 16 digits at most, and no point without need."""
    call = read_call(f'{{"command":"x","limit":{sent},"deep":[{{"of":{sent}}}]}}')
    echo = f'"request":{{"command":"x","limit":{reported},"deep":[{{"of":{reported}}}]}}'
    assert echo.encode() in write_websocket(call, error_result("badSeed"))
    refusal = read_websocket(f'{{"command":"fee","api_version":{sent}}}'.encode(), POLICY)
    assert isinstance(refusal, WebSocketRefusal)
    assert f'"request":{{"command":"fee","api_version":{reported}}}'.encode() in refusal.message
    assert refusal.message.endswith(f'"api_version":{reported}}}'.encode())
