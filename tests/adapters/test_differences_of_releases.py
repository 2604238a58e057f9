"""What differs between releases and software within one API version: each rule of an adapter that looks at the node."""

from typing import Any

import pytest

from adapters import VERSIONS, JsonObject, NodeInfo
from adapters.clio import clio_error
from tests.support.native import LaidOutNode, error, serve

RIPPLED_1 = NodeInfo("rippled", (1, 12, 0), 21337)
RIPPLED_2 = NodeInfo("rippled", (2, 6, 1))
XRPLD = NodeInfo("xrpld", (3, 3, 0))
CLIO = NodeInfo("clio", (2, 6, 0))
PAYMENT = {"TransactionType": "Payment", "Account": "rA", "Destination": "rB"}
BATCH = {"TransactionType": "Batch", "RawTransactions": [{"RawTransaction": {**PAYMENT, "DeliverMax": "1"}}]}


def header(index: int) -> JsonObject:
    return {"ledger_hash": f"{index:064X}", "validated": True, "ledger": {"ledger_data": "00" * 118}}


class TestSigningBefore2:
    @pytest.mark.parametrize("method", ["sign", "sign_for", "submit", "submit_multisigned"])
    @pytest.mark.parametrize(
        ("tx_json", "sent"),
        [
            ({**PAYMENT, "DeliverMax": "5"}, {**PAYMENT, "Amount": "5"}),
            ({**PAYMENT, "DeliverMax": "5", "Amount": "5"}, {**PAYMENT, "Amount": "5"}),
            ({**PAYMENT, "Amount": "5"}, {**PAYMENT, "Amount": "5"}),
            ({**PAYMENT, "DeliverMax": "5", "Amount": "6"}, {**PAYMENT, "DeliverMax": "5", "Amount": "6"}),
            ({"TransactionType": "CheckCash", "DeliverMax": "5"}, {"TransactionType": "CheckCash", "DeliverMax": "5"}),
            (BATCH, {**BATCH, "RawTransactions": [{"RawTransaction": {**PAYMENT, "Amount": "1"}}]}),
        ],
    )
    def test_amounts(self, method: str, tx_json: JsonObject, sent: JsonObject) -> None:
        node = LaidOutNode({method: {"tx_json": {**PAYMENT, "Amount": "5", "hash": "H"}}})
        got = serve(2, 1, method, {"secret": "s", "tx_json": tx_json}, node.ask, server=RIPPLED_1)
        assert node.asked == [(method, {"secret": "s", "tx_json": sent})]
        assert got == {"tx_json": {**PAYMENT, "DeliverMax": "5"}, "hash": "H"}

    def test_different_amounts_are_refused_as_by_v2(self) -> None:
        node = LaidOutNode({"submit": error("invalidParams", "Field 'tx_json.DeliverMax' is unknown.")})
        asked = {"tx_json": {**PAYMENT, "DeliverMax": "5", "Amount": "6"}}
        refusal = error("invalidParams", "Cannot specify differing 'Amount' and 'DeliverMax'")
        assert serve(2, 1, "submit", asked, node.ask, server=RIPPLED_1) == refusal

    def test_a_node_of_an_unknown_release_is_tried_with_the_clients_request_first(self) -> None:
        node = LaidOutNode({"sign": [error("invalidParams", "Missing field 'tx_json.Amount'."), {"tx_blob": "00"}]})
        asked = {"tx_json": {**PAYMENT, "DeliverMax": "5"}}
        assert serve(2, 1, "sign", asked, node.ask) == {"tx_blob": "00"}
        assert node.asked == [("sign", asked), ("sign", {"tx_json": {**PAYMENT, "Amount": "5"}})]

    def test_later_releases_get_it_as_it_is(self) -> None:
        node = LaidOutNode({"sign": {}})
        asked = {"tx_json": {**PAYMENT, "DeliverMax": "5"}}
        serve(2, 1, "sign", asked, node.ask, server=RIPPLED_2)
        assert node.asked == [("sign", asked)]


class TestBefore2:
    def test_a_page_of_account_tx_looks_each_ledger_up_once(self) -> None:
        def entry(index: int) -> JsonObject:
            tx = {"TransactionType": "AccountSet", "hash": "H", "date": 60, "inLedger": index, "ledger_index": index}
            return {"tx": tx, "meta": {"TransactionIndex": 2}, "validated": True}

        page = {"transactions": [entry(7), entry(8), entry(7)]}
        node = LaidOutNode({"account_tx": page, "ledger": lambda params: header(params["ledger_index"])})
        got = serve(2, 1, "account_tx", {"account": "rA"}, node.ask, server=RIPPLED_1)
        assert [params["ledger_index"] for method, params in node.asked if method == "ledger"] == [7, 8]
        assert [each["ledger_hash"] for each in got["transactions"]] == [f"{index:064X}" for index in (7, 8, 7)]
        assert got["transactions"][0]["tx_json"]["ctid"] == "C000000700025359"
        assert got["transactions"][0]["close_time_iso"] == "2000-01-01T00:01:00Z"

    def test_a_look_up_that_fails_fails_the_page(self) -> None:
        tx = {"TransactionType": "AccountSet", "hash": "H", "date": 60, "ledger_index": 7}
        node = LaidOutNode({"account_tx": {"transactions": [{"tx": tx, "meta": {}}]}, "ledger": error("tooBusy")})
        assert serve(2, 1, "account_tx", {"account": "rA"}, node.ask, server=RIPPLED_1) == error("tooBusy")

    @pytest.mark.parametrize("method", ["ledger", "ledger_data"])
    def test_headers_have_the_time_in_iso(self, method: str) -> None:
        node = LaidOutNode({method: {"ledger": {"close_time": 60, "closed": True, "ledger_index": "7"}}})
        got = serve(2, 1, method, {"ledger_index": 7}, node.ask, server=RIPPLED_1)
        assert got["ledger"]["close_time_iso"] == "2000-01-01T00:01:00Z"

    def test_v3_names_of_entries(self) -> None:
        node = LaidOutNode({"ledger_entry": [{"error": "malformedRequest"}, {"node": {}}]})
        assert serve(3, 1, "ledger_entry", {"index": "fee"}, node.ask, server=RIPPLED_1) == {"node": {}}


class TestXrpld:
    @pytest.mark.parametrize("client", [2, 3])
    def test_no_entry_named(self, client: int) -> None:
        node = LaidOutNode({"ledger_entry": {"error": "unknownOption", "ledger_index": 5, "validated": True}})
        refusal = error("invalidParams", "No ledger_entry params provided.")
        assert serve(client, 1, "ledger_entry", {}, node.ask, server=XRPLD) == refusal

    def test_a_limit_comes_before_transactions(self) -> None:
        asked = {"account": "rA", "role": "user", "limit": 0, "transactions": "x"}
        about_limit = error("invalidParams", "Invalid field 'limit'.")
        node = LaidOutNode({"noripple_check": about_limit})
        assert serve(2, 1, "noripple_check", asked, node.ask, server=XRPLD) == about_limit

    def test_ledger_header_of_null(self) -> None:
        refusal = error("invalidParams", "Invalid field 'ledger_index', not string or number.")
        asked = {"ledger_index": None}
        assert serve(1, 2, "ledger_header", asked, LaidOutNode({}).ask, server=XRPLD) == refusal

    @pytest.mark.parametrize(
        ("more", "time", "has_ctid"),
        [
            ({}, "2000-Jan-01 00:31:00.000000 UTC", True),
            ({}, "2000-Jan-01 00:31:01.000000 UTC", False),
            ({"Flags": 0x40000000}, "2000-Jan-01 00:01:00.000000 UTC", False),
            ({"meta": {"ParentBatchID": "B"}}, "2000-Jan-01 00:01:00.000000 UTC", False),
        ],
    )
    def test_ctid_inside_only_while_cached(self, more: JsonObject, time: str, has_ctid: bool) -> None:
        reported = {**PAYMENT, "hash": "H", "ctid": "C", "date": 60, "ledger_index": 7, "validated": True, **more}
        node = LaidOutNode({"tx": reported, "server_info": {"info": {"time": time}}, "ledger": header(7)})
        got = serve(2, 1, "tx", {"transaction": "H"}, node.ask, server=XRPLD)
        assert ("ctid" in got["tx_json"], got["ctid"]) == (has_ctid, "C")


class TestClio:
    @pytest.mark.parametrize(
        ("client", "node", "method", "params", "answer", "expected"),
        [
            (1, 2, "ledger_entry", {}, clio_error("invalidParams"), clio_error("unknownOption")),
            (1, 2, "ledger_entry", {"loan": "00"}, clio_error("invalidParams"), clio_error("unknownOption")),
            (1, 2, "ledger_entry", {"offer": 5}, clio_error("invalidParams"), clio_error("invalidParams")),
            (2, 1, "ledger_entry", {}, clio_error("unknownOption"), clio_error("invalidParams")),
            (2, 1, "tx", {"binary": 1}, {"hash": "H"}, clio_error("invalidParams")),
            (2, 1, "account_info", {"signer_lists": 1}, clio_error("actNotFound"), clio_error("invalidParams")),
            (2, 1, "account_info", {"signer_lists": 1}, clio_error("actMalformed"), clio_error("actMalformed")),
            (1, 2, "gateway_balances", {"account": "rA"}, clio_error("actNotFound"), clio_error("actNotFound")),
        ],
    )
    def test_errors(
        self, client: int, node: int, method: str, params: JsonObject, answer: JsonObject, expected: JsonObject
    ) -> None:
        laid_out = LaidOutNode({method: answer})
        assert serve(client, node, method, params, laid_out.ask, server=CLIO) == expected
        assert len(laid_out.asked) == 1

    def test_a_server_out_of_sync_is_the_rippled_behind(self) -> None:
        node = LaidOutNode({"submit": error("notSynced"), "server_info": {"info": {"server_state": "connected"}}})
        assert serve(1, 2, "submit", {"tx_blob": "00"}, node.ask, server=CLIO) == error("noNetwork")
        assert node.asked[1] == ("server_info", {"ledger_index": "current"})

    def test_validations_are_v1s_in_both(self) -> None:
        message = {"type": "validationReceived", "ledger_index": "5"}
        assert VERSIONS.stream_pipeline(2, 1, CLIO).rewrite(dict(message)) == message

    @pytest.mark.parametrize(("release", "unchanged"), [((2, 7), True), ((2, 8), False), ((), False)])
    def test_proposed_transactions(self, release: tuple[int, ...], unchanged: bool) -> None:
        transaction: dict[str, Any] = {**PAYMENT, "Amount": "1", "DeliverMax": "1", "hash": "H"}
        message = {"type": "transaction", "validated": False, "transaction": transaction}
        got = VERSIONS.stream_pipeline(2, 1, NodeInfo("clio", release)).rewrite(
            {**message, "transaction": dict(transaction)}
        )
        tx_json = {name: value for name, value in transaction.items() if name != "hash"}
        newer = {"type": "transaction", "validated": False, "tx_json": tx_json, "hash": "H"}
        assert got == (message if unchanged else newer)


class TestWhatClioForwards:
    """A request that Clio sends on to its rippled is answered as that rippled would answer it."""

    BEHIND = NodeInfo("clio", (2, 6, 0), 0, (3, 3, 0))

    def test_a_flag_of_a_wrong_type_is_refused_next_to_the_account(self) -> None:
        node = LaidOutNode({"account_info": {"account_data": {"Account": "rA"}, "ledger_current_index": 5}})
        asked = {"account": "rA", "ledger_index": "current", "signer_lists": 1}
        got = serve(2, 1, "account_info", asked, node.ask, server=CLIO)
        assert got == error("invalidParams", account_data={"Account": "rA"}, ledger_current_index=5)

    def test_a_ledger_of_its_own_is_clios(self) -> None:
        node = LaidOutNode({"account_info": {"account_data": {"Account": "rA"}}})
        got = serve(2, 1, "account_info", {"account": "rA", "signer_lists": 1}, node.ask, server=CLIO)
        assert got == clio_error("invalidParams")

    def test_a_queue_is_rippleds(self) -> None:
        node = LaidOutNode({"account_info": {"account_data": {"Account": "rA"}, "queue_data": {}}})
        asked = {"account": "rA", "queue": True, "signer_lists": 1}
        got = serve(2, 1, "account_info", asked, node.ask, server=CLIO)
        assert got == error("invalidParams", account_data={"Account": "rA"})

    @pytest.mark.parametrize(("client", "token"), [(1, "unknownOption"), (2, "invalidParams")])
    def test_a_request_for_no_entry(self, client: int, token: str) -> None:
        place = {"ledger_current_index": 5, "validated": False}
        refusal = error("invalidParams", "No ledger_entry params provided.")
        answers = {"ledger_entry": refusal if client == 1 else {**place, "error": "unknownOption"}}
        node = LaidOutNode({**answers, "ledger": {"ledger": {}, **place}})
        got = serve(client, 3 - client, "ledger_entry", {"ledger_index": "current"}, node.ask, server=self.BEHIND)
        assert got == ({**place, "error": token} if client == 1 else refusal)

    def test_an_account_that_is_not_there_has_no_balances(self) -> None:
        node = LaidOutNode({"gateway_balances": error("actNotFound", account="rA", ledger_current_index=5)})
        asked = {"account": "rA", "ledger_index": "current"}
        got = serve(1, 2, "gateway_balances", asked, node.ask, server=CLIO)
        assert got == {"account": "rA", "ledger_current_index": 5}

    def test_the_unmet_condition_is_asked_of_the_rippled(self) -> None:
        state = {"info": {"server_state": "connected"}}
        node = LaidOutNode({"submit": error("notSynced"), "server_info": state})
        got = serve(1, 2, "submit", {"tx_blob": "00"}, node.ask, server=CLIO)
        assert got["error"] == "noNetwork"
        assert node.asked[-1] == ("server_info", {"ledger_index": "current"})


class TestChecksOfClio:
    @pytest.mark.parametrize("token", ["excessiveLgrRange", "invalidLgrRange", "txnNotFound"])
    def test_a_binary_that_is_no_boolean_is_refused_before_the_range(self, token: str) -> None:
        node = LaidOutNode({"tx": error(token, type="response")})
        asked = {"transaction": "AA", "binary": 1, "min_ledger": 9, "max_ledger": 5}
        assert serve(2, 1, "tx", asked, node.ask, server=CLIO) == clio_error("invalidParams")

    def test_a_flag_of_a_wrong_type_is_refused_before_a_missing_account(self) -> None:
        node = LaidOutNode({"account_info": clio_error("invalidParams", "Missing field 'account'.")})
        assert serve(2, 1, "account_info", {"signer_lists": 1}, node.ask, server=CLIO) == clio_error("invalidParams")

    def test_a_malformed_ledger_next_to_a_range_is_refused_in_v1_too(self) -> None:
        malformed = clio_error("invalidParams", "ledgerIndexMalformed")
        node = LaidOutNode({"account_tx": malformed})
        asked = {"account": "rA", "ledger_index_min": 30, "ledger_index": "bogus"}
        assert serve(1, 2, "account_tx", asked, node.ask, server=CLIO) == malformed

    def test_a_range_wins_over_a_ledger_in_v1(self) -> None:
        both = clio_error("invalidParams", "containsLedgerSpecifierAndRange")
        found = {"account": "rA", "ledger_index_min": 30, "ledger_index_max": 131, "transactions": []}
        node = LaidOutNode({"account_tx": [both, found]})
        asked = {"account": "rA", "ledger_index_min": 30, "ledger_index": 40}
        assert serve(1, 2, "account_tx", asked, node.ask, server=CLIO) == found
        assert node.asked[-1] == ("account_tx", {"account": "rA", "ledger_index_min": 30})
