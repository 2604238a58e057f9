"""A server out of sync: one error in v2, three in v1, and those of looking up a ledger."""

from typing import Any

import pytest

from adapters import JsonObject
from tests.support.native import LaidOutNode, error, serve


def server_info(state: str, age: Any = 2) -> JsonObject:
    return {"info": {"server_state": state, "validated_ledger": {"age": age, "seq": 5}}}


@pytest.mark.parametrize(
    ("server", "native"),
    [
        (server_info("disconnected"), "noNetwork"),
        (server_info("connected"), "noNetwork"),
        (server_info("syncing", 121), "noCurrent"),
        (server_info("full", 121), "noCurrent"),
        (server_info("full", 120), "noClosed"),
        ({"info": {"server_state": "full", "closed_ledger": {}}}, "noCurrent"),
        ({"info": {"server_state": "syncing", "validated_ledger": None}}, "noCurrent"),
        (error("tooBusy"), "noNetwork"),
    ],
)
@pytest.mark.parametrize(
    "method", ["book_offers", "account_info", "ledger", "submit", "submit_multisigned", "path_find"]
)
def test_v1_gets_the_unmet_condition(method: str, server: JsonObject, native: str) -> None:
    node = LaidOutNode({method: error("notSynced"), "server_info": server})
    assert serve(1, 2, method, {}, node.ask) == error(native)


@pytest.mark.parametrize(
    ("method", "native"),
    [("sign", "noCurrent"), ("sign_for", "noCurrent"), ("ripple_path_find", "noNetwork")],
)
def test_v1_where_there_is_but_one_condition(method: str, native: str) -> None:
    assert serve(1, 2, method, {}, LaidOutNode({method: error("notSynced")}).ask) == error(native)


def test_v1_ledger_that_cannot_be_looked_up() -> None:
    node = LaidOutNode({"account_info": error("notSynced", "notSynced", ledger_index=5)})
    native = error("noNetwork", "InsufficientNetworkMode", ledger_index=5)
    assert serve(1, 2, "account_info", {}, node.ask) == native


@pytest.mark.parametrize("token", ["noNetwork", "noCurrent", "noClosed"])
def test_v2_gets_one(token: str) -> None:
    assert serve(2, 1, "fee", {}, LaidOutNode({"fee": error(token)}).ask) == error("notSynced")


def test_v2_ledger_that_cannot_be_looked_up() -> None:
    node = LaidOutNode({"account_lines": error("noNetwork", "InsufficientNetworkMode")})
    assert serve(2, 1, "account_lines", {}, node.ask) == error("notSynced", "notSynced")


@pytest.mark.parametrize("token", ["tooBusy", "slowDown", "amendmentBlocked", "lgrNotFound"])
@pytest.mark.parametrize(("client", "node"), [(1, 2), (2, 1)])
def test_other_errors_stay(client: int, node: int, token: str) -> None:
    assert serve(client, node, "fee", {}, LaidOutNode({"fee": error(token)}).ask) == error(token)
