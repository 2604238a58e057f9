"""Steps compose: a third version made up here is reached from the first, in questions, errors and streams alike."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from adapters import VERSIONS as ADAPTED
from adapters import Conversation, JsonObject, NodeInfo, NodeRequest, Versions
from adapters.adapter import ErrorAdapter, MessageChange, MethodAdapter, Step, StreamAdapter, by_method, immediate
from adapters.v1_v2 import STEP as V1_V2
from tests.support.native import LaidOutNode, error, serve

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"


class NestedAccount(MethodAdapter):
    """The made-up version wraps `account_data` once more, and is asked by `id`."""

    method = "account_info"

    def upgrade_request(self, params: JsonObject) -> JsonObject:
        return {("id" if name == "account" else name): value for name, value in params.items()}

    def downgrade_request(self, params: JsonObject) -> JsonObject:
        return {("account" if name == "id" else name): value for name, value in params.items()}

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return {**result, "account_data": result["account_data"]["of"]} if "account_data" in result else result

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        return {**result, "account_data": {"of": result["account_data"]}} if "account_data" in result else result


class Both(MethodAdapter):
    """A method that the made-up version no longer has: two accounts at once."""

    method = "both"

    def serve_older(self, params: JsonObject) -> Conversation:
        found = []
        for account in params["accounts"]:
            # As an older client would ask the newer version: its own parameters are the newer's.
            result = yield NodeRequest("account_info", {"id": account, "signer_lists": True})
            found.append(result.get("signer_lists", result.get("error")))
        return {"found": found}

    def serve_newer(self, params: JsonObject) -> Conversation:
        return immediate(error("unknownCmd"))


class Ledger(MethodAdapter):
    """The made-up version counts a ledger's transactions."""

    method = "ledger"

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if "ledger" in result:
            result["count"] = len(result["ledger"].get("transactions", ()))
        return result

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        result.pop("count", None)
        return result


class Errors(ErrorAdapter):
    """The made-up version says `outOfSync`, and to go down asks the fee as an example of asking."""

    def downgrade_error(self, question: NodeRequest, result: JsonObject) -> Conversation:
        if result["error"] == "outOfSync":
            fee = yield NodeRequest("fee", {})
            result.update(error("notSynced"), drops=fee.get("drops"))
        return result

    def upgrade_error(self, question: NodeRequest, result: JsonObject) -> Conversation:
        if result["error"] == "notSynced":
            result["error"] = "outOfSync"
        return immediate(result)


class Streams(StreamAdapter):
    @staticmethod
    def _down(message: JsonObject) -> JsonObject:
        return {**message["body"], "type": "transaction"}

    @staticmethod
    def _up(message: JsonObject) -> JsonObject:
        return {"type": "transaction", "body": {k: v for k, v in message.items() if k != "type"}}

    @property
    def downgrades(self) -> Mapping[str, MessageChange]:
        return {"transaction": self._down}

    @property
    def upgrades(self) -> Mapping[str, MessageChange]:
        return {"transaction": self._up}


MADE_UP = Step(2, by_method(NestedAccount(), Both(), Ledger()), Errors(), Streams())
VERSIONS = Versions((MADE_UP, V1_V2))  # in whatever order they are found


def ask(client: int, node: int, method: str, params: JsonObject, answers: dict[str, Any]) -> tuple[JsonObject, Any]:
    laid_out = LaidOutNode(answers)
    return serve(client, node, method, params, laid_out.ask, VERSIONS), laid_out.asked


def test_versions() -> None:
    assert (VERSIONS.oldest, VERSIONS.newest) == (1, 3)
    assert {"account_info", "both", "tx", "ledger"} <= VERSIONS.changed_methods()


def test_up_two_steps_and_down_again() -> None:
    reported = {"account_data": {"of": {"Account": ALICE}}, "signer_lists": [1]}
    got, asked = ask(1, 3, "account_info", {"account": ALICE, "signer_lists": "yes"}, {"account_info": reported})
    assert got == {"account_data": {"Account": ALICE, "signer_lists": [1]}}
    assert asked == [("account_info", {"id": ALICE, "signer_lists": True})]


def test_down_two_steps_and_up_again() -> None:
    reported = {"account_data": {"Account": ALICE, "signer_lists": [1]}}
    got, asked = ask(3, 1, "account_info", {"id": ALICE, "signer_lists": True}, {"account_info": reported})
    assert got == {"account_data": {"of": {"Account": ALICE}}, "signer_lists": [1]}
    assert asked == [("account_info", {"account": ALICE, "signer_lists": True})]


def test_one_steps_requests_pass_the_other() -> None:
    """A made-up method of several questions, each of which changed between the versions below."""
    got, asked = ask(2, 3, "both", {"accounts": ["a"]}, {"account_info": {"account_data": {"of": {}}}})
    assert (got, asked) == ({"found": [None]}, [("account_info", {"id": "a", "signer_lists": True})])
    newest = {"account_info": [{"account_data": {"of": {}}, "signer_lists": [5]}, error("actNotFound")]}
    got, asked = ask(1, 3, "both", {"accounts": ["a", "b"]}, newest)
    assert got == {"found": [[5], "actNotFound"]}


def test_a_conversation_below_is_served_by_the_step_above() -> None:
    """v1's tx_history is made of ledgers, and those of the made-up version come down on the way."""
    ledger = {"ledger": {"transactions": [{"tx_json": {}, "hash": "T", "meta": {"TransactionIndex": 0}}]}, "count": 1}
    answers = [{"ledger_index": 1, "count": 0}, ledger]
    got, asked = ask(1, 3, "tx_history", {"start": 0}, {"ledger": answers})
    assert got == {"index": 0, "txs": [{"hash": "T", "inLedger": 1, "ledger_index": 1}]}
    assert [method for method, _ in asked] == ["ledger", "ledger"]


def test_a_look_up_of_the_step_below() -> None:
    reported = {"TransactionType": "AccountSet", "hash": "T", "inLedger": 5, "ledger_index": 5, "validated": True}
    header = {"ledger": {"ledger_data": "00" * 118}, "ledger_hash": "H", "validated": True}
    got, asked = ask(3, 1, "tx", {"transaction": "T"}, {"tx": reported, "ledger": header})
    assert got["ledger_hash"] == "H"
    assert asked[1] == ("ledger", {"ledger_index": 5, "binary": True})


def test_errors_pass_every_step() -> None:
    got, _ = ask(3, 1, "fee", {}, {"fee": error("noNetwork")})
    assert got["error"] == "outOfSync"
    server = {"info": {"server_state": "connected"}}
    answers = {"random": {"error": "outOfSync"}, "fee": {"drops": 10}, "server_info": server}
    got, asked = ask(1, 3, "random", {}, answers)
    assert got == {**error("noNetwork"), "drops": 10}
    assert [method for method, _ in asked] == ["random", "fee", "server_info"]


def test_a_method_removed_in_a_version_is_removed_in_all_above() -> None:
    for client, node in ((3, 2), (3, 1)):
        assert ask(client, node, "both", {"accounts": []}, {}) == (error("unknownCmd"), [])


def test_streams_pass_every_step() -> None:
    older = {"type": "transaction", "transaction": {"TransactionType": "AccountSet", "hash": "T"}}
    newest = {"type": "transaction", "body": {"tx_json": {"TransactionType": "AccountSet"}, "hash": "T"}}
    assert VERSIONS.stream_pipeline(1, 3).rewrite(copy.deepcopy(newest)) == older
    assert VERSIONS.stream_pipeline(3, 1).rewrite(copy.deepcopy(older)) == newest
    validation = {"type": "validationReceived", "ledger_index": 5}
    assert VERSIONS.stream_pipeline(1, 3).rewrite({**validation}) == {**validation, "ledger_index": "5"}


def test_what_passes_untouched_is_known() -> None:
    assert VERSIONS.pipeline(1, 3, "fee").is_identity
    assert not VERSIONS.pipeline(1, 3, "fee").same_version
    assert not VERSIONS.pipeline(2, 3, "both").is_identity
    assert VERSIONS.pipeline(1, 2, "both").is_identity
    assert VERSIONS.pipeline(2, 2, "ledger").same_version


@pytest.mark.parametrize(
    ("older", "complaint"), [((1, 3), "from API version 2 to 3"), ((1, 2, 2), "from API version 3 to 2")]
)
def test_a_gap_between_steps_is_found_at_once(older: tuple[int, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Versions(tuple(Step(number, {}) for number in older))


def test_no_steps_at_all() -> None:
    with pytest.raises(ValueError, match="no adapters"):
        Versions(())


@pytest.mark.parametrize(("client", "node"), [(0, 1), (1, 4), (4, 1), (4, 5)])
def test_no_way_to_a_version_that_there_is_not(client: int, node: int) -> None:
    with pytest.raises(ValueError, match=f"from API version {client} to {node}"):
        VERSIONS.pipeline(client, node, "fee")


@pytest.mark.parametrize(
    ("method", "node", "opaque"),
    [
        ("ledger", NodeInfo("rippled", (2, 6, 1)), True),
        ("account_tx", NodeInfo("rippled", (2, 6, 1)), True),
        ("account_tx", NodeInfo("rippled", (1, 12, 0)), False),  # its `ctid` is made of the metadata
        ("nft_history", NodeInfo("clio", (2, 6, 0)), False),  # does not say, so it is read
    ],
)
def test_metadata_stays_text_only_where_no_adapter_looks_into_it(method: str, node: NodeInfo, opaque: bool) -> None:
    assert ADAPTED.pipeline(2, 1, method, node).opaque_metadata is opaque
