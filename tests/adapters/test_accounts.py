"""account_info, gateway_balances, noripple_check, channel_authorize and peers: what their round trips leave out."""

from typing import Any, ClassVar

import pytest

from adapters import JsonObject
from tests.support.native import LaidOutNode, error, serve

ALICE = "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
PUBLIC_KEY = "aBQG8RQAzjs1eTKFEAQXr2gS4utcDiEC9wmi7pfUPTi27VCahwgw"
WHERE: JsonObject = {"ledger_current_index": 132, "validated": False}
FOUND: JsonObject = {"account_data": {"Account": ALICE}, **WHERE}


class TestAccountInfo:
    @pytest.mark.parametrize(("given", "read"), [("false", True), (1, True), (0, False), ([], False), (None, False)])
    def test_v1_signer_lists_are_read_as_a_boolean(self, given: Any, read: bool) -> None:
        node = LaidOutNode({"account_info": FOUND})
        serve(1, 2, "account_info", {"account": ALICE, "signer_lists": given}, node.ask)
        assert node.asked == [("account_info", {"account": ALICE, "signer_lists": read})]

    @pytest.mark.parametrize("given", ["true", 1, 0, None, []])
    def test_v2_refuses_them_with_the_account(self, given: Any) -> None:
        node = LaidOutNode({"account_info": {**FOUND, "queue_data": {"txn_count": 0}}})
        params = {"account": ALICE, "queue": True, "signer_lists": given}
        assert serve(2, 1, "account_info", params, node.ask) == error("invalidParams", **FOUND)

    def test_v2_an_account_that_is_not_there_comes_first(self) -> None:
        missing = error("actNotFound", account=ALICE, **WHERE)
        node = LaidOutNode({"account_info": missing})
        assert serve(2, 1, "account_info", {"account": ALICE, "signer_lists": 1}, node.ask) == missing


class TestGatewayBalances:
    ABOUT: ClassVar[JsonObject] = {"account": ALICE, **WHERE}

    @pytest.mark.parametrize("wallet", [ALICE, [ALICE], None, []])
    def test_v1_unknown_account_with_good_wallets_has_no_balances(self, wallet: Any) -> None:
        node = LaidOutNode({"gateway_balances": error("actNotFound", **self.ABOUT)})
        params = {"account": ALICE, "hotwallet": wallet}
        assert serve(1, 2, "gateway_balances", params, node.ask) == self.ABOUT

    @pytest.mark.parametrize(
        "wallet",
        [
            *("", "x", "rNotAnAddress", ALICE[:-1], ALICE + "a", [ALICE, 5], [[ALICE]], [None], 5, True, {}, "ééé"),
            *("snoPBrXtMeMyMHUVTgbuqAfg1SUTb", PUBLIC_KEY, [ALICE, PUBLIC_KEY]),
            ALICE.replace("H", "0"),  # a letter that base 58 has not
        ],
    )
    def test_v1_bad_wallet_of_an_unknown_account(self, wallet: Any) -> None:
        node = LaidOutNode({"gateway_balances": error("actNotFound", **self.ABOUT)})
        native = error("invalidHotWallet", **self.ABOUT)
        assert serve(1, 2, "gateway_balances", {"account": ALICE, "hotwallet": wallet}, node.ask) == native

    def test_v1_errors_before_the_account_is_looked_at_stay(self) -> None:
        refusal = error("invalidParams", "Missing field 'account'.")
        params = {"hotwallet": "nonsense"}
        assert serve(1, 2, "gateway_balances", params, LaidOutNode({"gateway_balances": refusal}).ask) == refusal

    def test_v2_asks_in_the_same_ledger_whether_the_account_is_there(self) -> None:
        node = LaidOutNode({"gateway_balances": self.ABOUT, "account_info": error("actNotFound")})
        params = {"ident": ALICE, "ledger_hash": "H", "hotwallet": []}
        assert serve(2, 1, "gateway_balances", params, node.ask) == error("actNotFound", **self.ABOUT)
        assert node.asked[1] == ("account_info", {"account": ALICE, "ledger_hash": "H"})

    def test_v2_does_not_ask_where_balances_show_it(self) -> None:
        balances = {**self.ABOUT, "assets": {}}
        node = LaidOutNode({"gateway_balances": balances})
        assert serve(2, 1, "gateway_balances", {"account": ALICE}, node.ask) == balances

    def test_v2_unknown_account_comes_before_a_bad_wallet(self) -> None:
        bad = error("invalidHotWallet", **self.ABOUT)
        node = LaidOutNode({"gateway_balances": bad, "account_info": error("actNotFound")})
        params = {"account": ALICE, "hotwallet": "x"}
        assert serve(2, 1, "gateway_balances", params, node.ask) == error("actNotFound", **self.ABOUT)


class TestNoRippleCheck:
    USER: ClassVar[JsonObject] = {"account": ALICE, "role": "user"}

    @pytest.mark.parametrize("given", ["x", 1, 0, None, {}])
    def test_v2_refuses_without_asking(self, given: Any) -> None:
        params = {**self.USER, "transactions": given, "limit": 5}
        refusal = error("invalidParams", "Invalid field 'transactions'.")
        assert serve(2, 1, "noripple_check", params, LaidOutNode({}).ask) == refusal

    @pytest.mark.parametrize("limit", [None, "", [], {}])
    def test_v2_refuses_an_empty_limit_with_the_account(self, limit: Any) -> None:
        params = {**self.USER, "transactions": "x", "limit": limit}
        refusal = error("invalidParams", "Invalid field 'transactions'.")
        assert serve(2, 1, "noripple_check", params, LaidOutNode({}).ask) == refusal

    @pytest.mark.parametrize(
        "earlier",
        [
            *({"role": "user"}, {"account": ALICE}, {**USER, "account": 5}, {**USER, "role": "x"}),
            *({**USER, "limit": -1}, {**USER, "limit": "5"}, {**USER, "limit": True}),
        ],
    )
    def test_v2_earlier_checks_come_first(self, earlier: JsonObject) -> None:
        refusal = error("invalidParams", "Missing field 'role'.")
        node = LaidOutNode({"noripple_check": refusal})
        assert serve(2, 1, "noripple_check", {**earlier, "transactions": "x"}, node.ask) == refusal

    @pytest.mark.parametrize(("given", "read"), [("false", True), (0, False), (True, True)])
    def test_v1_reads_a_boolean(self, given: Any, read: bool) -> None:
        node = LaidOutNode({"noripple_check": {"problems": []}})
        serve(1, 2, "noripple_check", {**self.USER, "transactions": given}, node.ask)
        assert node.asked == [("noripple_check", {**self.USER, "transactions": read})]


class TestChannelAuthorize:
    CLAIM: ClassVar[JsonObject] = {"channel_id": "A", "amount": "1", "seed": "s", "key_type": "ed448"}
    V1: ClassVar[JsonObject] = error("invalidParams", "Invalid field 'key_type'.")

    def test_bad_key_type(self) -> None:
        older, newer = (
            LaidOutNode({"channel_authorize": self.V1}),
            LaidOutNode({"channel_authorize": error("badKeyType")}),
        )
        assert serve(2, 1, "channel_authorize", self.CLAIM, older.ask) == error("badKeyType")
        assert serve(1, 2, "channel_authorize", self.CLAIM, newer.ask) == self.V1

    @pytest.mark.parametrize(
        "change",
        [
            *({"key_type": 5}, {"key_type": "ed25519"}, {"passphrase": "two of them"}),
            *({"channel_id": ...}, {"amount": ...}, {"seed": ...}, {"key_type": ...}),
        ],
    )
    def test_other_faults_are_alike_in_both(self, change: JsonObject) -> None:
        params = {name: value for name, value in {**self.CLAIM, **change}.items() if value is not ...}
        refusal = error("invalidParams", "Some other fault.")
        assert serve(2, 1, "channel_authorize", params, LaidOutNode({"channel_authorize": refusal}).ask) == refusal


def test_peers_without_a_word_for_it() -> None:
    reported = {"cluster": {}, "peers": [{"track": "diverged"}, {"track": "unknown"}, {"track": "converged"}, {}]}
    got = serve(1, 2, "peers", {}, LaidOutNode({"peers": reported}).ask)
    assert [peer.get("sanity") for peer in got["peers"]] == ["insane", "unknown", None, None]
    assert serve(2, 1, "peers", {}, LaidOutNode({"peers": {"peers": [{"sanity": "sane"}]}}).ask) == {"peers": [{}]}
