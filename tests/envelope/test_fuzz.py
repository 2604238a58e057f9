"""Whatever bytes come in, they are read or refused; and what goes out is JSON with the client's own `id`."""

from __future__ import annotations

import base64
import json
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.errors import error_result
from proxy.demo.recorded import read_lines
from proxy.envelope import (
    Batch,
    BatchRefusal,
    Call,
    HttpRefusal,
    RejectedCall,
    WebSocketRefusal,
    jsonrpc_answer,
    node_message,
    node_request,
    read_jsonrpc,
    read_websocket,
    write_batch,
    write_jsonrpc,
    write_websocket,
)
from tests.support.policies import POLICY

RECORDED = [base64.b64decode(entry["body_b64"]) for entry in read_lines("raw.jsonl.xz")]
RECORDED = [body for body in RECORDED if len(body) < 2000]

TEXT_OF_NUMBERS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?\Z")
NAMES = st.sampled_from(
    [
        "method",
        "params",
        "command",
        "id",
        "jsonrpc",
        "ripplerpc",
        "api_version",
        "admin_user",
        "admin_password",
        "url",
        "secret",
        "account",
        "result",
    ]
)
WORDS = st.sampled_from(["batch", "ping", "stop", "subscribe", "2.0", "3.0", "", "a\0b", "\\ud800"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=12
)
ANY_OBJECTS = st.dictionaries(NAMES, VALUES, max_size=6)
METHODS = st.sampled_from(["ping", "tx", "batch", "stop", "subscribe", "", "a\0b"])
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "id": VALUES,
        "jsonrpc": VALUES,
        "ripplerpc": st.sampled_from(["1.0", "2.0", "3.0", "é", None, 2]),
        "api_version": st.sampled_from([1, 1, 1, 2, 2, 2, 0, 3, "2", 2.0, None]),
        "method": METHODS,
        "command": METHODS,
        "account": VALUES,
        "x": ANY_OBJECTS,
    },
)
REQUESTS = (
    st.fixed_dictionaries({"method": METHODS}, optional={"params": st.lists(OBJECTS, max_size=2)})
    | OBJECTS
    | ANY_OBJECTS
)
NEAR_JSON = st.lists(
    st.sampled_from(
        [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            '"',
            "\\",
            "\\u",
            "d800",
            "0",
            "-",
            "1e9",
            ".",
            "null",
            "NaN",
            " ",
            "\n",
            "\0",
            "é",
        ]
    )
    | NAMES.map(lambda name: f'"{name}"'),
    max_size=25,
).map(lambda tokens: "".join(tokens).encode())


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A recorded request, in which a few bytes are lost, changed or repeated."""
    body = draw(st.sampled_from(RECORDED))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 4)))
        between = draw(st.binary(max_size=3) | st.sampled_from([b'"', b"{", b"[", b"1e999", body[start:end] * 2]))
        body = body[:start] + between + body[end:]
    return body


BODIES = st.binary(max_size=60) | NEAR_JSON | mutated() | REQUESTS.map(lambda request: json.dumps(request).encode())


def strict(text: bytes) -> Any:
    """`text` read as JSON by another reader, which knows no NaN."""
    return orjson.loads(text)


def check_call(call: Call) -> None:
    """Whatever has become a call can be asked of a node, which reads nothing but parameters in it."""
    assert POLICY.versions.min <= call.version <= POLICY.versions.max
    asked = strict(node_request(call.method, call.params, 2))
    assert asked["params"][0].pop("api_version") == 2
    assert asked["method"] == call.method != "stop"
    assert (
        not {"id", "jsonrpc", "ripplerpc", "command", "method", "admin_user", "admin_password"}
        & asked["params"][0].keys()
    )
    assert strict(node_message(call.method, call.params, 1, 7))["command"] == call.method


RESULTS = ({"a": 1}, error_result("internal"), {"error": "bare"})


@settings(max_examples=400, deadline=None)
@given(BODIES)
def test_no_bytes_of_a_post_raise_anything(body: bytes) -> None:
    request = read_jsonrpc(body, POLICY)
    if isinstance(request, HttpRefusal):
        assert request.status in (400, 403)
        assert request.text.isprintable() or request.text.startswith("Unable to parse request: ")
        request.text.encode("latin-1", errors="strict")
        return
    items = request.items if isinstance(request, Batch) else [request]
    answers = []
    for item in items:
        if isinstance(item, BatchRefusal):
            answers.append(item.answer)
            continue
        call = item.call if isinstance(item, RejectedCall) else item
        answers.append(jsonrpc_answer(call, item.result if isinstance(item, RejectedCall) else {}))
        if isinstance(item, Call):
            check_call(item)
            for result in RESULTS:
                status, text = write_jsonrpc(item, result)
                assert 200 <= status < 600
                json.loads(text)
    json.loads(write_batch(answers))


@settings(max_examples=400, deadline=None)
@given(BODIES | st.text(max_size=30))
def test_no_message_raises_anything(message: bytes | str) -> None:
    request = read_websocket(message, POLICY)
    if isinstance(request, WebSocketRefusal):
        assert json.loads(request.message)["error"] in ("jsonInvalid", "missingCommand", "invalid_API_version")
    elif isinstance(request, RejectedCall):
        assert json.loads(write_websocket(request.call, request.result))["status"] == "error"
    else:
        check_call(request)
        for result in RESULTS:
            assert json.loads(write_websocket(request, result))["type"] == "response"


IDS = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8).map(json.dumps) | TEXT_OF_NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3).map(json.dumps), inner, max_size=3),
    max_leaves=8,
)


def written(id_: Any) -> str:
    """The JSON of an id, whose strings and numbers are given as the JSON text that they are to be."""
    if isinstance(id_, list):
        return f"[{','.join(map(written, id_))}]"
    if isinstance(id_, dict):
        return f"{{{','.join(f'{name}:{written(value)}' for name, value in id_.items())}}}"
    return id_ if isinstance(id_, str) else json.dumps(id_)


def exactly(text: str | bytes) -> Any:
    """The JSON value of `text`, its numbers as they are written."""
    return json.loads(text, parse_int=lambda number: f"number {number}", parse_float=lambda number: f"number {number}")


@settings(deadline=None)
@given(IDS)
def test_any_id_comes_back_exactly(id_: Any) -> None:
    text = written(id_)
    sent = exactly(text)
    call = read_jsonrpc(f'{{"method":"x","params":[{{"id":{text},"ripplerpc":"2.0"}}]}}'.encode(), POLICY)
    batch = read_jsonrpc(f'{{"method":"batch","params":[{{"method":"x","id":{text}}}]}}'.encode(), POLICY)
    message = read_websocket(f'{{"command":"x","id":{text}}}', POLICY)
    assert isinstance(call, Call)
    assert isinstance(batch, Batch)
    assert isinstance(message, Call)
    (item,) = batch.items
    assert isinstance(item, Call)
    for result in ({"a": 1}, error_result("internal")):
        assert exactly(write_jsonrpc(call, result)[1])["id"] == sent
        assert exactly(write_batch([jsonrpc_answer(item, result)]))[0]["id"] == sent
        answer = exactly(write_websocket(message, result))
        assert answer["id"] == sent
        assert answer.get("request", {"id": sent})["id"] == sent
