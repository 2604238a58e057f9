"""API version 3: which error of amm_info is reported, what is an issue, and names for ledger entries."""

from itertools import product
from typing import Any

import pytest

from adapters import JsonObject
from adapters.v2_v3.issues import is_issue
from tests.support.native import LaidOutNode, error, serve

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
ABOUT: JsonObject = {"ledger_current_index": 132, "validated": False}
REFUSED = error("invalidParams", **ABOUT)
XRP, USD, BAD = {"currency": "XRP"}, {"currency": "USD", "issuer": ALICE}, {"currency": "??"}
AN_AMM: JsonObject = {"account_data": {"AMMID": "A"}}
AN_ACCOUNT: JsonObject = {"account_data": {"Account": ALICE}}


class TestIssues:
    @pytest.mark.parametrize(
        "value",
        [
            *(XRP, {"currency": ""}, {"currency": "0"}, {"currency": "0" * 40}, {"currency": "XRP", "issuer": None}),
            *({"currency": code, "issuer": ALICE} for code in ("USD", "xrp", "<>?", "0a|", "AB" * 20, "ab" * 20)),
            {**USD, "value": "5"},
        ],
    )
    def test_good(self, value: Any) -> None:
        assert is_issue(value)

    @pytest.mark.parametrize(
        "value",
        [
            *("XRP", None, 5, [], {}, {"issuer": ALICE}, {"currency": None}, {"currency": 5, "issuer": ALICE}),
            *({"currency": "XRP", "issuer": ALICE}, {"currency": "USD"}, {"currency": "USD", "issuer": "rNot"}),
            *({"currency": code, "issuer": ALICE} for code in ("??", "US", "USDX", "U D", "é12", "AB" * 19, "GG" * 20)),
            *({"currency": f"{code:040x}", "issuer": ALICE} for code in (1, 0x5852500000000000)),
            *({**USD, "mpt_issuance_id": "0"}, {"mpt_issuance_id": "00" * 24}, {"currency": "USD", "issuer": 5}),
        ],
    )
    def test_bad(self, value: Any) -> None:
        assert not is_issue(value)


class TestAmmInfo:
    @pytest.mark.parametrize(
        ("params", "native"),
        [
            ({"asset": BAD}, "issueMalformed"),
            ({"asset": XRP, "asset2": BAD, "amm_account": "x"}, "issueMalformed"),
            ({"asset2": {"currency": "USD"}, "account": "x"}, "issueMalformed"),
            ({"asset": XRP, "amm_account": "x"}, "actMalformed"),
            ({"asset": XRP, "account": 5}, "actMalformed"),
            ({"asset": XRP}, "invalidParams"),
            ({}, "invalidParams"),
        ],
    )
    def test_v3_fault_that_the_request_shows(self, params: JsonObject, native: str) -> None:
        node = LaidOutNode({"amm_info": REFUSED})
        assert serve(3, 2, "amm_info", params, node.ask) == error(native, **ABOUT)
        assert len(node.asked) == 1

    @pytest.mark.parametrize("params", [{"account": {}}, {"asset": XRP, "amm_account": ["x"]}])
    def test_an_account_of_another_type(self, params: JsonObject) -> None:
        node = LaidOutNode({"amm_info": REFUSED})
        assert serve(3, 2, "amm_info", params, node.ask) == error("internal")
        node = LaidOutNode({"amm_info": error("internal"), "ledger": {"ledger": {}, **ABOUT}})
        assert serve(2, 3, "amm_info", params, node.ask) == error("invalidParams", **ABOUT)

    @pytest.mark.parametrize(
        ("params", "accounts", "native"),
        [
            ({"asset": XRP, "amm_account": ALICE}, [error("actNotFound")], "actMalformed"),
            ({"asset": XRP, "amm_account": ALICE}, [AN_ACCOUNT], "actNotFound"),
            ({"asset": XRP, "amm_account": ALICE}, [AN_AMM], "invalidParams"),
            ({"asset": XRP, "amm_account": ALICE, "account": "x"}, [AN_AMM], "actMalformed"),
            ({"asset": XRP, "amm_account": ALICE, "account": ALICE}, [AN_AMM, error("actNotFound")], "actMalformed"),
            ({"asset": XRP, "amm_account": ALICE, "account": ALICE}, [AN_AMM, AN_ACCOUNT], "invalidParams"),
            ({"account": ALICE}, [AN_ACCOUNT], "invalidParams"),
        ],
    )
    def test_v3_fault_that_only_the_ledger_shows(
        self, params: JsonObject, accounts: list[JsonObject], native: str
    ) -> None:
        node = LaidOutNode({"amm_info": REFUSED, "account_info": accounts})
        got = serve(3, 2, "amm_info", {**params, "ledger_index": "current"}, node.ask)
        assert got == error(native, **ABOUT)
        assert node.asked[1:] == [("account_info", {"account": ALICE, "ledger_index": "current"})] * len(accounts)

    def test_v3_node_that_fails_for_the_account(self) -> None:
        node = LaidOutNode({"amm_info": REFUSED, "account_info": error("tooBusy")})
        assert serve(3, 2, "amm_info", {"account": ALICE}, node.ask)["error"] == "tooBusy"

    @pytest.mark.parametrize(
        ("params", "reported"),
        [
            ({"asset": BAD}, error("invalidParams", "ledgerIndexMalformed")),
            ({"asset": BAD}, error("lgrNotFound")),
            ({"asset": XRP, "asset2": BAD}, error("issueMalformed", **ABOUT)),
            ({"amm_account": ALICE}, error("actNotFound", **ABOUT)),
        ],
    )
    def test_what_both_report_alike(self, params: JsonObject, reported: JsonObject) -> None:
        for client, node in ((3, 2), (2, 3)):
            answers = LaidOutNode({"amm_info": reported})
            assert serve(client, node, "amm_info", params, answers.ask) == reported
            assert len(answers.asked) == 1

    @pytest.mark.parametrize("token", ["issueMalformed", "actMalformed", "actNotFound", "invalidParams"])
    def test_v2_looks_at_the_combination_first(self, token: str) -> None:
        node = LaidOutNode({"amm_info": error(token, **ABOUT)})
        assert serve(2, 3, "amm_info", {"asset": BAD}, node.ask) == REFUSED
        assert serve(1, 3, "amm_info", {"account": ALICE}, node.ask) == REFUSED


class TestLedgerEntry:
    RIPPLED_3 = error("invalidParams", "Invalid field 'index', not hex string.") | {"error": "malformedRequest"}
    RIPPLED_2: JsonObject = {**ABOUT, "error": "malformedRequest"}  # noqa: RUF012
    FOUND: JsonObject = {**ABOUT, "index": "7D…", "node": {}}  # noqa: RUF012
    NAMES = ("amendments", "fee", "hashes", "nunl")

    @pytest.mark.parametrize("name", NAMES)
    def test_v3_name_where_the_node_is_a_rippled_3(self, name: str) -> None:
        node = LaidOutNode({"ledger_entry": [self.RIPPLED_3, self.FOUND]})
        assert serve(3, 2, "ledger_entry", {"index": name, "binary": True}, node.ask) == self.FOUND
        asked = node.asked[1][1]
        assert len(asked.pop("index")) == 64
        assert asked == {"binary": True}

    @pytest.mark.parametrize(("name", "node"), list(product(NAMES, (1, 2))))
    def test_v3_name_where_the_node_is_a_rippled_2_which_has_none_at_v3_either(self, name: str, node: int) -> None:
        answers = LaidOutNode({"ledger_entry": self.RIPPLED_2})
        assert serve(3, node, "ledger_entry", {"index": name}, answers.ask) == self.RIPPLED_2

    @pytest.mark.parametrize("index", ["Fee", "x", "", 5, None, ["fee"], {}])
    def test_v3_an_unknown_name_stays_refused(self, index: Any) -> None:
        node = LaidOutNode({"ledger_entry": self.RIPPLED_3})
        assert serve(3, 2, "ledger_entry", {"index": index}, node.ask) == self.RIPPLED_3
        assert len(node.asked) == 1

    @pytest.mark.parametrize("found", [FOUND, error("entryNotFound")])
    def test_v2_name_is_refused_in_the_nodes_own_words(self, found: JsonObject) -> None:
        node = LaidOutNode({"ledger_entry": [found, self.RIPPLED_3]})
        assert serve(2, 3, "ledger_entry", {"index": "fee", "ledger_index": 5}, node.ask) == self.RIPPLED_3
        assert node.asked[1] == ("ledger_entry", {"index": "", "ledger_index": 5})

    def test_v2_id_passes(self) -> None:
        node = LaidOutNode({"ledger_entry": self.FOUND})
        assert serve(2, 3, "ledger_entry", {"index": "7D" * 32}, node.ask) == self.FOUND
        assert len(node.asked) == 1
