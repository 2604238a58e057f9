"""Reading a large ledger without parsing its transactions, for an adapter that rewrites their text."""

from typing import Any

import orjson

from adapters.unparsed import METADATA_NAME, UnparsedTransactions
from proxy.envelope.lazy_metadata import find_metadata, loads_lazy_metadata

_LIST = b'"transactions":['
_LIST_WITHIN = 4_096
"""Bytes at the beginning of a response in which the list begins: only the ledger's header precedes it."""


def loads_unparsed_ledger(body: bytes | bytearray) -> Any:
    """The JSON value in a node's response to `ledger`. Raises orjson.JSONDecodeError.

    The ledger's transactions are `UnparsedTransactions` if each ends with its metadata as rippled writes it in version
    1; otherwise as by `loads_lazy_metadata`.
    """
    transactions = _find(body)
    if transactions is not None:
        end = transactions.metadata[-1][1] + 1
        view = memoryview(body)
        try:
            answer = orjson.loads(b"".join((view[: transactions.start], view[end:])))
            ledger = answer["result"]["ledger"]
            if ledger["transactions"] == []:
                ledger["transactions"] = transactions
                return answer
        except (KeyError, TypeError, orjson.JSONDecodeError):
            pass
    return loads_lazy_metadata(body)


def _find(body: bytes | bytearray) -> UnparsedTransactions | None:
    place = body.find(_LIST, 0, _LIST_WITHIN)
    if place < 0:
        return None
    spans = find_metadata(body)
    start = place + len(_LIST)
    if not spans or not body.startswith(b"{", start):
        return None
    if not body.startswith(METADATA_NAME, spans[0][0] - len(METADATA_NAME)):
        return None
    last = spans[-1]
    if not all(body.startswith(b"}]" if span is last else b"},{", span[1]) for span in spans):
        return None
    return UnparsedTransactions(body, start, spans)
