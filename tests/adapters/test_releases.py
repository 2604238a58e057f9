"""Recordings of other releases than 2.6.1: rippled 1.12, which has version 1 only, and xrpld 3.3."""

import copy
from functools import cache
from itertools import product

import orjson
import pytest

from adapters import VERSIONS, JsonObject, NodeInfo, NodeRequest
from adapters.ledger_time import iso_time
from proxy.commands.demo import ALICE
from proxy.demo.recorded import API_VERSIONS, Release, read_lines
from proxy.demo.streams import stream_recordings
from tests.support.conformance import UNCOMPARED, differences
from tests.support.native import Miss, RecordedNode, serve
from tests.support.native_clio import clio_streams
from tests.support.recorded import is_fault
from tests.support.transactions import timeless, transactions
from tests.support.validation import message_fault, result_fault

NODES: dict[Release, NodeInfo] = {
    "rippled-1.12": NodeInfo("rippled", (1, 12, 0)),
    "xrpld-3.3": NodeInfo("xrpld", (3, 3, 0)),
}


@cache
def requests(release: Release) -> list[NodeRequest]:
    """Each recorded request to a public port, once."""
    return [
        NodeRequest(entry["method"], entry["params"] or {})
        for entry in read_lines("exchanges.jsonl.xz", release)
        if entry["port"] == "public" and entry["method"] not in UNCOMPARED
    ]


@pytest.mark.parametrize(("client", "node"), list(product(API_VERSIONS["xrpld-3.3"], repeat=2)))
def test_xrpld_as_native(client: int, node: int) -> None:
    native, behind = RecordedNode(client, release="xrpld-3.3"), RecordedNode(node, release="xrpld-3.3")
    differing = {}
    for request in requests("xrpld-3.3"):
        expected = native.ask(request)
        if is_fault(request, expected):
            continue
        got = serve(client, node, request.method, request.params, behind.ask, server=NODES["xrpld-3.3"])
        if found := differences(expected, got):
            differing[f"{request.method} {request.params}"] = found[:4]
    assert not differing, "\n".join(f"{name}: {found}" for name, found in differing.items())


def served_by_1_12(client: int) -> list[tuple[NodeRequest, JsonObject]]:
    """What a client gets from a 1.12 for each request; a payment that is sent in another form was not recorded."""
    node = RecordedNode(1, release="rippled-1.12")
    served = []
    for request in requests("rippled-1.12"):
        try:
            result = serve(client, 1, request.method, request.params, node.ask, server=NODES["rippled-1.12"])
        except Miss:
            assert request.method in ("sign", "sign_for", "submit")
            continue
        served.append((request, result))
    return served


@pytest.mark.parametrize("client", [2, 3])
def test_results_of_1_12_have_the_shape_that_the_clients_version_has(client: int) -> None:
    faults = {}
    for request, result in served_by_1_12(client):
        if result.get("error") == "text":  # refused with a line of text
            continue
        if fault := result_fault(client, request.method, result):
            faults[f"{request.method} {request.params}"] = fault
    assert not faults, "\n".join(f"{name}: {found}" for name, found in faults.items())


@pytest.mark.parametrize("method", ["tx", "account_tx", "ledger", "transaction_entry"])
def test_the_same_transactions_are_as_in_2_6(method: str) -> None:
    newer = RecordedNode(2)
    expected: dict[str, JsonObject] = {}
    for entry in read_lines("exchanges.jsonl.xz"):
        if entry["method"] == method and entry["port"] == "public":
            expected |= transactions(newer.ask(NodeRequest(method, entry["params"] or {})))
    compared = 0
    for request, result in served_by_1_12(2):
        if request.method != method:
            continue
        for name, got in transactions(result).items():
            if name in expected:
                compared += 1
                assert differences(timeless(expected[name]), timeless(got)) == [], f"{method} {request.params}"
    assert compared or method == "transaction_entry"


@pytest.mark.parametrize(
    ("release", "client"),
    [("rippled-1.12", 2), ("rippled-1.12", 3), ("xrpld-3.3", 1), ("xrpld-3.3", 2), ("xrpld-3.3", 3)],
)
def test_what_is_pushed_has_the_shape_that_the_clients_version_has(release: Release, client: int) -> None:
    reported = stream_recordings(1, release).subscribe({"streams": ["ledger", "transactions"]})
    assert reported is not None
    assert len(reported.messages) > 200
    pipeline = VERSIONS.stream_pipeline(client, 1, NODES[release])
    faults = []
    for text in reported.messages:
        message = pipeline.rewrite(orjson.loads(text))
        faults += [fault for fault in [message_fault(client, f"stream.{message['type']}", message)] if fault]
    assert not faults


def test_pushed_transactions_of_1_12_have_what_later_releases_push() -> None:
    reported = stream_recordings(1, "rippled-1.12").subscribe({"accounts": [ALICE]})
    assert reported is not None
    pipeline = VERSIONS.stream_pipeline(2, 1, NODES["rippled-1.12"])
    for text in reported.messages:
        pushed = pipeline.rewrite(orjson.loads(text))
        assert pushed["close_time_iso"] == iso_time(pushed["tx_json"]["date"])
        assert pushed["ctid"] == f"C{pushed['ledger_index']:07X}{pushed['meta']['TransactionIndex']:04X}0000"
        assert "hash" in pushed
        assert pushed["tx_json"]["TransactionType"] != "Payment" or "Amount" not in pushed["tx_json"]


@pytest.mark.parametrize(("client", "node"), [(1, 2), (2, 1)])
@pytest.mark.parametrize("kind", clio_streams())
def test_clio_pushes_as_native(kind: str, client: int, node: int) -> None:
    reported = clio_streams()[kind]
    release = (2, 8) if kind == "proposed" else (2, 6)  # v2's form of it is of that release
    pipeline = VERSIONS.stream_pipeline(client, node, NodeInfo("clio", release, 0))
    rewritten = pipeline.rewrite(copy.deepcopy(reported.get(f"v{node}") or reported["v1"]))
    assert differences((reported.get(f"v{client}") or reported["v1"]), rewritten) == []
