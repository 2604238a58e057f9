"""tx, transaction_entry, nft_history, signing and streams: older rippled, Clio, and what round trips leave out."""

from typing import Any, ClassVar

import pytest

from adapters import VERSIONS, JsonObject
from tests.support.generated import Ledger
from tests.support.native import LaidOutNode, error, serve

LEDGER = Ledger(131, "AB" * 32, 848562629)
HEADER = {
    "ledger": {"closed": True, "ledger_data": LEDGER.ledger_data},
    "ledger_hash": LEDGER.hash,
    "ledger_index": 131,
    "validated": True,
}
NO_LEDGER = error("lgrNotFound", "ledgerNotFound")
PAYMENT = {"TransactionType": "Payment", "Account": "rA", "Destination": "rB"}
CHECK = {"TransactionType": "CheckCash", "Amount": "7"}


class TestTx:
    def test_v2_of_an_older_rippled(self) -> None:
        """Before 2.0 neither DeliverMax nor ctid was there."""
        reported = {**PAYMENT, "Amount": "5", "hash": "T", "date": 848562629, "inLedger": 131, "ledger_index": 131}
        node = LaidOutNode({"tx": {**reported, "meta": {}, "validated": True}, "ledger": HEADER})
        assert serve(2, 1, "tx", {"transaction": "T"}, node.ask) == {
            "tx_json": {**PAYMENT, "DeliverMax": "5", "date": 848562629, "ledger_index": 131},
            "hash": "T",
            "meta": {},
            "ledger_hash": LEDGER.hash,
            "ledger_index": 131,
            "close_time_iso": LEDGER.close_time_iso,
            "validated": True,
        }

    def test_v2_of_a_node_that_has_the_transaction_but_no_longer_its_ledger(self) -> None:
        reported = {
            **CHECK,
            "hash": "T",
            "date": 0,
            "inLedger": 131,
            "ledger_index": 131,
            "meta": {},
            "validated": True,
        }
        got = serve(2, 1, "tx", {"transaction": "T"}, LaidOutNode({"tx": reported, "ledger": NO_LEDGER}).ask)
        assert "ledger_hash" not in got
        assert got["close_time_iso"] == "2000-01-01T00:00:00Z"

    def test_v2_not_in_a_ledger_asks_for_none(self) -> None:
        node = LaidOutNode({"tx": {**CHECK, "hash": "T", "validated": False}})
        got = serve(2, 1, "tx", {"transaction": "T"}, node.ask)
        assert got == {"tx_json": CHECK, "hash": "T", "validated": False}

    @pytest.mark.parametrize(("client", "node"), [(1, 2), (2, 1)])
    @pytest.mark.parametrize("searched", [{}, {"searched_all": False}])
    def test_not_found(self, client: int, node: int, searched: JsonObject) -> None:
        missing = error("txnNotFound", **searched)
        assert serve(client, node, "tx", {"transaction": "T"}, LaidOutNode({"tx": missing}).ask) == missing

    def test_v1_of_clio(self) -> None:
        """Clio's v2 has everything of rippled's, and says itself that it is Clio, in warnings."""
        reported = {
            "tx_json": {**PAYMENT, "DeliverMax": "5", "ctid": "C", "date": 848562629, "ledger_index": 131},
            "hash": "T",
            "meta": {"delivered_amount": "5"},
            "ctid": "C",
            "ledger_hash": LEDGER.hash,
            "ledger_index": 131,
            "close_time_iso": LEDGER.close_time_iso,
            "validated": True,
            "warnings": [{"id": 2001}],
        }
        assert serve(1, 2, "tx", {"transaction": "T"}, LaidOutNode({"tx": reported}).ask) == {
            **PAYMENT,
            "Amount": "5",
            "DeliverMax": "5",
            "ctid": "C",
            "date": 848562629,
            "hash": "T",
            "inLedger": 131,
            "ledger_index": 131,
            "meta": {"delivered_amount": "5"},
            "validated": True,
            "warnings": [{"id": 2001}],
        }


class TestNftHistory:
    """Clio's own; its entries have `date` next to a binary transaction, in both versions."""

    ABOUT: ClassVar[JsonObject] = {
        "nft_id": "0" * 64,
        "ledger_index_min": 2,
        "ledger_index_max": 131,
        "validated": True,
    }

    def test_binary(self) -> None:
        rest = {"tx_blob": "12", "ledger_index": 131, "date": 848562629, "validated": True}
        older = {**self.ABOUT, "transactions": [{"meta": "20", **rest}]}
        newer = {**self.ABOUT, "transactions": [{"meta_blob": "20", **rest}]}
        assert serve(1, 2, "nft_history", {"binary": True}, LaidOutNode({"nft_history": newer}).ask) == older
        assert serve(2, 1, "nft_history", {"binary": True}, LaidOutNode({"nft_history": older}).ask) == newer


class TestTransactionEntry:
    REPORTED: ClassVar[JsonObject] = {
        "tx_json": {**CHECK, "hash": "T"},
        "metadata": {"a": 1},
        "ledger_index": 131,
        "ledger_hash": LEDGER.hash,
    }

    def test_v2_gets_the_close_time_of_a_validated_ledger(self) -> None:
        node = LaidOutNode({"transaction_entry": {**self.REPORTED, "validated": True}, "ledger": HEADER})
        got = serve(2, 1, "transaction_entry", {"tx_hash": "T", "ledger_index": 131}, node.ask)
        assert got["close_time_iso"] == LEDGER.close_time_iso
        assert (got["meta"], got["hash"], got["tx_json"]) == ({"a": 1}, "T", CHECK)

    def test_v2_of_one_that_is_not(self) -> None:
        node = LaidOutNode({"transaction_entry": {**self.REPORTED, "validated": False}})
        assert "close_time_iso" not in serve(2, 1, "transaction_entry", {}, node.ask)

    @pytest.mark.parametrize(("client", "node"), [(1, 2), (2, 1)])
    def test_errors_stay(self, client: int, node: int) -> None:
        missing = {"error": "transactionNotFound", "ledger_index": 131, "validated": True}
        answers = LaidOutNode({"transaction_entry": missing})
        assert serve(client, node, "transaction_entry", {}, answers.ask) == missing


class TestSigning:
    SIGNED: ClassVar[JsonObject] = {
        "tx_json": {**PAYMENT, "Amount": "5", "DeliverMax": "5", "hash": "T"},
        "tx_blob": "12",
    }

    @pytest.mark.parametrize(("client", "node"), [(1, 2), (2, 1)])
    @pytest.mark.parametrize("params", [{"tx_blob": "12"}, {"tx_blob": "12", "tx_json": {}}, {"tx_blob": None}])
    def test_a_submitted_blob_has_the_same_response(self, client: int, node: int, params: JsonObject) -> None:
        reported = {"tx_json": {**PAYMENT, "Amount": "5", "hash": "T", "inLedger": 5}, "accepted": True}
        assert serve(client, node, "submit", params, LaidOutNode({"submit": reported}).ask) == reported

    @pytest.mark.parametrize("method", ["sign", "sign_for", "submit", "submit_multisigned"])
    def test_the_request_is_forwarded_unchanged(self, method: str) -> None:
        params = {"tx_json": {**PAYMENT, "Amount": "5"}, "secret": "s", "offline": True}
        for client, version in ((1, 2), (2, 1)):
            node = LaidOutNode({method: error("badSecret")})
            serve(client, version, method, params, node.ask)
            assert node.asked == [(method, params)]

    def test_simulate_has_the_same_response(self) -> None:
        reported = {"tx_json": {**PAYMENT, "DeliverMax": "5", "hash": "T"}, "meta": {}, "ledger_index": 5}
        for client, version in ((1, 2), (2, 1)):
            assert serve(client, version, "simulate", {}, LaidOutNode({"simulate": reported}).ask) == reported


class TestStreams:
    @pytest.mark.parametrize("kind", ["ledgerClosed", "bookChanges", "serverStatus", "manifestReceived", "path_find"])
    def test_what_did_not_change_is_not_touched(self, kind: str) -> None:
        for client, node in ((1, 2), (2, 1), (1, 3), (3, 1)):
            pipeline = VERSIONS.stream_pipeline(client, node)
            assert not pipeline.may_rewrite(f'{{"type":"{kind}","ledger_index":5}}'.encode())
            assert pipeline.rewrite({"type": kind, "ledger_index": 5}) == {"type": kind, "ledger_index": 5}

    @pytest.mark.parametrize("text", ['{"type":"transaction"}', '{"a":1, "type" :\n"validationReceived"}'])
    def test_what_may_have_changed_is_touched(self, text: str) -> None:
        assert VERSIONS.stream_pipeline(1, 2).may_rewrite(text.encode())
        assert VERSIONS.stream_pipeline(2, 1).may_rewrite(text.encode())
        assert not VERSIONS.stream_pipeline(2, 2).may_rewrite(text.encode())

    @pytest.mark.parametrize(
        "message",
        [
            *({}, {"type": "transaction"}, {"type": "transaction", "transaction": None}),
            *({"type": "validationReceived"}, {"type": "validationReceived", "ledger_index": None}),
        ],
    )
    def test_what_lacks_its_parts_passes(self, message: Any) -> None:
        for client, node in ((1, 2), (2, 1)):
            assert VERSIONS.stream_pipeline(client, node).rewrite(dict(message)) == message
