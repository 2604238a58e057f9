"""What the proxy says and reads itself is in every version as that version has it."""

from collections.abc import Iterator
from typing import Any

import pytest

from adapters import VERSIONS, JsonObject, NodeRequest, Versions
from adapters.adapter import Conversation, ErrorAdapter, MethodAdapter, Step, by_method, immediate
from proxy.envelope import Call
from proxy.nodes.failures import NoHealthyNode, failure_response
from proxy.rpc.ledger_choice import reads_validated_ledger
from proxy.versions import own
from proxy.versions.own import own_error, read_in_own_version, request_in_own_version
from tests.support.native import drive

NEWEST = VERSIONS.newest + 1


class Errors(ErrorAdapter):
    """The made-up version has another token for a node that is out of sync."""

    def upgrade_error(self, question: NodeRequest, result: JsonObject) -> Conversation:
        if result["error"] == "notSynced":
            result["error"] = "outOfSync"
        return immediate(result)


class ServerInfo(MethodAdapter):
    """The made-up version has `state` for `info`."""

    method = "server_info"

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return {"info": result["state"]}


class AccountLines(MethodAdapter):
    """The made-up version names a ledger by `at`."""

    method = "account_lines"

    def downgrade_request(self, params: JsonObject) -> JsonObject:
        return {("ledger_index" if name == "at" else name): value for name, value in params.items()}


@pytest.fixture
def newest(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A version more than there is."""
    step = Step(VERSIONS.newest, by_method(ServerInfo(), AccountLines()), Errors())
    monkeypatch.setattr(own, "VERSIONS", Versions((*VERSIONS.steps, step)))
    own._error_of_version.cache_clear()
    yield NEWEST
    own._error_of_version.cache_clear()


def test_an_error_has_its_token_in_each_version(newest: int) -> None:
    tokens = {version: own_error("notSynced", "No node.", version)["error"] for version in (1, 2, newest)}
    assert tokens == {1: "noNetwork", 2: "notSynced", newest: "outOfSync"}
    codes = {version: own_error("notSynced", "No node.", version) for version in (1, 2)}
    assert codes[1] == {"error": "noNetwork", "error_code": 17, "error_message": "No node."}
    assert codes[2] == {"error": "notSynced", "error_code": 18, "error_message": "No node."}


@pytest.mark.parametrize("token", ["internal", "tooBusy"])
def test_other_errors_are_the_same_in_all(token: str) -> None:
    assert len({tuple(own_error(token, "x", version).items()) for version in VERSIONS.known}) == 1


def test_no_node_is_an_error_of_the_clients_version(newest: int) -> None:
    assert failure_response(NoHealthyNode(), newest, reads_only=True)[1]["error"] == "outOfSync"


def test_what_did_not_change_is_not_converted() -> None:
    for version in (1, 2):
        assert read_in_own_version("server_info", version) is None
    params = {"account": "r"}
    assert request_in_own_version(1, "account_lines", params) is params


def test_a_nodes_result_is_read_in_one_version(newest: int) -> None:
    conversation = read_in_own_version("server_info", newest)
    assert conversation is not None
    assert drive(conversation, lambda _: {"state": {"uptime": 5}}) == {"info": {"uptime": 5}}


def test_a_request_that_names_its_ledger_in_another_way(newest: int) -> None:
    def reads(version: int, params: dict[str, Any]) -> bool:
        return reads_validated_ledger(Call("account_lines", params, version, {}, {}))

    assert reads(2, {"ledger_index": 5})
    assert not reads(2, {"at": 5})
    assert reads(newest, {"at": 5})
    assert not reads(newest, {"at": "current"})
