"""What a real rippled was asked and answered is as its version's specification says, and not as another's does."""

import base64
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
import pytest

from adapters import VERSIONS
from proxy.demo.recorded import PortKind, read_lines, read_streams
from proxy.spec.schemas import schemas
from tests.support.conformance import NUMBERED_PAIRS, RIPPLED, UNCOMPARED, Pair
from tests.support.native import RecordedNode, serve
from tests.support.validation import fault, message_fault, request_fault, result_fault, stem

# Every recorded and every rewritten response against its schema.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SPECIFIED = (1, 2, 3)
CHANGED = [pair for pair in NUMBERED_PAIRS if pair.client != str(pair.node)]
# Without a version a client is of version 1.
CLIENTS = (("none", 1), ("1", 1), ("2", 2), ("3", 3))

Entry = dict[str, Any]


@cache
def exchanges() -> list[Entry]:
    return [entry for name in ("exchanges", "support") for entry in read_lines(f"{name}.jsonl.xz")]


def params_of(entry: Entry, client: str) -> dict[str, Any]:
    params: dict[str, Any] = entry["params"] or {}
    return params if client == "none" else {**params, "api_version": int(client)}


def assert_none(faults: dict[str, str | None], checked: int, least: int) -> None:
    wrong = [f"{name}: {found}" for name, found in faults.items() if found]
    assert not wrong, f"{len(wrong)} are not as specified:\n" + "\n".join(wrong[:20])
    assert checked >= least


@pytest.mark.parametrize(("client", "version"), CLIENTS)
def test_http_answers(client: str, version: int) -> None:
    faults = {}
    for entry in exchanges():
        body = entry["http"][client]["body"]
        method = entry["method"]
        if isinstance(body, dict):
            known = method in schemas(version).methods and "http" in schemas(version).methods[method].method.transports
            name = f"{stem(version, method)}JsonRpcAnswer" if known else "ErrorResponse"
            faults[entry["id"]] = fault(version, name, body if known else body["result"])
            if "error" in body["result"]:
                faults[entry["id"]] = faults[entry["id"]] or fault(version, "ErrorCodes", body["result"])
    assert_none(faults, len(faults), 1600)


@pytest.mark.parametrize(("client", "version"), CLIENTS)
def test_websocket_answers(client: str, version: int) -> None:
    faults = {}
    for entry in exchanges():
        message = entry["ws"].get(client)
        if message is not None and entry["method"] in schemas(version).methods:
            faults[entry["id"]] = message_fault(version, f"{entry['method']}.answer", message)
    assert_none(faults, len(faults), 600)


@pytest.mark.parametrize(("client", "version"), CLIENTS)
def test_requests_that_were_answered(client: str, version: int) -> None:
    """What was refused need not be a request as it should be; what was carried out is one."""
    faults = {}
    for entry in exchanges():
        method, params = entry["method"], params_of(entry, client)
        body = entry["http"][client]["body"]
        if isinstance(body, str) or "error" in body["result"]:
            continue
        asked = {"method": method, "params": [params]}
        faults[f"{entry['id']} http"] = fault(version, f"{stem(version, method)}JsonRpcRequest", asked)
        faults[f"{entry['id']} websocket"] = message_fault(
            version, f"{method}.request", {"id": 1, "command": method, **params}
        )
    assert_none(faults, len(faults), 2500)


streams = cache(read_streams)


@pytest.mark.parametrize("group", ["streams", "accounts", "books"])
@pytest.mark.parametrize(("client", "version"), CLIENTS)
def test_streams(group: str, client: str, version: int) -> None:
    stream = streams()[f"{group}/{client}"]
    faults = {
        "request": message_fault(version, "subscribe.request", stream["request"]),
        "answer": message_fault(version, "subscribe.answer", stream["response"]),
    }
    for number, message in enumerate(stream["messages"]):
        faults[f"message {number}"] = message_fault(version, f"stream.{message['type']}", message)
    assert_none(faults, len(faults), 5)


def raw() -> Iterator[tuple[str, str, Any, Any]]:
    """Of each request recorded as bytes that was JSON and answered by JSON: id, transport, request and answer."""
    for entry in read_lines("raw.jsonl.xz"):
        try:
            asked = orjson.loads(base64.b64decode(entry["body_b64"]))
            answered = orjson.loads(entry.get("text") or entry.get("data") or "")
        except orjson.JSONDecodeError:
            continue
        yield entry["id"], entry["id"].split("/")[0], asked, answered


def test_raw_answers() -> None:
    """Every combination of `ripplerpc`, batches, and what is refused."""
    faults = {}
    for name, transport, asked, answered in raw():
        if transport == "ws" and answered.get("error") in ("invalid_API_version", "missingCommand", "jsonInvalid"):
            faults[name] = message_fault(1, "refusal", answered)
        elif transport == "ws":
            method = asked.get("command", asked.get("method"))
            faults[name] = message_fault(asked.get("api_version", 1), f"{method}.answer", answered)
        elif asked["method"] == "batch":
            carried_out = [item for item, answer in zip(asked["params"], answered, strict=True) if "result" in answer]
            faults[name] = fault(1, "BatchAnswer", answered)
            faults[f"{name} request"] = fault(1, "BatchRequest", {"method": "batch", "params": carried_out})
        else:
            version = (asked.get("params") or [{}])[0].get("api_version", 1)
            faults[name] = fault(version, f"{stem(version, asked['method'])}JsonRpcAnswer", answered)
    assert_none(faults, len(faults), 50)


@pytest.mark.parametrize("port_kind", ["public", "admin"])
@pytest.mark.parametrize("pair", CHANGED, ids="{0.release}-{0.client}-{0.node}".format)
def test_rewritten_answers(pair: Pair, port_kind: PortKind) -> None:
    """What adapters make of a node's responses is as the client's version is specified."""
    release, client, node = pair.release, int(pair.client), pair.node
    behind = RecordedNode(node, port_kind, release)
    faults = {}
    for entry in read_lines("exchanges.jsonl.xz", release):
        if entry["port"] == port_kind and entry["method"] not in UNCOMPARED:
            result = serve(client, node, entry["method"], entry["params"] or {}, behind.ask)
            if result.get("error") != "text":
                faults[entry["id"]] = result_fault(client, entry["method"], result)
    assert_none(faults, len(faults), 0 if release != RIPPLED else 600 if port_kind == "public" else 5)


@pytest.mark.parametrize("pair", CHANGED, ids="{0.release}-{0.client}-{0.node}".format)
def test_rewritten_streams(pair: Pair) -> None:
    client = int(pair.client)
    pipeline = VERSIONS.stream_pipeline(client, pair.node)
    faults = {}
    recorded = read_streams(pair.release)
    for group in ("streams", "accounts", "books"):
        for number, message in enumerate(recorded.get(f"{group}/{pair.node}", {}).get("messages", ())):
            rewritten = pipeline.rewrite(orjson.loads(orjson.dumps(message)))
            name = f"stream.{message['type']}"
            faults[f"{group} {number}"] = message_fault(client, name, rewritten)
    assert_none(faults, len(faults), 300 if pair.release == RIPPLED else 0)


# Of these, what version 1 and version 2 answered differs in a way that no client could take the one for the other.
SHAPES_DIFFER = {
    "account_info",
    "account_tx",
    "ledger",
    "ledger_data",
    "sign",
    "sign_for",
    "submit",
    "submit_multisigned",
    "transaction_entry",
    "tx",
    "version",
}


@pytest.mark.parametrize(("version", "other"), [(1, 2), (2, 1)])
def test_another_versions_answer_is_refused(version: int, other: int) -> None:
    refused: Counter[str] = Counter()
    taken = {}
    for entry in read_lines("exchanges.jsonl.xz"):
        method = entry["method"]
        own, others = (entry["http"][str(each)]["body"] for each in (version, other))
        if method not in SHAPES_DIFFER or "error" in own["result"] or "error" in others["result"]:
            continue
        if own == others:
            continue
        if result_fault(other, method, own["result"]):
            refused[method] += 1
        else:
            taken[entry["id"]] = own
    assert not taken, list(taken)
    assert refused.keys() == SHAPES_DIFFER
    assert refused.total() > 350


@pytest.mark.parametrize(("version", "other"), [(1, 2), (2, 1)])
def test_another_versions_stream_is_refused(version: int, other: int) -> None:
    changed = [each for each in streams()[f"streams/{version}"]["messages"] if each["type"] == "transaction"]
    assert len(changed) > 50
    assert all(message_fault(other, "stream.transaction", message) for message in changed)
    validation = {
        "type": "validationReceived",
        "ledger_hash": "0" * 64,
        "flags": 1,
        "signature": "00",
        "signing_time": 1,
        "validation_public_key": "n9",
        "ledger_index": "5" if version == 1 else 5,
    }
    assert message_fault(version, "stream.validationReceived", validation) is None
    assert message_fault(other, "stream.validationReceived", validation)


ALICE = {"account": "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"}


@pytest.mark.parametrize(
    ("method", "params", "taken_by"),
    [
        ("account_info", {**ALICE, "signer_lists": "true"}, {1}),
        ("account_info", {**ALICE, "signer_lists": True}, {1, 2, 3}),
        ("account_info", {**ALICE, "queue": "true"}, {1, 2, 3}),
        ("account_tx", {**ALICE, "binary": 1}, {1}),
        ("account_tx", {**ALICE, "forward": None}, {1}),
        ("account_tx", {**ALICE, "ledger_index_min": 2, "ledger_index": 5}, {1}),
        ("account_tx", {**ALICE, "ledger_index_min": 2, "ledger_index_max": 5}, {1, 2, 3}),
        ("noripple_check", {**ALICE, "role": "user", "transactions": "x"}, {1}),
        ("ledger_entry", {"index": "amendments"}, {3}),
        ("ledger_entry", {"index": "0" * 64}, {1, 2, 3}),
        ("account_info", {"account": "rNope"}, set()),
        ("account_info", {}, set()),
        ("account_tx", {**ALICE, "limit": "ten"}, set()),
        ("ledger", {"ledger_index": "bogus"}, set()),
        ("channel_authorize", {"channel_id": "0" * 64, "amount": "1", "seed": "s", "key_type": "bogus"}, set()),
    ],
)
def test_requests_by_version(method: str, params: dict[str, Any], taken_by: set[int]) -> None:
    assert {version for version in SPECIFIED if request_fault(version, method, params) is None} == taken_by


@pytest.mark.parametrize(
    ("method", "token", "code", "answered_by"),
    [
        ("account_tx", "lgrIdxsInvalid", 57, {1}),
        ("account_tx", "invalidLgrRange", 79, {2, 3}),
        ("gateway_balances", "invalidHotWallet", 30, {1}),
        ("gateway_balances", "actNotFound", 19, {2, 3}),
        ("channel_authorize", "badKeyType", 76, {2, 3}),
        ("ledger_entry", "unknownOption", None, {1}),
        ("fee", "noNetwork", 17, {1}),
        ("fee", "notSynced", 18, {2, 3}),
        ("fee", "actNotFound", 19, set()),
        ("account_info", "actNotFound", 20, set()),
        ("account_info", "noSuchToken", 1, set()),
        ("ledger_header", "unknownCmd", 32, {1, 2, 3}),
    ],
)
def test_errors_by_version(method: str, token: str, code: int | None, answered_by: set[int]) -> None:
    result = {"error": token, "error_message": "…", **({} if code is None else {"error_code": code})}
    assert {version for version in SPECIFIED if result_fault(version, method, result) is None} == answered_by
