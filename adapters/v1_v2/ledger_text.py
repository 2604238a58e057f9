"""Transactions of a ledger from version 1 to 2 by their text, without parsing it.

A ledger has thousands of fields of transactions that are the same in both versions. What is not as rippled usually
writes it, is parsed.
"""

from collections.abc import Callable
from typing import Any

import orjson

from adapters.adapter import JsonObject
from adapters.unparsed import METADATA_NAME, UnparsedTransactions

_HASH = b',"hash":"'
_AFTER_HASH = b'",' + METADATA_NAME
_HASH_DIGITS = 64
_TYPE, _PAYMENT = b'"TransactionType":"', b'Payment"'
_AMOUNT, _DELIVER_MAX = b'"Amount":', b',"DeliverMax":'
_QUOTE, _BRACE, _COMMA = b'"},'


def upgrade_text(
    transactions: UnparsedTransactions, ledger_members: JsonObject, upgrade: Callable[[Any], Any]
) -> orjson.Fragment | list[Any]:
    """The list in version 2.

    `ledger_members`: what version 2 has next to each transaction; not empty. `upgrade`: converts a parsed one.
    """
    try:
        return orjson.Fragment(_upgrade_each(transactions, ledger_members, upgrade))
    except orjson.JSONDecodeError:  # there are others between them
        last = transactions.metadata[-1][1] + 1
        listed = b"".join((b"[", transactions.text[transactions.start : last], b"]"))
        return [upgrade(each) for each in orjson.loads(listed)]


def _upgrade_each(
    transactions: UnparsedTransactions, ledger_members: JsonObject, upgrade: Callable[[Any], Any]
) -> bytes:
    text, start = transactions.text, transactions.start
    view = memoryview(text)
    opening, separator = orjson.dumps(ledger_members)[:-1], b"["
    parts: list[Any] = []
    for metadata, end in transactions.metadata:
        fields = _fields(text, view, start, metadata)
        if fields is None:
            entry = orjson.loads(b"".join((view[start:metadata], b"null}")))
            entry["metaData"] = orjson.Fragment(bytes(view[metadata:end]))
            parts += (separator, orjson.dumps(upgrade(entry)))
        else:
            tx_hash = view[metadata - len(_AFTER_HASH) - _HASH_DIGITS - len(_HASH) : metadata - len(_AFTER_HASH) + 1]
            parts += (separator, opening, tx_hash, b',"meta":', view[metadata:end], b',"tx_json":', *fields, b"}}")
        separator = b","
        start = end + 2
    parts.append(b"]")
    return b"".join(parts)


def _fields(text: bytes | bytearray, view: memoryview, start: int, metadata: int) -> tuple[memoryview, ...] | None:
    """What `tx_json` consists of, without the closing brace; None if the entry has to be parsed.

    rippled writes members in the order of their names: the fields, which begin with capital letters, `hash`, and
    `metaData`.
    """
    after_hash = metadata - len(_AFTER_HASH)
    end = after_hash - _HASH_DIGITS - len(_HASH)
    if text.find(_HASH, start, after_hash) != end or not text.startswith(_AFTER_HASH, after_hash):
        return None
    if text.find(b'"', end + len(_HASH), after_hash + 1) != after_hash:
        return None  # other members follow a short hash
    if text.find(b"},{", start, end) >= 0:
        return None  # it may be more than one transaction
    last = text.rfind(b',"', start, end)
    if last < 0 or text[end - 1] != _QUOTE or not 65 <= text[last + 2] <= 90:
        return None  # the last member is no string, so that `last` may be inside it; or it is no field
    kind = text.find(_TYPE, start, end)
    if kind < 0 or text.find(_TYPE, kind + 1, end) >= 0:
        return None  # it contains others
    amount = -1
    if text.startswith(_PAYMENT, kind + len(_TYPE)):
        amount = text.find(_AMOUNT, start, end)
    if amount < 0:
        return (view[start:end],)
    value = amount + len(_AMOUNT)
    deliver_max = text.find(_DELIVER_MAX, value, end)
    if (
        deliver_max < 0  # older releases write it only in version 2
        or text[amount - 1] != _COMMA
        or text[deliver_max - 1] not in (_QUOTE, _BRACE)
        or not text.startswith(view[value:deliver_max], deliver_max + len(_DELIVER_MAX))
        or text.find(_AMOUNT, value, end) >= 0
    ):
        return None
    return view[start : amount - 1], view[deliver_max:end]
