"""Additions are not breaking changes (XLS-22): fields that no adapter knows pass, wherever a release adds them."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import JsonObject, NodeRequest
from tests.support.native import Miss, RecordedNode, serve
from tests.support.recorded import is_fault, recorded_requests

MARK = "zz_added_"
"""What the names of added fields begin with: as a method's or the ledger's own fields do, with a small letter."""
# These read what they need of other methods and make a result of their own.
_MADE_ANEW = frozenset({"ledger_header", "tx_history"})


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
    return {name for each in objects(value) for name in each if name.startswith(MARK)}


class GrownNode:
    """A recorded node of a release that has added a field to every object of a method's result, or to some."""

    def __init__(self, version: int, method: str, chance: random.Random) -> None:
        self._node = RecordedNode(version)
        self._method = method
        self._chance = chance
        self.added: set[str] = set()

    def ask(self, request: NodeRequest) -> JsonObject:
        """The recorded result, with the additions where it is of the method."""
        result = copy.deepcopy(self._node.ask(request))
        if request.method != self._method:
            return result
        self.added = set()  # of the last response, which is the one that is converted
        for number, each in enumerate(list(objects(result))):
            if self._chance.random() < 0.5:
                name = f"{MARK}{number}"
                each[name] = self._chance.choice([number, str(number), None, {"a": [number]}])
                self.added.add(name)
        return result


def move_optional(entry: JsonObject) -> None:
    """`date`, `ledger_index` and `ctid` moved from inside a transaction's JSON to next to it (rippled issue 5507)."""
    for name in ("ctid", "date", "ledger_index"):
        if name in entry["tx_json"]:
            entry.setdefault(name, entry["tx_json"].pop(name))


@pytest.mark.parametrize(("client", "node"), [(1, 2), (2, 1), (2, 3), (3, 2), (1, 3), (3, 1)])
@settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(data=st.data())
def test_added_fields_pass(client: int, node: int, data: st.DataObject) -> None:
    requests = [each for each in recorded_requests("public") if each.method not in _MADE_ANEW]
    request = data.draw(st.sampled_from(requests))
    grown = GrownNode(node, request.method, random.Random(data.draw(st.integers(0, 2**32))))
    try:
        got = serve(client, node, request.method, request.params, grown.ask)
    except Miss:
        return
    if "error" in got or is_fault(request, got):
        return
    lost = grown.added - added(got)
    assert not lost, f"{request.method} {request.params} lost {lost}"


@pytest.mark.parametrize("method", ["tx", "account_tx"])
def test_fields_that_move_out_of_a_transaction_reach_v1(method: str) -> None:
    native, behind = RecordedNode(1), RecordedNode(2)

    def ask(request: NodeRequest) -> JsonObject:
        result = behind.ask(request)
        entries = [result] if method == "tx" else result.get("transactions", [])
        for entry in entries:
            if isinstance(entry.get("tx_json"), dict):
                move_optional(entry)
        return result

    compared = 0
    for request in recorded_requests("public"):
        if request.method != method:
            continue
        expected = native.ask(request)
        got = serve(1, 2, method, request.params, ask)
        mine = expected.get("transactions", [expected])
        for one, other in zip(mine, got.get("transactions", [got]), strict=True):
            inside, found = (one.get("tx", one), other.get("tx", other))
            if not isinstance(inside, dict):
                continue
            for name in ("inLedger", "ledger_index", "date"):
                assert inside.get(name) == found.get(name), f"{name} of {request.params}"
                compared += 1
    assert compared > 50
