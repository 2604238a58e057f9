"""The requests from which a step is drafted: those of `verify`, more transactions, and parameters of wrong types."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from adapters import JsonObject, NodeRequest
from proxy.commands.verification.requests import sample_requests
from proxy.commands.verification.samples import Samples, Transaction

_NOT_BOOLEAN: tuple[Any, ...] = ("true", "false", "yes", "", 1, 0, -1, 1.5, [], [1], {}, {"a": 1})
_WRONG: tuple[Any, ...] = (True, 7, "x", [], {})
"""Values of wrong types. Not null, which nodes take as omitted in one place and refuse in another."""
_ENOUGH_TRANSACTIONS, _ENOUGH_BINARY, _ENOUGH_ENTRIES = 80, 40, 20
_SMALL = 4
_FAR, _FARTHER = 100, 500
"""How far after the newest ledger a range of ledgers is that does not exist yet."""


class Question(NamedTuple):
    """Requests of which the first `enough` that the node responds to are of use; the others stand in for those."""

    candidates: Sequence[NodeRequest]
    enough: int = 1


def draft_questions(samples: Samples, also: Sequence[NodeRequest] = ()) -> list[Question]:
    """All questions about these samples, and each of `also`."""
    of_verify = sample_requests(samples)
    return [
        *(Question((request,)) for request in (*of_verify, *also)),
        *_transactions(samples),
        *_histories(samples),
        *_not_booleans([*_small(samples), *of_verify]),
        *_wrong_types(of_verify),
    ]


def _transactions(samples: Samples) -> Iterator[Question]:
    """Transactions of every type, in every form."""
    listed = [*samples.transactions, *samples.further_transactions]
    yield Question([_tx(each) for each in listed], _ENOUGH_TRANSACTIONS)
    yield Question([_tx(each, binary=True) for each in listed], _ENOUGH_BINARY)
    yield Question([NodeRequest("tx", {"ctid": each.ctid}) for each in listed if each.ctid is not None], _SMALL)
    yield Question([_entry(each, ledger_index=each.ledger_index) for each in listed], _ENOUGH_ENTRIES)
    hashed = [each for each in listed if each.ledger_index in samples.ledger_hashes]
    yield Question([_entry(each, ledger_hash=samples.ledger_hashes[each.ledger_index]) for each in hashed], _SMALL)
    yield Question([_entry(each) for each in listed])
    for index in (samples.ledger_index, *samples.ledgers[-2:]):
        elsewhere = [each for each in listed if each.ledger_index != index]
        yield Question([_entry(each, ledger_index=index) for each in elsewhere])
    if samples.ledgers:
        low, high = samples.ledgers[-1], samples.ledger_index
        for bounds in ((low, high), (high, low), (low, high + _FARTHER), (high, high)):
            span = {"min_ledger": bounds[0], "max_ledger": bounds[1]}
            yield Question([_tx(each, **span) for each in listed])


def _tx(transaction: Transaction, **params: Any) -> NodeRequest:
    return NodeRequest("tx", {"transaction": transaction.hash, **params})


def _entry(transaction: Transaction, **params: Any) -> NodeRequest:
    return NodeRequest("transaction_entry", {"tx_hash": transaction.hash, **params})


def _histories(samples: Samples) -> Iterator[Question]:
    """Histories: pages, orders, and ranges of ledgers that are inside, outside, or the wrong way round."""
    newest = samples.ledger_index
    oldest = samples.ledgers[-1] if samples.ledgers else newest
    middle = (oldest + newest) // 2
    ranges: list[JsonObject] = [
        {"ledger_index_min": low, "ledger_index_max": high}
        for low, high in (
            (oldest, newest),
            (0, newest),
            (middle, -1),
            (-1, middle),
            (middle, oldest),
            (newest, newest - 1),
            (50, 40),
            (newest + _FAR, newest + _FARTHER),
            (oldest, newest + _FAR),
            (-7, -9),
        )
    ]
    ranges += [{"ledger_index_max": middle}, {"ledger_index_min": middle}]
    ranges += [{"ledger_index_max": newest + _FAR}, {"ledger_index_min": newest + _FAR}]
    forms: list[JsonObject] = [{"limit": 5, **each} for each in ranges]
    forms += [{"ledger_index": name} for name in (newest, newest - 1, newest + _FAR, str(newest), "validated", "x")]
    forms += [{"limit": 3, "marker": {"ledger": middle, "seq": 0}, **form} for form in ({}, {"binary": True})]
    forms += [{"marker": marker} for marker in ("abc", {"ledger": 1})]
    forms += [{"limit": limit} for limit in (0, "ten")]
    for form in forms:
        yield Question([NodeRequest("account_tx", {"account": each, **form}) for each in _accounts(samples)])


def _accounts(samples: Samples) -> list[str]:
    return [*samples.accounts, *samples.further_accounts]


def _small(samples: Samples) -> Iterator[NodeRequest]:
    """Requests with a boolean parameter and little else, whose response is short."""
    for account in _accounts(samples):
        yield NodeRequest("account_info", {"account": account, "signer_lists": True})
        yield NodeRequest("account_info", {"account": account, "queue": True})
        yield NodeRequest("account_tx", {"account": account, "limit": _SMALL, "binary": True})
        yield NodeRequest("account_tx", {"account": account, "limit": _SMALL, "forward": True})
        check = {"account": account, "role": "user", "ledger_index": samples.ledger_index}
        yield NodeRequest("noripple_check", {**check, "transactions": True, "limit": _SMALL - 1})
    for transaction in (*samples.transactions, *samples.further_transactions):
        yield _tx(transaction, binary=True)


def _not_booleans(requests: Sequence[NodeRequest]) -> Iterator[Question]:
    """Every boolean parameter with values that are none."""
    by_name: dict[tuple[str, str], list[NodeRequest]] = {}
    for request in requests:
        for name, value in request.params.items():
            if value is True:
                by_name.setdefault((request.method, name), []).append(request)
    for (method, name), having in by_name.items():
        having.sort(key=lambda request: len(request.params))
        for wrong in _NOT_BOOLEAN:
            yield Question([NodeRequest(method, {**each.params, name: wrong}) for each in having])
        yield Question([NodeRequest(method, {name: "x"})])  # which of two errors comes first


def _wrong_types(requests: Sequence[NodeRequest]) -> Iterator[Question]:
    """Every other parameter with values of other types, and omitted."""
    seen: set[tuple[str, str]] = set()
    for method, params in ((each.method, each.params) for each in requests):
        for name, value in params.items():
            if isinstance(value, bool) or (method, name) in seen:
                continue
            seen.add((method, name))
            rest = {other: given for other, given in params.items() if other != name}
            yield Question([NodeRequest(method, rest)])
            for wrong in _WRONG:
                yield Question([NodeRequest(method, {**rest, name: wrong})])
