"""Samples from a live node for requests: ledgers, transactions, accounts and entries, from the newest ledger on."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

from adapters import JsonObject, NodeRequest
from proxy.commands.verification.node import NotAsked, RateLimitedNode

_ENOUGH_TRANSACTIONS = 500
_OF_ONE_TYPE = 3
_MOST_TRANSACTIONS = 40
_MOST_ACCOUNTS = 8
_MOST_OTHERS = 4
_HISTORY = 60
"""The newest transactions of each account that are samples too: rare types may be older than the searched ledgers."""
_MOST_FURTHER = 400


class Transaction(NamedTuple):
    """A validated transaction."""

    hash: str
    kind: str
    ledger_index: int
    ctid: str | None


@dataclass(slots=True)
class Samples:
    """The samples. Lists are short, and start with the most promising."""

    ledger_index: int
    """The newest validated ledger at the start, which most requests name, so that data does not change."""
    ledger_hash: str
    ledgers: list[int] = field(default_factory=list)
    """Newest first."""
    ledger_hashes: dict[int, str] = field(default_factory=dict)
    accounts: list[str] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    further_accounts: list[str] = field(default_factory=list)
    further_transactions: list[Transaction] = field(default_factory=list)
    """Those beyond the most promising ones, of the same order."""
    entries: dict[str, str] = field(default_factory=dict)
    """An id for each type of ledger entry."""
    issuers: list[str] = field(default_factory=list)
    nfts: list[str] = field(default_factory=list)
    books: list[tuple[JsonObject, JsonObject]] = field(default_factory=list)
    """What the taker pays, and gets."""
    pools: list[tuple[JsonObject, JsonObject]] = field(default_factory=list)
    """The two assets of an AMM."""


async def find_subjects(node: RateLimitedNode, version: int, accounts: tuple[str, ...], ledgers: int) -> Samples:
    """Search up to `ledgers` validated ledgers, in `version`; `accounts` come before those found.

    Raises NotAsked if the node has no validated ledger, and NodeLost.
    """
    newest = (await node.ask(NodeRequest("ledger", {"ledger_index": "validated"}), version)).result
    index, ledger_hash = newest.get("ledger_index"), newest.get("ledger_hash")
    if not isinstance(index, int) or not isinstance(ledger_hash, str):
        raise NotAsked(f"the node has no validated ledger ({newest.get('error', 'none reported')})")
    subjects = Samples(index, ledger_hash)
    found: list[tuple[int, JsonObject]] = []
    for number in range(index, max(index - ledgers, 0), -1):
        asked = {"ledger_index": number, "transactions": True, "expand": True}
        result = await _result(node, NodeRequest("ledger", asked), version)
        ledger = result.get("ledger")
        if not isinstance(ledger, dict):
            break
        subjects.ledgers.append(number)
        if isinstance(result.get("ledger_hash"), str):
            subjects.ledger_hashes[number] = result["ledger_hash"]
        found += [(number, entry) for entry in ledger.get("transactions", ()) if isinstance(entry, dict)]
        if len(found) >= _ENOUGH_TRANSACTIONS:
            break
    ranked = list(dict.fromkeys([*accounts, *_busiest(found)]))
    first = max(_MOST_ACCOUNTS, len(accounts))
    subjects.accounts, subjects.further_accounts = ranked[:first], ranked[first : first + _MOST_FURTHER]
    for account in subjects.accounts:
        history = NodeRequest("account_tx", {"account": account, "limit": _HISTORY})
        listed = (await _result(node, history, version)).get("transactions")
        found += [each for entry in listed or () if isinstance(entry, dict) for each in _of_history(entry)]
    _take(subjects, found)
    return subjects


async def _result(node: RateLimitedNode, request: NodeRequest, version: int) -> JsonObject:
    """The result; empty if there is none. Raises NodeLost."""
    try:
        return (await node.ask(request, version)).result
    except NotAsked:
        return {}
    finally:
        node.forget()


def _busiest(found: list[tuple[int, JsonObject]]) -> list[str]:
    """The accounts in transactions, those in most of them first."""
    accounts: Counter[str] = Counter()
    for _, entry in found:
        accounts.update(_texts(_transaction_of(entry), "Account", "Destination", "Owner", "Holder"))
    return [account for account, _ in accounts.most_common()]


def _transaction_of(entry: JsonObject) -> JsonObject:
    """The transaction in an entry of a ledger or of an account's history, in whichever version's shape."""
    found = entry.get("tx_json", entry.get("tx", entry))
    return found if isinstance(found, dict) else {}


def _of_history(entry: JsonObject) -> Iterator[tuple[int, JsonObject]]:
    transaction = _transaction_of(entry)
    index = entry.get("ledger_index", transaction.get("ledger_index"))
    if isinstance(index, int):
        yield index, entry


def _take(subjects: Samples, found: list[tuple[int, JsonObject]]) -> None:
    """Fills `subjects` from expanded transactions, in whichever version's shape."""
    by_kind: dict[str, dict[str, Transaction]] = {}
    issuers: Counter[str] = Counter()
    nfts: dict[str, None] = {}
    for number, entry in found:
        transaction = _transaction_of(entry)
        meta = entry.get("meta", entry.get("metaData", {}))
        kind = str(transaction.get("TransactionType"))
        name = entry.get("hash", transaction.get("hash"))
        if isinstance(name, str):
            sample = Transaction(name, kind, number, transaction.get("ctid", entry.get("ctid")))
            by_kind.setdefault(kind, {}).setdefault(name, sample)
        issuers.update(issuer for value in transaction.values() for issuer in _texts(value, "issuer"))
        nfts.update(dict.fromkeys(_texts(transaction, "NFTokenID")))
        nfts.update(dict.fromkeys(_texts(meta, "nftoken_id")))
        _take_markets(subjects, transaction)
        for entry_type, entry_id in _touched(meta):
            subjects.entries.setdefault(entry_type, entry_id)
    # One of each type before a second of any, and rare types first: a new type is worth more than another payment.
    rows = zip_longest(*(of_kind.values() for of_kind in sorted(by_kind.values(), key=len)))
    ranked = [[each for each in row if each is not None] for row in rows]
    promising = [each for row in ranked[:_OF_ONE_TYPE] for each in row]
    rest = [each for row in ranked[_OF_ONE_TYPE:] for each in row]
    subjects.transactions = promising[:_MOST_TRANSACTIONS]
    subjects.further_transactions = [*promising[_MOST_TRANSACTIONS:], *rest][:_MOST_FURTHER]
    subjects.issuers = [issuer for issuer, _ in issuers.most_common(_MOST_OTHERS)]
    subjects.nfts = list(nfts)[:_MOST_OTHERS]


def _take_markets(subjects: Samples, transaction: JsonObject) -> None:
    if transaction.get("TransactionType") == "OfferCreate":
        pays, gets = _asset(transaction.get("TakerPays")), _asset(transaction.get("TakerGets"))
        _add(subjects.books, pays, gets)
    _add(subjects.pools, _asset(transaction.get("Asset")), _asset(transaction.get("Asset2")))


def _add(pairs: list[tuple[JsonObject, JsonObject]], one: JsonObject | None, other: JsonObject | None) -> None:
    if one is not None and other is not None and (one, other) not in pairs and len(pairs) < _MOST_OTHERS:
        pairs.append((one, other))


def _asset(amount: Any) -> JsonObject | None:
    """The currency of an amount or asset; None for anything else, and for a token that is not a currency."""
    if isinstance(amount, str):
        return {"currency": "XRP"}
    if isinstance(amount, dict) and "currency" in amount:
        return {name: amount[name] for name in ("currency", "issuer") if name in amount}
    return None


def _texts(holder: Any, *names: str) -> Iterator[str]:
    if isinstance(holder, dict):
        yield from (holder[name] for name in names if isinstance(holder.get(name), str))


def _touched(meta: Any) -> Iterator[tuple[str, str]]:
    """Type and id of each ledger entry that a transaction created or modified."""
    nodes = meta.get("AffectedNodes", ()) if isinstance(meta, dict) else ()
    for node in nodes:
        for change in ("CreatedNode", "ModifiedNode"):
            touched = node.get(change)
            if touched:
                yield touched["LedgerEntryType"], touched["LedgerIndex"]
