"""The requests of a verification: every method that reads, in the forms and with the errors in which versions differ.

Most name one validated ledger, so that the response stays the same. None of them changes anything, has a secret, or is
for administrators.
"""

from collections.abc import Iterator
from typing import Any

from adapters import JsonObject, NodeRequest
from proxy.commands.verification.samples import Samples, Transaction

# The first belongs to nobody. The second is the faucet of a test network, and missing on most others.
_UNKNOWN_ACCOUNTS = ("rsxib9qXRdZc5ZeL868vv2qfZN31JtxpiR", "rPT1Sjq2YGrBMTttX4GZHjKu9dyfzbpAYe")
_NO_ACCOUNT = "rNotAnAddress"
_NO_BOOLEANS: tuple[Any, ...] = ("true", "false", "", 1, 0, [], {"a": 1})
_BEYOND = 1000
"""A ledger this far after the newest does not exist during a verification."""


def sample_requests(subjects: Samples) -> list[NodeRequest]:
    """All requests with these samples, each once."""
    found = [
        *_server(),
        *_ledgers(subjects),
        *(question for transaction in subjects.transactions for question in _transaction(transaction, subjects)),
        *(question for account in subjects.accounts for question in _account(account, subjects)),
        *_wrong_accounts(subjects),
        *_entries(subjects),
        *_tokens_and_markets(subjects),
    ]
    return list({(question.method, repr(question.params)): question for question in found}.values())


def _server() -> Iterator[NodeRequest]:
    for method in ("fee", "server_info", "server_state", "server_definitions", "ping", "random", "feature"):
        yield NodeRequest(method, {})
    yield NodeRequest("ledger_closed", {})
    yield NodeRequest("ledger_current", {})


def _ledgers(subjects: Samples) -> Iterator[NodeRequest]:
    index = subjects.ledger_index
    named: list[JsonObject] = [{"ledger_index": name} for name in ("validated", "closed", "current", "bogus")]
    numbered: list[JsonObject] = [{"ledger_index": number} for number in (index, index + _BEYOND, 0, 2**32 - 1)]
    selected: list[JsonObject] = [*named, *numbered, {"ledger_hash": subjects.ledger_hash}, {"ledger_hash": "00"}, {}]
    for selection in selected:
        yield NodeRequest("ledger", selection)
        yield NodeRequest("ledger_header", selection)
        yield NodeRequest("ledger_entry", selection)
    for number in subjects.ledgers[:6]:
        yield from _ledger_in_all_forms({"ledger_index": number})
    yield from _ledger_in_all_forms({"ledger_index": "validated"})
    for queue in ({"queue": True}, {"queue": True, "expand": True}, {"queue": True, "expand": True, "binary": True}):
        yield NodeRequest("ledger", {"ledger_index": "current", **queue})
    for form in ({}, {"binary": True}, {"type": "offer"}):
        yield NodeRequest("ledger_data", {"ledger_index": index, "limit": 8, **form})
    yield NodeRequest("ledger_data", {"ledger_index": index, "limit": 8, "marker": "bogus"})
    for start in (0, 5, 20, 10_001, None, "x"):
        yield NodeRequest("tx_history", {"start": start})
    yield NodeRequest("tx_history", {})
    yield NodeRequest("book_changes", {"ledger_index": index})
    yield NodeRequest("book_changes", {"ledger_index": "validated"})


def _ledger_in_all_forms(selection: JsonObject) -> Iterator[NodeRequest]:
    yield NodeRequest("ledger_header", selection)
    for form in (
        {"binary": True},
        {"transactions": True},
        {"transactions": True, "binary": True},
        {"transactions": True, "expand": True},
        {"transactions": True, "expand": True, "binary": True},
        {"transactions": True, "expand": True, "owner_funds": True},
    ):
        yield NodeRequest("ledger", {**selection, **form})


def _transaction(transaction: Transaction, subjects: Samples) -> Iterator[NodeRequest]:
    asked = {"transaction": transaction.hash}
    yield NodeRequest("tx", asked)
    yield NodeRequest("tx", {**asked, "binary": True})
    yield NodeRequest("transaction_entry", {"tx_hash": transaction.hash, "ledger_index": transaction.ledger_index})
    if transaction is not subjects.transactions[0]:
        return
    if transaction.ctid is not None:
        yield NodeRequest("tx", {"ctid": transaction.ctid})
    for binary in _NO_BOOLEANS:
        yield NodeRequest("tx", {**asked, "binary": binary})
    low, high = subjects.ledgers[-1], subjects.ledger_index
    for bounds in ((low, high), (high, low), (low, high + _BEYOND), (high, high)):
        yield NodeRequest("tx", {**asked, "min_ledger": bounds[0], "max_ledger": bounds[1]})
    yield NodeRequest("tx", {"transaction": "0" * 64})
    yield NodeRequest("tx", {"transaction": "bogus"})
    yield NodeRequest("tx", {})
    yield NodeRequest("transaction_entry", {"tx_hash": transaction.hash})
    yield NodeRequest("transaction_entry", {"tx_hash": transaction.hash, "ledger_index": subjects.ledger_index})
    yield NodeRequest("transaction_entry", {"tx_hash": "0" * 64, "ledger_index": transaction.ledger_index})
    yield NodeRequest("transaction_entry", {})


def _account(account: str, subjects: Samples) -> Iterator[NodeRequest]:
    index = subjects.ledger_index
    who = {"account": account}
    pinned = {**who, "ledger_index": index}
    for params in (who, pinned, {**who, "ledger_index": "validated"}, {**who, "ledger_hash": subjects.ledger_hash}):
        yield NodeRequest("account_info", params)
        yield NodeRequest("account_info", {**params, "signer_lists": True})
    for queue in (True, 0, "true"):
        yield NodeRequest("account_info", {**who, "queue": queue})
    for method in (
        "account_channels",
        "account_currencies",
        "account_lines",
        "account_nfts",
        "account_objects",
        "account_offers",
        "gateway_balances",
        "owner_info",
    ):
        yield NodeRequest(method, pinned)
        yield NodeRequest(method, {**pinned, "limit": 10})
    yield from _account_tx(account, subjects)
    for role in ("user", "gateway"):
        yield NodeRequest("noripple_check", {**pinned, "role": role, "transactions": True})
    if account == subjects.accounts[0]:
        for value in _NO_BOOLEANS:
            yield NodeRequest("account_info", {**who, "signer_lists": value})
            check = {**pinned, "role": "user", "limit": 3, "transactions": value}
            yield NodeRequest("noripple_check", check)
        for other in subjects.accounts[1:3]:
            between = {"source_account": account, "destination_account": other, "ledger_index": index}
            yield NodeRequest("deposit_authorized", between)


def _account_tx(account: str, subjects: Samples) -> Iterator[NodeRequest]:
    index = subjects.ledger_index
    who: JsonObject = {"account": account}
    span: JsonObject = {
        "ledger_index_min": subjects.ledgers[-1] if subjects.ledgers else index,
        "ledger_index_max": index,
    }
    for form in (
        {"limit": 60},
        {"limit": 60, "binary": True},
        {"limit": 3, "forward": True},
        {"limit": 5, **span},
        {"limit": 5, **span, "binary": True},
        {"ledger_index": index},
        {"ledger_index": "validated"},
        {"ledger_hash": subjects.ledger_hash},
    ):
        yield NodeRequest("account_tx", {**who, **form})
    if account != subjects.accounts[0]:
        return
    for value in _NO_BOOLEANS:
        yield NodeRequest("account_tx", {**who, "limit": 4, "binary": value})
        yield NodeRequest("account_tx", {**who, "limit": 4, "forward": value, "ledger_index": index})
    for low, high in (
        (-1, -1),
        (index, index + _BEYOND),
        (index + _BEYOND, index + 2 * _BEYOND),
        (index, index - 1),
        (1, index),
        (0, index),
        (-7, -9),
    ):
        yield NodeRequest("account_tx", {**who, "limit": 5, "ledger_index_min": low, "ledger_index_max": high})
    yield NodeRequest("account_tx", {**who, "limit": 5, **span, "ledger_index": index})
    yield NodeRequest("account_tx", {**who, "limit": 5, "ledger_index": index + _BEYOND})


def _wrong_accounts(subjects: Samples) -> Iterator[NodeRequest]:
    index = subjects.ledger_index
    for account in (*_UNKNOWN_ACCOUNTS, _NO_ACCOUNT):
        who = {"account": account}
        for value in (True, "true"):
            yield NodeRequest("account_info", {**who, "signer_lists": value})
        for params in (who, {**who, "ledger_index": index}):
            yield NodeRequest("account_info", params)
            yield NodeRequest("account_lines", params)
            yield NodeRequest("account_tx", params)
            yield NodeRequest("gateway_balances", params)
        yield NodeRequest("account_tx", {**who, "binary": "x"})
        yield NodeRequest("gateway_balances", {**who, "hotwallet": _NO_ACCOUNT, "ledger_index": index})
        yield NodeRequest("noripple_check", {**who, "role": "user", "transactions": "x"})
    for method in ("account_info", "account_lines", "account_tx", "gateway_balances", "noripple_check"):
        yield NodeRequest(method, {})


def _entries(subjects: Samples) -> Iterator[NodeRequest]:
    at: JsonObject = {"ledger_index": subjects.ledger_index}
    for entry_id in subjects.entries.values():
        yield NodeRequest("ledger_entry", {**at, "index": entry_id})
        yield NodeRequest("ledger_entry", {**at, "index": entry_id, "binary": True})
    for account in subjects.accounts[:3]:
        yield NodeRequest("ledger_entry", {**at, "account_root": account})
        yield NodeRequest("ledger_entry", {**at, "account_root": account, "binary": True})
    for name in ("amendments", "fee", "nunl", "hashes"):  # version 3 has names for entries that exist once
        yield NodeRequest("ledger_entry", {**at, "index": name})
    yield NodeRequest("ledger_entry", {**at, "index": "0" * 64})
    yield NodeRequest("ledger_entry", {**at, "index": "bogus"})
    yield NodeRequest("ledger_entry", {**at, "binary": True})


def _tokens_and_markets(subjects: Samples) -> Iterator[NodeRequest]:
    at: JsonObject = {"ledger_index": subjects.ledger_index}
    for issuer in subjects.issuers:
        yield NodeRequest("gateway_balances", {**at, "account": issuer})
        for hotwallet in (subjects.accounts[:1], subjects.accounts[0], _NO_ACCOUNT, [_NO_ACCOUNT], 5):
            yield NodeRequest("gateway_balances", {**at, "account": issuer, "hotwallet": hotwallet})
    for nft in subjects.nfts:
        for method in ("nft_buy_offers", "nft_sell_offers", "nft_info", "nft_history"):
            yield NodeRequest(method, {**at, "nft_id": nft})
        yield NodeRequest("nft_history", {"nft_id": nft, "binary": True, "limit": 5})
    for pays, gets in subjects.books:
        yield NodeRequest("book_offers", {**at, "taker_pays": pays, "taker_gets": gets, "limit": 10})
    yield NodeRequest("book_offers", {**at, "taker_pays": {"currency": "XRP"}, "taker_gets": {"currency": "XRP"}})
    for one, other in subjects.pools:
        yield NodeRequest("amm_info", {**at, "asset": one, "asset2": other})
    yield NodeRequest("amm_info", {**at, "asset": {"currency": "??"}, "asset2": {"currency": "XRP"}})
    yield NodeRequest("amm_info", {**at, "amm_account": _NO_ACCOUNT})
    yield NodeRequest("amm_info", at)
