"""ledger, ledger_header, ledger_data, ledger_entry and tx_history: what their round trips leave out."""

from typing import Any, ClassVar

import pytest

from adapters import JsonObject
from adapters.ledgers import read_header
from tests.support.native import LaidOutNode, error, serve

HASH, PARENT = "AB" * 32, "CD" * 32
CLOSED: JsonObject = {
    "account_hash": "11" * 32,
    "close_flags": 1,
    "close_time": 700,
    "close_time_resolution": 10,
    "closed": True,
    "ledger_hash": HASH,
    "ledger_index": 131,
    "parent_close_time": 690,
    "parent_hash": PARENT,
    "total_coins": "99999999997998",
    "transaction_hash": "22" * 32,
}
FOUND: JsonObject = {"ledger": CLOSED, "ledger_hash": HASH, "ledger_index": 131, "validated": True}
SERIALISED = (
    f"00000083{99999999997998:016X}{PARENT}{'22' * 32}{'11' * 32}{690:08X}{700:08X}0A01"  # as rippled's addRaw has it
)


class TestLedger:
    OPEN: ClassVar[JsonObject] = {
        "ledger": {"closed": False, "ledger_index": 132},
        "ledger_current_index": 132,
        "validated": False,
    }

    def expanded(self) -> JsonObject:
        queued = {"account": "r", "fee": "10", "hash": "Q", "validated": False, "tx_json": {}, "owner_funds": "1"}
        ledger = {**self.OPEN["ledger"], "transactions": [{"hash": "T", "tx_json": {}}]}
        return {**self.OPEN, "ledger": ledger, "queue_data": [queued]}

    @pytest.mark.parametrize("queue", [True, "yes", 1])
    def test_v1_queue_that_v2_fails_on_is_requested_expanded_and_reduced(self, queue: Any) -> None:
        node = LaidOutNode({"ledger": [error("internal"), self.expanded()]})
        got = serve(1, 2, "ledger", {"queue": queue, "transactions": True}, node.ask)
        assert got["queue_data"] == [{"account": "r", "fee": "10", "tx": "Q"}]
        assert got["ledger"] == {"closed": False, "ledger_index": "132", "transactions": ["T"]}
        assert node.asked[1] == ("ledger", {"queue": queue, "transactions": True, "expand": True})

    def test_v1_reduces_what_an_administrator_sees_as_well(self) -> None:
        reported = self.expanded()
        reported["ledger"]["accountState"] = [{"index": "I", "Balance": "1"}, {"hash": "J", "tx_blob": "00"}]
        node = LaidOutNode({"ledger": [error("internal"), reported]})
        got = serve(1, 2, "ledger", {"queue": True, "accounts": True}, node.ask)
        assert got["ledger"]["accountState"] == ["I", "J"]

    def test_v1_a_binary_entry_of_the_state_is_whole(self) -> None:
        reported = self.expanded()
        entries = [{"hash": "J", "tx_blob": "00"}]
        reported["ledger"]["accountState"] = entries
        node = LaidOutNode({"ledger": [error("internal"), reported]})
        got = serve(1, 2, "ledger", {"queue": True, "accounts": True, "binary": True}, node.ask)
        assert got["ledger"]["accountState"] == entries

    @pytest.mark.parametrize("params", [{}, {"queue": False}, {"queue": True, "expand": 1}, {"queue": True, "full": 1}])
    def test_v1_another_internal_error_stays(self, params: JsonObject) -> None:
        node = LaidOutNode({"ledger": error("internal")})
        assert serve(1, 2, "ledger", params, node.ask) == error("internal")
        assert len(node.asked) == 1

    def test_v2_queue_of_hashes(self) -> None:
        """Better than rippled's own v2, which fails."""
        reported = {**self.OPEN, "queue_data": [{"account": "r", "tx": "Q"}]}
        got = serve(2, 1, "ledger", {"queue": True}, LaidOutNode({"ledger": reported}).ask)
        assert got["queue_data"] == [{"account": "r", "hash": "Q"}]

    def test_v2_of_an_older_rippled(self) -> None:
        """Before 2.0 there was no `close_time_iso` in a ledger, and no DeliverMax."""
        payment = {"TransactionType": "Payment", "Amount": "5", "hash": "T", "metaData": {"TransactionIndex": 0}}
        ledger = {"closed": True, "ledger_index": "131", "close_time": 0, "transactions": [payment]}
        reported = {**FOUND, "ledger": ledger}
        got = serve(2, 1, "ledger", {"expand": True, "transactions": True}, LaidOutNode({"ledger": reported}).ask)
        assert got["ledger"]["transactions"] == [
            {
                "tx_json": {"TransactionType": "Payment", "DeliverMax": "5"},
                "meta": {"TransactionIndex": 0},
                "hash": "T",
                "ledger_hash": HASH,
                "ledger_index": 131,
                "close_time_iso": "2000-01-01T00:00:00Z",
                "validated": True,
            }
        ]


class TestLedgerHeader:
    @pytest.mark.parametrize(
        "named",
        [
            {"ledger_hash": HASH},
            {"ledger_index": 131},
            {"ledger_index": "validated"},
            {"ledger": 131},
            {"ledger": HASH},
        ],
    )
    def test_a_ledger_that_stands_still(self, named: JsonObject) -> None:
        node = LaidOutNode({"ledger": FOUND})
        got = serve(1, 2, "ledger_header", {**named, "transactions": True}, node.ask)
        assert got == {**FOUND, "ledger": {**CLOSED, "ledger_index": "131"}, "ledger_data": SERIALISED}
        assert node.asked == [("ledger", named)]

    @pytest.mark.parametrize("legacy", [0, False])
    def test_a_number_or_a_boolean_is_a_name_however_empty(self, legacy: object) -> None:
        node = LaidOutNode({"ledger": error("lgrNotFound")})
        assert serve(1, 2, "ledger_header", {"ledger": legacy}, node.ask) == error("lgrNotFound")

    @pytest.mark.parametrize("named", [{"ledger_index": "closed"}, {"ledger": "closed"}])
    def test_the_closed_ledger_is_requested_by_its_hash(self, named: JsonObject) -> None:
        node = LaidOutNode({"ledger_closed": {"ledger_hash": HASH, "ledger_index": 131}, "ledger": FOUND})
        assert serve(1, 2, "ledger_header", named, node.ask)["ledger_data"] == SERIALISED
        assert node.asked == [("ledger_closed", {}), ("ledger", {"ledger_hash": HASH})]

    @pytest.mark.parametrize("named", [{}, {"ledger_index": "current"}, {"ledger": "current"}, {"ledger": ""}])
    def test_the_open_ledger_is_made_from_the_closed_one(self, named: JsonObject) -> None:
        node = LaidOutNode({"ledger_closed": {"ledger_hash": HASH, "ledger_index": 131}, "ledger": FOUND})
        expected = f"00000084{99999999997998:016X}{HASH}{'22' * 32}{'11' * 32}{700:08X}{700:08X}0A01"
        assert serve(1, 2, "ledger_header", named, node.ask) == {
            "ledger": {"closed": False, "ledger_index": "132", "parent_hash": HASH},
            "ledger_current_index": 132,
            "ledger_data": expected,
            "validated": False,
        }

    def test_errors_are_those_of_the_look_up(self) -> None:
        missing = error("lgrNotFound", "ledgerNotFound")
        node = LaidOutNode({"ledger": missing})
        assert serve(1, 2, "ledger_header", {"ledger_index": 9}, node.ask) == missing
        closed = LaidOutNode({"ledger_closed": error("tooBusy")})
        assert serve(1, 2, "ledger_header", {}, closed.ask) == error("tooBusy")

    @pytest.mark.parametrize("method", ["ledger_header", "tx_history"])
    def test_v2_has_no_such_method(self, method: str) -> None:
        assert serve(2, 1, method, {"start": 0}, LaidOutNode({}).ask) == error("unknownCmd")


def test_ledger_data_of_a_later_page() -> None:
    page = {"ledger_index": 131, "state": [{"ledger_index": 5}]}
    for client, node in ((1, 2), (2, 1)):
        assert serve(client, node, "ledger_data", {"marker": "A"}, LaidOutNode({"ledger_data": page}).ask) == page


class TestLedgerEntry:
    ABOUT: ClassVar[JsonObject] = {"ledger_hash": HASH, "ledger_index": 131, "validated": True}

    @pytest.mark.parametrize(
        "refusal",
        [{**ABOUT, "error": "invalidParams"}, error("invalidParams", "No ledger_entry params provided.")],
        ids=["rippled 2", "rippled 3"],
    )
    def test_v1_no_entry_named(self, refusal: JsonObject) -> None:
        node = LaidOutNode({"ledger_entry": refusal, "ledger": FOUND})
        native = {**self.ABOUT, "error": "unknownOption"}
        assert serve(1, 2, "ledger_entry", {"ledger_index": 131, "binary": True}, node.ask) == native
        assert node.asked[1:] in ([], [("ledger", {"ledger_index": 131})])

    def test_v1_no_entry_and_no_ledger_named(self) -> None:
        node = LaidOutNode({"ledger_entry": error("invalidParams"), "ledger": TestLedger.OPEN})
        native = {"ledger_current_index": 132, "validated": False, "error": "unknownOption"}
        assert serve(1, 2, "ledger_entry", {}, node.ask) == native
        assert node.asked[1] == ("ledger", {"ledger_index": "current"})

    def test_v1_no_entry_and_no_such_ledger(self) -> None:
        node = LaidOutNode({"ledger_entry": error("invalidParams"), "ledger": error("lgrNotFound")})
        assert serve(1, 2, "ledger_entry", {"ledger_index": 9}, node.ask) == error("lgrNotFound")

    @pytest.mark.parametrize("entry", [{"index": ["x"]}, {"offer": {"account": [], "seq": 1}}])
    def test_an_entry_named_by_json_of_a_wrong_type(self, entry: JsonObject) -> None:
        refused = {**self.ABOUT, "error": "invalidParams"}
        for refusal in (refused, error("invalidParams")):  # of rippled 2, and of 3
            assert serve(1, 2, "ledger_entry", entry, LaidOutNode({"ledger_entry": refusal}).ask) == error("internal")
        node = LaidOutNode({"ledger_entry": error("internal"), "ledger": FOUND})
        assert serve(2, 1, "ledger_entry", {**entry, "ledger_index": 131}, node.ask) == refused

    def test_a_fault_of_the_servers_own_stays(self) -> None:
        node = LaidOutNode({"ledger_entry": error("internal")})
        assert serve(2, 1, "ledger_entry", {"index": "A"}, node.ask) == error("internal")

    @pytest.mark.parametrize("entry", [{"account": "r1"}, {"signer_list": "A"}, {"fee": "A"}])
    def test_v1_an_entry_that_only_rippled_3_can_name(self, entry: JsonObject) -> None:
        unknown = {**self.ABOUT, "error": "invalidParams"}
        native = {**self.ABOUT, "error": "unknownOption"}
        assert serve(1, 2, "ledger_entry", entry, LaidOutNode({"ledger_entry": unknown}).ask) == native

    @pytest.mark.parametrize("entry", [{"index": 5}, {"check": "A", "offer": "B"}, {"amm": {}}, {"vault": "A"}])
    def test_v1_another_fault_stays(self, entry: JsonObject) -> None:
        refusal = error("invalidParams", "Too many fields provided.")
        assert serve(1, 2, "ledger_entry", entry, LaidOutNode({"ledger_entry": refusal}).ask) == refusal


UNREADABLE_STARTS: tuple[Any, ...] = (-1, -0.5, "x", " 4", "-4", -1.5, 1e300, [], {}, "")


class TestTxHistory:
    def ledgers(self, counts: dict[int, int]) -> LaidOutNode:
        """A node with so many transactions in each ledger; its newest is the highest."""

        def ledger(params: JsonObject) -> JsonObject:
            if params["ledger_index"] == "validated":
                return {"ledger_index": max(counts)}
            index = params["ledger_index"]
            if index not in counts:
                return error("lgrNotFound", "ledgerNotFound")
            names = [f"{index}-{number}" for number in range(counts[index])]
            if not params.get("expand"):
                return {"ledger": {"transactions": names}}
            entries: list[JsonObject] = [
                {"tx_json": {"TransactionType": "AccountSet"}, "hash": name, "meta": {"TransactionIndex": number}}
                for number, name in enumerate(names)
            ]
            return {"ledger": {"transactions": entries}}

        return LaidOutNode({"ledger": ledger})

    def history(self, start: Any, counts: dict[int, int]) -> tuple[JsonObject, list[str]]:
        got = serve(1, 2, "tx_history", {"start": start}, self.ledgers(counts).ask)
        return got, [tx["hash"] for tx in got["txs"] or ()]

    def test_newest_first_over_ledgers(self) -> None:
        got, found = self.history(0, {9: 3, 8: 0, 7: 2})
        assert found == ["9-2", "9-1", "9-0", "7-1", "7-0"]
        assert got["txs"][0] == {"TransactionType": "AccountSet", "hash": "9-2", "inLedger": 9, "ledger_index": 9}

    def test_twenty_at_most(self) -> None:
        _, found = self.history(0, {9: 15, 8: 15})
        assert found == [f"9-{n}" for n in range(14, -1, -1)] + [f"8-{n}" for n in range(14, 9, -1)]

    @pytest.mark.parametrize(
        ("start", "index"), [(0, 0), ("4", 4), (4.9, 4), (True, 1), (False, 0), (None, 0), ("+4", 4), (3, 3)]
    )
    def test_start(self, start: Any, index: int) -> None:
        everything = ["9-2", "9-1", "9-0", "7-1", "7-0"]
        got, found = self.history(start, {9: 3, 8: 0, 7: 2})
        assert got["index"] == index
        assert found == everything[index:]

    @pytest.mark.parametrize("start", [5, 100, 10_000])
    def test_none_remain(self, start: int) -> None:
        got, _ = self.history(start, {9: 3, 8: 0, 7: 2})
        assert got == {"index": start, "txs": None}

    @pytest.mark.parametrize(
        ("params", "native"),
        [({}, "invalidParams"), ({"start": 10_001}, "noPermission"), ({"start": 2**32 - 1}, "noPermission")]
        + [({"start": bad}, "internal") for bad in UNREADABLE_STARTS],
    )
    def test_bad_start(self, params: JsonObject, native: str) -> None:
        node = LaidOutNode({})
        assert serve(1, 2, "tx_history", params, node.ask) == error(native)
        assert node.asked == []

    @pytest.mark.parametrize("fails_at", [0, 1, 2])
    @pytest.mark.parametrize("start", [0, 2])
    def test_a_failing_node_is_reported_rather_than_a_page_cut_short(self, start: int, fails_at: int) -> None:
        node = self.ledgers({9: 1, 8: 1, 7: 1})
        failing = LaidOutNode({"ledger": error("slowDown")})
        answers = iter([node.ask] * fails_at + [failing.ask] * 9)
        got = serve(1, 2, "tx_history", {"start": start}, lambda question: next(answers)(question))
        assert got == error("slowDown")


def test_a_header_is_read_from_a_node_that_ignores_binary() -> None:
    ledger = {"close_time": 5, "ledger_hash": "AB" * 32}
    assert read_header({"ledger": ledger, "ledger_hash": "AB" * 32}) == ("AB" * 32, 5)
    with pytest.raises(KeyError):
        read_header({"ledger": {}, "ledger_hash": "AB" * 32})
