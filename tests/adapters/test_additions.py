"""Additions are not breaking changes (XLS-22): fields that no adapter knows pass, wherever a release adds them."""

import copy
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import permutations
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import VERSIONS, JsonObject, NodeInfo, NodeRequest
from proxy.demo.recorded import Release, read_lines
from proxy.demo.streams import stream_recordings
from tests.support.conformance import UNCOMPARED
from tests.support.native import Ask, Miss, RecordedNode, serve
from tests.support.native_clio import ClioNode, clio_requests, clio_streams
from tests.support.recorded import is_fault

MARKS = ("zz_added_", "ZzAdded")
"""What the names of added fields begin with: a method's own are written as the first, the ledger's as the second."""
# These read what they need of other methods and make a result of their own.
_MADE_ANEW = frozenset({"ledger_header", "tx_history"})
_FLAGS = frozenset({"binary", "forward", "signer_lists", "transactions"})

NODES: dict[str, NodeInfo] = {
    "rippled-1.12": NodeInfo("rippled", (1, 12, 0)),
    "rippled-2.6": NodeInfo("rippled", (2, 6, 1), 0),
    "xrpld-3.3": NodeInfo("xrpld", (3, 3, 0)),
    "clio": NodeInfo("clio", (2, 6, 0), 0),
}
PAIRS = [
    *((name, client, node) for name in ("rippled-2.6", "xrpld-3.3") for client, node in permutations((1, 2, 3), 2)),
    ("rippled-1.12", 2, 1),
    ("rippled-1.12", 3, 1),
    ("clio", 1, 2),
    ("clio", 2, 1),
]

generated = settings(
    max_examples=100,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
for_every_pair = pytest.mark.parametrize(("name", "client", "node"), PAIRS)


def node_of(name: str, version: int) -> Ask:
    """A recorded node, or a Clio."""
    return ClioNode(version).ask if name == "clio" else RecordedNode(version, release=name).ask


@cache
def requests_to(name: str) -> list[NodeRequest]:
    """Each recorded request to a node, once."""
    if name == "clio":
        return clio_requests()
    entries = (e for e in read_lines("exchanges.jsonl.xz", name) if e["port"] == "public")
    found = [NodeRequest(e["method"], e["params"] or {}) for e in entries if e["method"] not in UNCOMPARED]
    return [each for each in found if each.method not in _MADE_ANEW]


def objects(value: Any) -> Iterator[JsonObject]:
    """Every object inside a JSON value, itself included; not `Amount`, which v1 repeats as `DeliverMax`."""
    if isinstance(value, dict):
        yield value
        for name, item in value.items():
            if name != "Amount":
                yield from objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from objects(item)


def added(value: Any) -> set[str]:
    """The names of the added fields that are anywhere inside a JSON value."""
    return {name for each in objects(value) for name in each if name.startswith(MARKS)}


def without_added(value: Any) -> Any:
    """The JSON value as it was before fields were added."""
    if isinstance(value, dict):
        return {name: without_added(item) for name, item in value.items() if not name.startswith(MARKS)}
    return [without_added(item) for item in value] if isinstance(value, list) else value


def grow(value: Any, chance: random.Random) -> set[str]:
    """Adds a field to some of the objects inside a JSON value, in place; the names of what was added."""
    names = set()
    for number, each in enumerate(list(objects(value))):
        if chance.random() < 0.5:
            name = f"{chance.choice(MARKS)}{number}"
            each[name] = chance.choice([number, str(number), None, {"a": [number]}])
            names.add(name)
    return names


class GrownNode:
    """A node of a release that has added fields to some objects of a method's result."""

    def __init__(self, ask: Ask, method: str, chance: random.Random) -> None:
        self._ask = ask
        self._method = method
        self._chance = chance
        self.added: set[str] = set()
        self.error: str | None = None

    def ask(self, request: NodeRequest) -> JsonObject:
        """The result, with the additions where it is of the method."""
        result = copy.deepcopy(self._ask(request))
        if request.method == self._method:
            self.added = grow(result, self._chance)  # of the last response, which is the one that is converted
            self.error = result.get("error")
        return result


@for_every_pair
@generated
@given(data=st.data())
def test_fields_added_to_a_response_pass(name: str, client: int, node: int, data: st.DataObject) -> None:
    request = data.draw(st.sampled_from(requests_to(name)))
    grown = GrownNode(node_of(name, node), request.method, random.Random(data.draw(st.integers(0, 2**32))))
    try:
        got = serve(client, node, request.method, request.params, grown.ask, server=NODES[name])
    except Miss:
        return
    if is_fault(request, got) or (grown.error is None and "error" in got):
        return  # an error that the node's version does not have
    lost = grown.added - added(got)
    assert not lost, f"{request.method} {request.params} lost {lost}: {got}"


@for_every_pair
@generated
@given(data=st.data())
def test_fields_added_to_a_request_reach_the_node(name: str, client: int, node: int, data: st.DataObject) -> None:
    request = data.draw(st.sampled_from(requests_to(name)))
    params = copy.deepcopy(request.params)
    # A flag that is an object by mistake is read as a boolean, and the same with a member more would be another one.
    parts = {name: value for name, value in params.items() if name not in _FLAGS}
    names = grow(parts, random.Random(data.draw(st.integers(0, 2**32))))
    params |= parts
    behind, asked = node_of(name, node), []

    def ask(question: NodeRequest) -> JsonObject:
        asked.append(question)
        return behind(replace(question, params=without_added(question.params)))

    try:
        got = serve(client, node, request.method, params, ask, server=NODES[name])
    except Miss:
        return
    of_method = [added(each.params) for each in asked if each.method == request.method]
    if "error" in got or not of_method:
        return
    assert of_method[0] == names, f"{request.method} {request.params} lost {names - of_method[0]}"


def pushed_by(name: str, version: int) -> list[JsonObject]:
    """Messages that a node pushes, several of each kind."""
    if name == "clio":
        reported = clio_streams().values()
        return [copy.deepcopy(each.get(f"v{version}") or each["v1"]) for each in reported]
    return [orjson.loads(text) for text in _pushed_texts(name, version)]


@cache
def _pushed_texts(release: Release, version: int) -> list[str]:
    recorded = stream_recordings(version, release)
    names = ["ledger", "transactions", *(["transactions_proposed"] if release == "rippled-2.6" else [])]
    found = recorded.subscribe({"streams": names})
    assert found is not None
    return found.messages


@for_every_pair
@generated
@given(data=st.data())
def test_fields_added_to_a_pushed_message_pass(name: str, client: int, node: int, data: st.DataObject) -> None:
    message = copy.deepcopy(data.draw(st.sampled_from(pushed_by(name, node))))
    names = grow(message, random.Random(data.draw(st.integers(0, 2**32))))
    rewritten = VERSIONS.stream_pipeline(client, node, NODES[name]).rewrite(message)
    assert added(rewritten) == names


MOVED = ("ctid", "date", "ledger_index")


def move_optional(entry: JsonObject) -> None:
    """`date`, `ledger_index` and `ctid` moved from inside a transaction's JSON to next to it (rippled issue 5507)."""
    for name in MOVED:
        if name in entry["tx_json"]:
            entry.setdefault(name, entry["tx_json"].pop(name))


def moved_in(result: JsonObject) -> JsonObject:
    """A result of version 2 whose transactions have the optional fields next to them."""
    for each in list(objects(result)):
        if isinstance(each.get("tx_json"), dict):
            move_optional(each)
    return result


@pytest.mark.parametrize("release", ["rippled-2.6", "xrpld-3.3"])
@pytest.mark.parametrize("method", ["tx", "account_tx"])
def test_fields_that_move_out_of_a_transaction_reach_v1(method: str, release: Release) -> None:
    native, behind = RecordedNode(1, release=release), RecordedNode(2, release=release)
    compared = 0
    for request in requests_to(release):
        if request.method != method:
            continue
        expected = native.ask(request)
        got = serve(1, 2, method, request.params, lambda each: moved_in(behind.ask(each)), server=NODES[release])
        mine = expected.get("transactions", [expected])
        for one, other in zip(mine, got.get("transactions", [got]), strict=True):
            inside, found = (one.get("tx", one), other.get("tx", other))
            if not isinstance(inside, dict):
                continue
            for name in ("inLedger", "ledger_index", "date"):
                assert inside.get(name) == found.get(name), f"{name} of {request.params}"
                compared += 1
    assert compared > 50


@pytest.mark.parametrize("name", ["rippled-2.6", "xrpld-3.3", "clio"])
def test_fields_that_move_out_of_a_pushed_transaction_reach_v1(name: str) -> None:
    pipeline = VERSIONS.stream_pipeline(1, 2, NODES[name])
    compared = 0
    for message in pushed_by(name, 2):
        if message["type"] != "transaction" or "tx_json" not in message:
            continue
        expected = pipeline.rewrite(copy.deepcopy(message))["transaction"]
        found = pipeline.rewrite(moved_in(message))["transaction"]
        assert {name: expected.get(name) for name in ("date",)} == {name: found.get(name) for name in ("date",)}
        compared += "date" in expected
    assert compared
