"""How API versions 2 and 3 each tell what changed between them: errors, and names for entries."""

from typing import Any

from hypothesis import strategies as st

from adapters import JsonObject
from tests.support.generated import ACCOUNTS, accounts, hashes
from tests.support.native import error
from tests.support.round_trip import Reported, same

Tolds = st.SearchStrategy[Reported]

ABOUT: JsonObject = {"ledger_hash": "AB" * 32, "ledger_index": 131, "validated": True}
XRP, USD = {"currency": "XRP"}, {"currency": "USD", "issuer": ACCOUNTS[1]}
AN_AMM: JsonObject = {"account_info": {"account_data": {"Account": ACCOUNTS[0], "AMMID": "CD" * 32}}}
NO_AMM: JsonObject = {"account_info": {"account_data": {"Account": ACCOUNTS[0]}}}
NOBODY: JsonObject = {"account_info": error("actNotFound")}

good_issues: st.SearchStrategy[Any] = st.sampled_from([XRP, USD])
bad_issues: st.SearchStrategy[Any] = st.sampled_from(
    [{"currency": "??"}, {"currency": "USD"}, "XRP", {}, {**XRP, "issuer": ACCOUNTS[1]}]
)
one_asset = st.sampled_from(["asset", "asset2"])


@st.composite
def _wrong_combination(draw: st.DrawFn) -> Reported:
    """A request that names no AMM, or two: v2 looks no further."""
    kind = draw(st.sampled_from(["asset", "amm_account", "no amm", "account", "nothing wrong"]))
    good: JsonObject = {draw(one_asset): draw(good_issues)}
    params, responses, token = good, AN_AMM, "invalidParams"
    if kind == "asset":
        params, token = {draw(one_asset): draw(bad_issues), "amm_account": "x"}, "issueMalformed"
    elif kind == "amm_account":
        params, token, responses = {**good, "amm_account": draw(accounts | st.just("x"))}, "actMalformed", NOBODY
    elif kind == "no amm":
        params, token, responses = {**good, "amm_account": draw(accounts)}, "actNotFound", NO_AMM
    elif kind == "account":
        params, token, responses = {**good, "account": draw(st.one_of(accounts, st.just(5)))}, "actMalformed", NOBODY
    elif draw(st.booleans()):
        params = {**good, "amm_account": draw(accounts), "account": draw(accounts)}
    older, newer = error("invalidParams", **ABOUT), error(token, **ABOUT)
    return Reported(older, newer, {**params, "ledger_index": 131}, responses=responses)


@st.composite
def _right_combination(draw: st.DrawFn) -> Reported:
    params = draw(st.sampled_from([{"asset": XRP, "asset2": USD}, {"amm_account": ACCOUNTS[0]}]))
    found = {**ABOUT, "amm": {"account": ACCOUNTS[0], "amount": "1", "trading_fee": 600}}
    faults = [error(token, **ABOUT) for token in ("issueMalformed", "actMalformed", "actNotFound")]
    return same(draw(st.sampled_from([found, *faults])), params=params)


CASES: dict[str, Tolds] = {
    "amm_info": _wrong_combination() | _right_combination() | st.just(same(error("lgrNotFound", "ledgerNotFound"))),
    "ledger_entry": hashes.map(lambda index: same({**ABOUT, "index": index, "node": {}}, params={"index": index}))
    | st.sampled_from(["amendments", "fee", "hashes", "nunl"]).map(
        lambda name: same({**ABOUT, "error": "malformedRequest"}, params={"index": name})
    ),
}

NO_WAY_BACK: dict[str, str] = {}

LOSSES: dict[str, tuple[str, Reported]] = {
    "amm_info, a wrong combination: v2 names no fault, and an account named by its key cannot be looked up": (
        "amm_info",
        Reported(
            error("invalidParams", **ABOUT),
            error("actNotFound", **ABOUT),
            {"amm_account": "aBQG8RQAzjs1eTKFEAQXr2gS4utcDiEC9wmi7pfUPTi27VCahwgw", "asset": XRP},
        ),
    ),
}

STREAMS: dict[str, st.SearchStrategy[tuple[JsonObject, JsonObject]]] = {}

ERRORS: Tolds = st.sampled_from([same(error(token)) for token in ("notSynced", "tooBusy", "invalidParams")])
