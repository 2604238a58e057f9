"""Samples from a live node for requests: ledgers, transactions, accounts and entries, from the newest ledger on."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from adapters import JsonObject, NodeRequest
from proxy.commands.verification.node import NotAsked, RateLimitedNode

_ENOUGH_TRANSACTIONS = 500
_OF_ONE_TYPE = 3
_MOST_TRANSACTIONS = 40
_MOST_ACCOUNTS = 8
_MOST_OTHERS = 4


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
    accounts: list[str] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
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
        try:
            ledger = (await node.ask(NodeRequest("ledger", asked), version)).result.get("ledger")
        except NotAsked:
            break
        finally:
            node.forget()
        if not isinstance(ledger, dict):
            break
        subjects.ledgers.append(number)
        found += [(number, entry) for entry in ledger.get("transactions", ()) if isinstance(entry, dict)]
        if len(found) >= _ENOUGH_TRANSACTIONS:
            break
    _take(subjects, found)
    subjects.accounts = list(dict.fromkeys([*accounts, *subjects.accounts]))[: max(_MOST_ACCOUNTS, len(accounts))]
    return subjects


def _take(subjects: Samples, found: list[tuple[int, JsonObject]]) -> None:
    """Fills `subjects` from the expanded transactions of ledgers, in whichever version's shape."""
    kinds: Counter[str] = Counter()
    accounts: Counter[str] = Counter()
    issuers: Counter[str] = Counter()
    nfts: dict[str, None] = {}
    for number, entry in found:
        transaction = entry.get("tx_json", entry)
        meta = entry.get("meta", entry.get("metaData", {}))
        kind = str(transaction.get("TransactionType"))
        kinds[kind] += 1
        if kinds[kind] <= _OF_ONE_TYPE and isinstance(entry.get("hash"), str):
            subjects.transactions.append(
                Transaction(entry["hash"], kind, number, transaction.get("ctid", entry.get("ctid")))
            )
        accounts.update(_texts(transaction, "Account", "Destination", "Owner", "Holder"))
        issuers.update(issuer for value in transaction.values() for issuer in _texts(value, "issuer"))
        nfts.update(dict.fromkeys(_texts(transaction, "NFTokenID")))
        nfts.update(dict.fromkeys(_texts(meta, "nftoken_id")))
        _take_markets(subjects, transaction)
        for entry_type, entry_id in _touched(meta):
            subjects.entries.setdefault(entry_type, entry_id)
    # Rare types come first: a new type is worth more than another payment.
    subjects.transactions.sort(key=lambda transaction: kinds[transaction.kind])
    del subjects.transactions[_MOST_TRANSACTIONS:]
    subjects.accounts = [account for account, _ in accounts.most_common(_MOST_ACCOUNTS)]
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
