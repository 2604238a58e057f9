"""How API versions 1 and 2 each show what was generated."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from adapters import JsonObject
from tests.support.generated import (
    Ledger,
    Transaction,
    accounts,
    drops,
    hashes,
    hexes,
    ledger_lists,
    ledgers,
    transactions,
    uint32,
)
from tests.support.native import error
from tests.support.round_trip import Reported, same

Tolds = st.SearchStrategy[Reported]


def older_json(tx: Transaction) -> JsonObject:
    """A transaction as v1 has it: with its hash, a Payment's amount under both names."""
    amount = {} if tx.amount is None else {"Amount": tx.amount, "DeliverMax": tx.amount}
    return {**tx.fields, **amount, "hash": tx.hash}


def newer_json(tx: Transaction) -> JsonObject:
    """A transaction as v2 has it."""
    return {**tx.fields, **({} if tx.amount is None else {"DeliverMax": tx.amount})}


def _ctid(tx: Transaction) -> JsonObject:
    return {} if tx.ctid is None else {"ctid": tx.ctid}


def _where(tx: Transaction, ledger: Ledger) -> JsonObject:
    """What stands inside a transaction's JSON in either version."""
    return {**_ctid(tx), "date": ledger.close_time, "ledger_index": ledger.index}


def _ledger_fields(ledger: Ledger) -> JsonObject:
    """What v2 has next to a validated transaction."""
    return {
        "close_time_iso": ledger.close_time_iso,
        "ledger_hash": ledger.hash,
        "ledger_index": ledger.index,
    }


@st.composite
def _tx(draw: st.DrawFn) -> Reported:
    tx, ledger = draw(transactions()), draw(ledgers)
    kind = draw(st.sampled_from(["json", "binary", "closed", "pending", "pending binary"]))
    older: JsonObject
    newer: JsonObject
    if kind == "pending":
        older = {**older_json(tx), "validated": False}
        newer = {"tx_json": newer_json(tx), "hash": tx.hash, "validated": False}
    elif kind == "pending binary":
        older = {"tx": tx.blob, "hash": tx.hash, "validated": False}
        newer = {"tx_blob": tx.blob, "hash": tx.hash, "validated": False}
    elif kind == "closed":
        where = {"ledger_index": ledger.index, **_ctid(tx)}
        rest = {"meta": tx.meta, "validated": False, **_ctid(tx)}
        older = {**older_json(tx), **where, **rest, "inLedger": ledger.index}
        newer = {"tx_json": {**newer_json(tx), **where}, "hash": tx.hash, "ledger_hash": ledger.hash, **rest}
    elif kind == "json":
        rest = {"meta": tx.meta, "validated": True, **_ctid(tx)}
        older = {**older_json(tx), **_where(tx, ledger), **rest, "inLedger": ledger.index}
        newer = {"tx_json": {**newer_json(tx), **_where(tx, ledger)}, "hash": tx.hash, **_ledger_fields(ledger), **rest}
    else:
        rest = {"hash": tx.hash, "validated": True, **_ctid(tx)}
        where = {"date": ledger.close_time, "inLedger": ledger.index, "ledger_index": ledger.index}
        older = {"tx": tx.blob, "meta": tx.meta_blob, **where, **rest}
        newer = {"tx_blob": tx.blob, "meta_blob": tx.meta_blob, **_ledger_fields(ledger), **rest}
    return Reported(older, newer, {"transaction": tx.hash}, (ledger,))


def _listed(tx: Transaction, ledger: Ledger, binary: bool, in_ledger: bool) -> tuple[JsonObject, JsonObject]:
    """An entry of `transactions` in account_tx (`in_ledger`) and the histories that Clio has."""
    if binary:
        rest = {"ledger_index": ledger.index, "tx_blob": tx.blob, "validated": True}
        return {"meta": tx.meta_blob, **rest}, {"meta_blob": tx.meta_blob, **rest}
    rest = {"meta": tx.meta, "validated": True}
    transaction = {**older_json(tx), **_where(tx, ledger)}
    if in_ledger:
        transaction["inLedger"] = ledger.index
    older = {"tx": transaction, **rest}
    newer = {"tx_json": {**newer_json(tx), **_where(tx, ledger)}, "hash": tx.hash, **_ledger_fields(ledger), **rest}
    return older, newer


@st.composite
def _histories(draw: st.DrawFn, about: Mapping[str, Any], in_ledger: bool = False) -> Reported:
    found, binary = draw(ledger_lists), draw(st.booleans())
    listed = draw(st.lists(transactions(), max_size=3))
    pairs = [_listed(tx, draw(st.sampled_from(found)), binary, in_ledger) for tx in listed]
    lowest, highest = draw(st.integers(1, 100)), draw(st.integers(100, 2**32 - 2))
    extras = {**about, "ledger_index_min": lowest, "ledger_index_max": highest, "validated": True}
    if draw(st.booleans()):
        extras |= {"marker": {"ledger": 5, "seq": 1}, "limit": 3}
    older = {"transactions": [pair[0] for pair in pairs], **extras}
    newer = {"transactions": [pair[1] for pair in pairs], **extras}
    return Reported(older, newer, {**about, "binary": binary}, tuple(found))


account_tx_errors = st.sampled_from(
    [
        same(error("actMalformed"), params={"account": "x"}),
        same(error("lgrNotFound", "ledgerNotFound"), params={"account": "x", "ledger_index": 9}),
        Reported(error("lgrIdxsInvalid"), error("notSynced"), {"account": "x"}),
    ]
)


@st.composite
def _transaction_entry(draw: st.DrawFn) -> Reported:
    tx, ledger, validated = draw(transactions()), draw(ledgers), draw(st.booleans())
    rest: JsonObject = {"ledger_hash": ledger.hash, "ledger_index": ledger.index, "validated": validated}
    newer: JsonObject = {"tx_json": newer_json(tx), "hash": tx.hash, "meta": tx.meta, **rest}
    if validated:
        newer["close_time_iso"] = ledger.close_time_iso
    return Reported({"tx_json": older_json(tx), "metadata": tx.meta, **rest}, newer, ledgers=(ledger,))


def _expanded(tx: Transaction, extras: JsonObject, binary: bool, applied: bool) -> tuple[JsonObject, JsonObject]:
    """A transaction in a ledger or its queue: v2 has `extras` next to a JSON one; one that is applied has metadata."""
    funds = {} if tx.owner_funds is None else {"owner_funds": tx.owner_funds}
    older: JsonObject
    newer: JsonObject
    if binary:
        older = {"tx_blob": tx.blob, **({"meta": tx.meta_blob} if applied else {}), **funds}
        newer = {"tx_blob": tx.blob, **({"meta_blob": tx.meta_blob} if applied else {}), **funds, "hash": tx.hash}
        return older, newer
    older = {**older_json(tx), **({"metaData": tx.meta} if applied else {}), **funds}
    newer = {"tx_json": newer_json(tx), "hash": tx.hash, **({"meta": tx.meta} if applied else {}), **extras, **funds}
    return older, newer


def _header(ledger: Ledger, closed: bool) -> JsonObject:
    if not closed:
        return {"closed": False, "parent_hash": ledger.hash}
    times = {"close_time": ledger.close_time, "close_time_iso": ledger.close_time_iso}
    return {"closed": True, "ledger_hash": ledger.hash, **times}


def _with_index(header: JsonObject, index: int, version: int) -> JsonObject:
    return {**header, "ledger_index": str(index) if version == 1 else index}


@st.composite
def _ledger(draw: st.DrawFn) -> Reported:
    ledger, txs = draw(ledgers), draw(st.lists(transactions(), max_size=3))
    validated = draw(st.booleans())
    closed = validated or draw(st.booleans())
    shown = draw(st.sampled_from(["header", "hashes", "expanded", "binary"]))
    extras: JsonObject = {"validated": validated}
    if closed:
        extras["ledger_hash"] = ledger.hash
    if validated:
        extras |= _ledger_fields(ledger)
    header = _header(ledger, closed)
    older, newer = _with_index(header, ledger.index, 1), _with_index(header, ledger.index, 2)
    if shown == "hashes":
        older["transactions"] = newer["transactions"] = [tx.hash for tx in txs]
    elif shown != "header":
        pairs = [_expanded(tx, extras, shown == "binary", applied=closed) for tx in txs]
        older["transactions"], newer["transactions"] = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    named = {"ledger_index": ledger.index, "ledger_hash": ledger.hash} if closed else {"ledger_current_index": 5}
    rest = {**named, "validated": validated}
    expand = shown in ("expanded", "binary")
    params = {"transactions": shown != "header", "expand": expand, "binary": shown == "binary"}
    return Reported({"ledger": older, **rest}, {"ledger": newer, **rest}, params, (ledger,))


@st.composite
def _two_ledgers(draw: st.DrawFn) -> Reported:
    """Without a ledger in the request there are two in the answer."""
    ledger = draw(ledgers)
    older, newer = (
        {
            "closed": {"ledger": _with_index(_header(ledger, closed=True), ledger.index, version)},
            "open": {"ledger": _with_index(_header(ledger, closed=False), ledger.index + 1, version)},
        }
        for version in (1, 2)
    )
    return Reported(older, newer)


@st.composite
def _queue(draw: st.DrawFn) -> Reported:
    ledger, binary = draw(ledgers), draw(st.booleans())
    header = _header(ledger, closed=False)
    entries_older, entries_newer = [], []
    for tx in draw(st.lists(transactions(), max_size=3)):
        entry = {"account": tx.fields["Account"], "fee": tx.fields["Fee"], "fee_level": "256", "auth_change": False}
        older, newer = _expanded(tx, {"validated": False}, binary, applied=False)
        entries_older.append({**entry, "tx": older})
        entries_newer.append({**entry, **newer})
    rest = {"ledger_current_index": ledger.index, "validated": False}
    return Reported(
        {"ledger": _with_index(header, ledger.index, 1), "queue_data": entries_older, **rest},
        {"ledger": _with_index(header, ledger.index, 2), "queue_data": entries_newer, **rest},
        {"ledger_index": "current", "queue": True, "expand": True, "binary": binary},
    )


@st.composite
def _ledger_data(draw: st.DrawFn) -> Reported:
    ledger, closed = draw(ledgers), draw(st.booleans())
    rest = {"ledger_index": ledger.index, "state": [{"LedgerEntryType": "Offer", "ledger_index": "7"}], "marker": "A"}
    if draw(st.booleans()):  # binary: the header is a blob
        return same({"ledger": {"closed": closed, "ledger_data": ledger.ledger_data}, **rest})
    header = _header(ledger, closed)
    older = {"ledger": _with_index(header, ledger.index, 1), **rest}
    return Reported(older, {"ledger": _with_index(header, ledger.index, 2), **rest})


@st.composite
def _account_info(draw: st.DrawFn) -> Reported:
    lists = draw(st.none() | st.lists(st.just({"SignerQuorum": 2, "SignerEntries": []}), max_size=2))
    account = {"Account": draw(accounts), "Balance": draw(drops), "Sequence": draw(uint32)}
    rest = {"account_flags": {"noFreeze": False}, "ledger_current_index": draw(uint32), "validated": False}
    params = {"account": account["Account"]}
    if lists is None:
        return same({"account_data": account, **rest}, params=params)
    older = {"account_data": {**account, "signer_lists": lists}, **rest}
    return Reported(older, {"account_data": account, "signer_lists": lists, **rest}, {**params, "signer_lists": True})


@st.composite
def _signed(draw: st.DrawFn) -> Reported:
    tx = draw(transactions())
    rest = {"tx_blob": tx.blob, "deprecated": "Signing support in the 'submit' command has been deprecated"}
    newer = {"tx_json": newer_json(tx), "hash": tx.hash, **rest}
    return Reported({"tx_json": older_json(tx), **rest}, newer, {"tx_json": tx.fields, "secret": "s"})


@st.composite
def _submitted_blob(draw: st.DrawFn) -> Reported:
    """The answer to a blob is v1's form in both versions, without the alias."""
    tx = draw(transactions())
    tx_json = {**tx.fields, **({} if tx.amount is None else {"Amount": tx.amount}), "hash": tx.hash}
    return same({"tx_json": tx_json, "tx_blob": tx.blob, "accepted": True}, params={"tx_blob": tx.blob})


@st.composite
def _peers(draw: st.DrawFn) -> Reported:
    sanity = {"diverged": "insane", "unknown": "unknown"}
    tracks = draw(st.lists(st.sampled_from(["", "diverged", "unknown"]), max_size=4))
    older, newer = [], []
    for track in tracks:
        peer = {"address": "192.0.2.1:51235", "public_key": "n9", **({"track": track} if track else {})}
        newer.append(peer)
        older.append({**peer, "sanity": sanity[track]} if track else peer)
    return Reported({"cluster": {}, "peers": older or None}, {"cluster": {}, "peers": newer or None})


@st.composite
def _gateway_balances(draw: st.DrawFn) -> Reported:
    about: JsonObject = {
        "account": draw(accounts),
        "ledger_hash": draw(hashes),
        "ledger_index": draw(uint32),
        "validated": True,
    }
    params = {"account": about["account"], "ledger_index": about["ledger_index"]}
    there = {"account_info": {"account_data": {"Account": about["account"]}}}
    kind = draw(st.sampled_from(["balances", "none", "unknown", "bad wallet", "bad account"]))
    if kind == "bad wallet":
        wallet = draw(st.sampled_from(["x", 5, [5], ["rNotAnAddress"], {}, True]))
        older, newer = error("invalidHotWallet", **about), error("invalidParams", **about)
        return Reported(older, newer, {**params, "hotwallet": wallet}, responses=there)
    if kind == "unknown":
        return Reported(about, error("actNotFound", **about), params, responses={"account_info": error("actNotFound")})
    if kind == "bad account":
        return same(error("actMalformed"), params={"account": "x"})
    balances = {"obligations": {"USD": "1"}} if kind == "balances" else {}
    return same({**about, **balances}, params=params, responses=there)


named = {"ledger_hash": "A" * 64, "ledger_index": 131, "validated": True}

CASES: dict[str, Tolds] = {
    "account_info": _account_info() | st.just(same(error("actNotFound", account="x"))),
    "account_tx": _histories({"account": "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"}, in_ledger=True) | account_tx_errors,
    "channel_authorize": hexes(70).map(lambda signature: same({"signature": signature}))
    | st.sampled_from(["ed448", ""]).map(
        lambda kind: Reported(
            error("invalidParams", "Invalid field 'key_type'."),
            error("badKeyType"),
            {"channel_id": "A", "amount": "1", "seed": "s", "key_type": kind},
        )
    )
    | st.just(same(error("channelMalformed"), params={"channel_id": "A", "amount": "1", "secret": "s"})),
    "gateway_balances": _gateway_balances(),
    "ledger": _ledger() | _two_ledgers() | _queue() | st.just(same(error("lgrNotFound", "ledgerNotFound"))),
    "ledger_data": _ledger_data() | st.just(same({"ledger_index": 5, "state": []})),
    "ledger_entry": hashes.map(lambda index: same({"index": index, "node": {"index": index}}, params={"index": index}))
    | st.sampled_from(
        [
            Reported({**named, "error": "unknownOption"}, {**named, "error": "invalidParams"}, {"ledger_index": 131}),
            same({**named, "error": "entryNotFound"}, params={"check": "A", "ledger_index": 131}),
        ]
    ),
    "mptoken_issuance_history": _histories({"mpt_issuance_id": "0" * 48}),
    "nft_history": _histories({"nft_id": "0" * 64}) | st.just(same(error("objectNotFound", "NFT not found"))),
    "noripple_check": st.booleans().map(
        lambda asked: same({"problems": [], "validated": True}, params={"account": "x", "transactions": asked})
    ),
    "ledger_request": uint32.map(
        lambda index: Reported({"ledger": {"ledger_index": str(index)}}, {"ledger": {"ledger_index": index}})
    ),
    "peers": _peers(),
    "sign": _signed() | st.just(same(error("badSecret"))),
    "sign_for": _signed(),
    "submit": _signed() | _submitted_blob() | st.just(same(error("invalidParams", "Missing field 'secret'."))),
    "submit_multisigned": _signed(),
    "transaction_entry": _transaction_entry() | st.just(same({**named, "error": "transactionNotFound"})),
    "tx": _tx() | st.just(same(error("txnNotFound", searched_all=True))),
}

NO_WAY_BACK = {
    "ledger_header": "v2 has no such method: there is no result of v2 to come back to",
    "tx_history": "v2 has no such method: there is no result of v2 to come back to",
}

LOSSES = {
    "tx, binary, in a ledger that is not validated: v2 does not tell its index": (
        "tx",
        Reported(
            {"tx": "BB", "meta": "CC", "hash": "AA", "validated": False, "inLedger": 7, "ledger_index": 7},
            {"tx_blob": "BB", "meta_blob": "CC", "hash": "AA", "validated": False, "ledger_hash": "DD"},
            {"transaction": "AA", "binary": True},
            (Ledger(7, "DD", 70),),
        ),
    ),
}
"""What the older version tells and the newer does not, by why: the method, and an answer that does not come back."""


@st.composite
def _pushed_transaction(draw: st.DrawFn) -> tuple[JsonObject, JsonObject]:
    tx, ledger, validated = draw(transactions()), draw(ledgers), draw(st.booleans())
    inside: JsonObject = {} if tx.owner_funds is None else {"owner_funds": tx.owner_funds}
    rest: JsonObject = {"type": "transaction", "engine_result": "tesSUCCESS", "validated": validated}
    if validated:
        rest |= {"meta": tx.meta, "ledger_hash": ledger.hash, "ledger_index": ledger.index}
        rest["close_time_iso"] = ledger.close_time_iso
        inside["date"] = ledger.close_time
    if draw(st.booleans()):
        rest |= {"account_history_tx_index": -3, "account_history_boundary": True}
    older = {"transaction": {**older_json(tx), **inside}, **rest}
    return older, {"tx_json": {**newer_json(tx), **inside}, "hash": tx.hash, **rest}


@st.composite
def _pushed_validation(draw: st.DrawFn) -> tuple[JsonObject, JsonObject]:
    index = draw(uint32)
    rest = {"type": "validationReceived", "ledger_hash": draw(hashes), "full": True, "base_fee": 10}
    return {**rest, "ledger_index": str(index)}, {**rest, "ledger_index": index}


STREAMS: dict[str, st.SearchStrategy[tuple[JsonObject, JsonObject]]] = {
    "transaction": _pushed_transaction(),
    "validationReceived": _pushed_validation(),
}
"""Message type to the same message as the older and the newer version push it."""

ERRORS: Tolds = st.sampled_from(
    [
        Reported(
            error("noNetwork"), error("notSynced"), responses={"server_info": {"info": {"server_state": "connected"}}}
        ),
        Reported(error("noNetwork", "InsufficientNetworkMode"), error("notSynced", "notSynced")),
        Reported(
            error("noCurrent"),
            error("notSynced"),
            responses={"server_info": {"info": {"server_state": "full", "validated_ledger": {"age": 121}}}},
        ),
        Reported(
            error("noClosed"),
            error("notSynced"),
            responses={"server_info": {"info": {"server_state": "full", "validated_ledger": {"age": 3}}}},
        ),
    ]
)
"""Errors that any method may answer with; tried on methods that did not change themselves."""
