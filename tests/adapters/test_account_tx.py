"""account_tx: booleans, ranges beyond what the server has, a range and a ledger at once, a server without ledgers."""

from typing import Any

import pytest

from adapters import JsonObject
from tests.support.native import LaidOutNode, error, serve

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
SERVER = {"account": ALICE, "ledger_index_min": 10, "ledger_index_max": 90, "limit": 1, "transactions": []}
PROBE = {"account": ALICE, "limit": 1}


def answer(lowest: int, highest: int) -> JsonObject:
    return {"account": ALICE, "ledger_index_min": lowest, "ledger_index_max": highest, "transactions": []}


@pytest.mark.parametrize(
    ("asked", "passed_on"),
    [
        ({"ledger_index_min": 5}, {"ledger_index_min": -1}),
        ({"ledger_index_max": 100}, {"ledger_index_max": -1}),
        ({"ledger_index_min": 5, "ledger_index_max": 50}, {"ledger_index_min": -1, "ledger_index_max": 50}),
        ({"ledger_index_min": 20, "ledger_index_max": 100}, {"ledger_index_min": 20, "ledger_index_max": -1}),
        ({"ledger_index_min": 1, "ledger_index_max": 99}, {"ledger_index_min": -1, "ledger_index_max": -1}),
        ({"ledger_index_min": "5", "ledger_index_max": "50"}, {"ledger_index_min": -1, "ledger_index_max": "50"}),
        ({"ledger_index_min": True, "ledger_index_max": 5e1}, {"ledger_index_min": -1, "ledger_index_max": 5e1}),
    ],
)
def test_v1_range_beyond_the_servers_is_clamped(asked: JsonObject, passed_on: JsonObject) -> None:
    node = LaidOutNode({"account_tx": [error("lgrIdxMalformed"), SERVER, answer(10, 50)]})
    params = {"account": ALICE, **asked}
    assert serve(1, 2, "account_tx", params, node.ask) == answer(10, 50)
    assert node.asked == [("account_tx", p) for p in (params, PROBE, {"account": ALICE, **passed_on})]


@pytest.mark.parametrize(
    "asked",
    [
        {"ledger_index_min": 1, "ledger_index_max": 9},
        {"ledger_index_min": 91},
        {"ledger_index_max": 9},
        {"ledger_index_max": None},  # null is 0, not open
        {"ledger_index_min": 95, "ledger_index_max": 5},
    ],
)
def test_v1_range_of_which_nothing_is_left(asked: JsonObject) -> None:
    node = LaidOutNode({"account_tx": [error("lgrIdxMalformed"), SERVER]})
    assert serve(1, 2, "account_tx", {"account": ALICE, **asked}, node.ask) == error("lgrIdxsInvalid")


def test_v1_inverted_range() -> None:
    node = LaidOutNode({"account_tx": error("invalidLgrRange")})
    params = {"account": ALICE, "ledger_index_min": 50, "ledger_index_max": 40}
    assert serve(1, 2, "account_tx", params, node.ask) == error("lgrIdxsInvalid")
    assert len(node.asked) == 1


def test_v1_ledger_index_malformed_without_a_range_is_the_servers_word() -> None:
    refusal = error("lgrIdxMalformed")
    node = LaidOutNode({"account_tx": refusal})
    assert serve(1, 2, "account_tx", {"account": ALICE, "ledger_index": 5}, node.ask) == refusal


def test_v1_range_wins_over_a_ledger() -> None:
    node = LaidOutNode({"account_tx": answer(20, 50)})
    params = {"account": ALICE, "ledger_index_min": 20, "ledger_index": "x", "ledger_hash": "y"}
    assert serve(1, 2, "account_tx", params, node.ask) == answer(20, 50)
    assert node.asked == [("account_tx", {"account": ALICE, "ledger_index_min": 20})]


@pytest.mark.parametrize(("given", "read"), [("false", True), (0, False), (None, False), ([], False), ("", False)])
def test_v1_booleans_are_read_as_v1_reads_them(given: Any, read: bool) -> None:
    node = LaidOutNode({"account_tx": answer(10, 90)})
    serve(1, 2, "account_tx", {"account": ALICE, "binary": given, "forward": given}, node.ask)
    assert node.asked == [("account_tx", {"account": ALICE, "binary": read, "forward": read})]


@pytest.mark.parametrize(
    ("reported", "native"),
    [
        (error("notSynced"), error("lgrIdxsInvalid")),
        (error("notSynced", "notSynced"), error("noNetwork", "InsufficientNetworkMode")),
    ],
)
def test_v1_of_a_server_without_ledgers(reported: JsonObject, native: JsonObject) -> None:
    assert serve(1, 2, "account_tx", {"account": ALICE}, LaidOutNode({"account_tx": reported}).ask) == native


def test_v1_server_fails_between_two_requests() -> None:
    node = LaidOutNode({"account_tx": [error("lgrIdxMalformed"), error("tooBusy")]})
    params = {"account": ALICE, "ledger_index_min": 5}
    assert serve(1, 2, "account_tx", params, node.ask) == error("tooBusy")


@pytest.mark.parametrize("name", ["binary", "forward"])
@pytest.mark.parametrize("value", ["true", 1, 0.0, None, [], {}])
def test_v2_refuses_a_non_boolean_before_all_else(name: str, value: Any) -> None:
    refusal = error("invalidParams", f"Invalid field '{name}'.")
    assert serve(2, 1, "account_tx", {name: value, "limit": "x"}, LaidOutNode({}).ask) == refusal


def test_v2_binary_is_named_before_forward() -> None:
    refused = serve(2, 1, "account_tx", {"forward": 1, "binary": 1}, LaidOutNode({}).ask)
    assert refused == error("invalidParams", "Invalid field 'binary'.")


@pytest.mark.parametrize("ledger", [{"ledger_index": 5}, {"ledger_hash": "x"}, {"ledger_index": None}])
def test_v2_refuses_a_range_and_a_ledger_after_the_accounts_checks(ledger: JsonObject) -> None:
    params = {"account": ALICE, "ledger_index_max": 50, "marker": "bad", **ledger}
    refusal = error("invalidParams", "invalidParams")
    for passing in (answer(10, 90), error("lgrIdxsInvalid")):
        assert serve(2, 1, "account_tx", params, LaidOutNode({"account_tx": passing}).ask) == refusal
    malformed = LaidOutNode({"account_tx": error("actMalformed")})
    assert serve(2, 1, "account_tx", params, malformed.ask) == error("actMalformed")
    assert malformed.asked == [("account_tx", {"account": ALICE})]


@pytest.mark.parametrize(
    ("asked", "reported"),
    [
        ({"ledger_index_min": 5}, (10, 90)),
        ({"ledger_index_max": 100}, (10, 90)),
        ({"ledger_index_min": "5", "ledger_index_max": 50}, (10, 50)),
    ],
)
def test_v2_range_beyond_the_servers_is_refused(asked: JsonObject, reported: tuple[int, int]) -> None:
    node = LaidOutNode({"account_tx": answer(*reported)})
    assert serve(2, 1, "account_tx", {"account": ALICE, **asked}, node.ask) == error("lgrIdxMalformed")


@pytest.mark.parametrize(
    ("asked", "reported"),
    [
        ({"ledger_index_min": -1, "ledger_index_max": -1}, (10, 90)),
        ({"ledger_index_min": -7}, (10, 90)),
        ({"ledger_index_min": 0}, (10, 90)),
        ({"ledger_index_min": None}, (10, 90)),
        ({"ledger_index_min": 20, "ledger_index_max": 50}, (20, 50)),
        ({"ledger_index_min": "-1", "ledger_index_max": "50"}, (10, 50)),
        ({"ledger_index": 50}, (50, 50)),
    ],
)
def test_v2_range_within_the_servers(asked: JsonObject, reported: tuple[int, int]) -> None:
    node = LaidOutNode({"account_tx": answer(*reported)})
    assert serve(2, 1, "account_tx", {"account": ALICE, **asked}, node.ask) == answer(*reported)


@pytest.mark.parametrize(
    ("asked", "server", "native"),
    [
        ({"ledger_index_min": 50, "ledger_index_max": 40}, SERVER, error("invalidLgrRange")),
        ({"ledger_index_min": 91}, SERVER, error("invalidLgrRange")),
        ({"ledger_index_min": 91, "ledger_index_max": 95}, SERVER, error("lgrIdxMalformed")),
        ({"ledger_index_min": 3, "ledger_index_max": 5}, SERVER, error("lgrIdxMalformed")),
        ({"ledger_index_min": 20}, error("lgrIdxsInvalid"), error("notSynced")),
        ({"ledger_index_min": 20}, error("tooBusy"), error("tooBusy")),
    ],
)
def test_v2_distinguishes_three_errors(asked: JsonObject, server: JsonObject, native: JsonObject) -> None:
    node = LaidOutNode({"account_tx": [error("lgrIdxsInvalid"), server]})
    assert serve(2, 1, "account_tx", {"account": ALICE, **asked}, node.ask) == native
    assert node.asked[1] == ("account_tx", PROBE)


def test_v2_of_a_server_without_ledgers() -> None:
    node = LaidOutNode({"account_tx": error("lgrIdxsInvalid")})
    assert serve(2, 1, "account_tx", {"account": ALICE}, node.ask) == error("notSynced")
