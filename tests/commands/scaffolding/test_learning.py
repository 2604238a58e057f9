"""What differs between pairs of objects is found out, and what is found makes the one of the other."""

import copy
from typing import Any

import pytest

from adapters import JsonObject, NodeRequest, Versions
from adapters.adapter import Step, by_method
from adapters.ledgers import Header
from adapters.reshaping import Drop, Place, Shape, Take, reshape
from proxy.commands.scaffolding.learning import Example, learn
from proxy.commands.scaffolding.methods import Exchange, draft_method
from tests.support.native import drive

HEADERS = {7: Header("H7", 100), 8: Header("H8", 200)}
Pairs = list[tuple[JsonObject, JsonObject]]


def made(shape: Shape, source: JsonObject) -> Any:
    """What a shape makes of an object; the ledgers of HEADERS are those there are."""
    reshaping = reshape(Place(copy.deepcopy(source), None, {}), shape, dict(HEADERS))
    with pytest.raises(StopIteration) as stopped:
        next(reshaping)
    return stopped.value.value


def of_number(number: int) -> JsonObject:
    return {"a": number, "b": f"x{number}"}


CASES: dict[str, Pairs] = {
    "moved": [({"data": {"n": n}, "lists": [n]}, {"data": {"n": n, "lists": [n]}}) for n in (1, 2, 3)],
    "renamed": [({"metadata": of_number(n)}, {"meta": of_number(n)}) for n in (1, 2, 3)],
    "removed": [({"a": n, "old": n + 10}, {"a": n}) for n in (1, 2, 3)],
    "a number for a text": [({"i": str(n), "x": "1"}, {"i": n, "x": "1"}) for n in (1, 2, 3)],
    "a text for a number": [({"l": {"i": n}}, {"l": {"i": str(n)}}) for n in (1, 2, 3)],
    "in a list": [({"t": [{"m": n}, {"m": n + 1}]}, {"t": [{"meta": n}, {"meta": n + 1}]}) for n in (1, 2, 3)],
    "hashes stay in a list": [({"t": ["AB", {"m": n}]}, {"t": ["AB", {"meta": n}]}) for n in (1, 2, 3)],
    "gathered": [
        (
            {"Account": f"r{n}", "Fee": str(n), "date": n, "meta": {}},
            {"tx": {"Account": f"r{n}", "Fee": str(n), "date": n}, "meta": {}},
        )
        for n in (11, 12, 13)
    ],
    "spread": [
        ({"tx": {"Account": f"r{n}", "Fee": str(n)}, "h": n}, {"Account": f"r{n}", "Fee": str(n), "h": n})
        for n in (11, 12, 13)
    ],
    "the time of another member": [({"date": n}, {"date": n, "iso": f"2000-01-01T00:00:0{n}Z"}) for n in (1, 2, 3)],
    "what a ledger has": [({"ledger_index": n}, {"ledger_index": n, "hash": f"H{n}"}) for n in (7, 8)],
    "under a condition": [
        ({"Type": "Payment", "Amount": "1", "Max": "1"}, {"Type": "Payment", "Max": "1"}),
        ({"Type": "Payment", "Amount": "2", "Max": "2"}, {"Type": "Payment", "Max": "2"}),
        ({"Type": "Check", "Amount": "3"}, {"Type": "Check", "Amount": "3"}),
    ],
    "a constant": [({"a": n}, {"a": n, "kind": "new"}) for n in (1, 2, 3)],
}


@pytest.mark.parametrize("name", CASES)
def test_found_out(name: str) -> None:
    pairs = CASES[name]
    shape = learn([Example(Place(source, None, {}), target) for source, target in pairs], HEADERS)
    assert [made(shape, source) for source, _ in pairs] == [target for _, target in pairs]


def test_what_is_not_known_stays() -> None:
    pairs = CASES["renamed"]
    shape = learn([Example(Place(source, None, {}), target) for source, target in pairs], {})
    assert made(shape, {"metadata": {"a": 5}, "new": [1]}) == {"meta": {"a": 5}, "new": [1]}


def test_nothing_is_said_of_what_cannot_be_explained() -> None:
    pairs = [({"a": 1}, {"a": 1, "random": "x"}), ({"a": 2}, {"a": 2, "random": "y"})]
    assert learn([Example(Place(source, None, {}), target) for source, target in pairs], {}) == Shape()


def served(exchanges: list[Exchange], client: int, params: JsonObject) -> JsonObject:
    """What a client gets from a node of the other version, by the adapter that was drafted from the exchanges."""
    draft = draft_method(exchanges[0].method, exchanges, {})
    assert draft is not None
    versions = Versions((Step(1, by_method(draft.adapter())),))
    node = 3 - client

    def ask(request: NodeRequest) -> JsonObject:
        found = next(each for each in exchanges if each.params == request.params)
        return copy.deepcopy(found.older if node == 1 else found.newer)

    return drive(versions.pipeline(client, node, exchanges[0].method).converse(params), ask)


REFUSED = {"error": "invalidParams", "error_code": 31, "error_message": "Invalid field 'flag'."}
STRICT = [
    Exchange("m", {}, {"a": 0}, {"a": 0}),
    Exchange("m", {"flag": True}, {"a": 1}, {"a": 1}),
    Exchange("m", {"flag": "x"}, {"a": 1}, REFUSED),
    Exchange("m", {"flag": 1}, {"a": 1}, REFUSED),
    Exchange("m", {"flag": False}, {"a": 0}, {"a": 0}),
]


def test_a_parameter_that_has_to_be_a_boolean() -> None:
    assert served(STRICT, 1, {"flag": "x"}) == {"a": 1}
    assert served(STRICT, 2, {"flag": "x"}) == REFUSED
    assert served(STRICT, 2, {"flag": True}) == {"a": 1}


def failure(token: str) -> JsonObject:
    return {"error": token, "error_code": 1, "error_message": f"{token}."}


def test_another_token() -> None:
    exchanges = [
        Exchange("m", {"a": 1}, failure("old"), failure("new")),
        Exchange("m", {"a": 2}, failure("old"), failure("new")),
        Exchange("m", {"a": 3}, failure("same"), failure("same")),
    ]
    assert served(exchanges, 1, {"a": 1}) == failure("old")
    assert served(exchanges, 2, {"a": 1}) == failure("new")
    assert served(exchanges, 2, {"a": 3}) == failure("same")


def test_one_refusal_among_many_says_nothing_of_a_token() -> None:
    """Which of two faults is named is no other token."""
    exchanges = [Exchange("m", {"a": 1}, failure("one"), failure("other"))]
    exchanges += [Exchange("m", {"a": number}, failure("one"), failure("one")) for number in range(2, 5)]
    assert served([*exchanges, Exchange("m", {"a": 9}, {"x": 1}, {"y": 1})], 2, {"a": 3}) == failure("one")


def test_a_removed_method() -> None:
    unknown = {"error": "unknownCmd", "error_code": 32, "error_message": "Unknown method."}
    assert served([Exchange("m", {}, {"a": 1}, unknown)], 2, {}) == unknown


def test_no_draft_where_nothing_differs() -> None:
    assert draft_method("m", [Exchange("m", {}, {"a": 1}, {"a": 1})], {}) is None


def test_a_shape_says_what_it_does() -> None:
    pairs = CASES["renamed"]
    shape = learn([Example(Place(source, None, {}), target) for source, target in pairs], {})
    assert shape == Shape(members={"meta": (Take("metadata"),)}, drops=(Drop("metadata"),))
