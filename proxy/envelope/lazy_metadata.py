"""Reading a large response without parsing its metadata, which is most of it and the same in all versions."""

import re
import secrets
from typing import Any

import orjson

_MARK = secrets.token_hex(8)
"""A placeholder for metadata while the rest is parsed; no node sends it."""

_SMALL = 4_096
"""Responses below this many bytes are parsed completely."""
# rippled writes members in alphabetical order and without blanks. No ledger entry has a TransactionResult.
_BEGINS = re.compile(rb'("meta(?:Data)?":)\{"AffectedNodes":')
_RESULT = b'"TransactionResult":"'
# What may follow: members that rippled adds (strings, amounts or lists of strings), and the end.
_ENDS = re.compile(rb'"TransactionResult":"\w+"(?:,"[a-z_]+":(?:"[^"\\]*"|\{(?:"\w+":"[^"\\]*",?)+\}|\["[\w",]+\]))*\}')
# The same with blanks, which need not be there (`*+` does not try again with fewer).
_SPACED_BEGINS = re.compile(rb'"meta(?:Data)?"\s*+:\s*+(?=\{\s*+"AffectedNodes"\s*+:)')
_SPACED_RESULT = re.compile(rb'"TransactionResult"\s*+:')
_SPACED_ENDS = re.compile(
    rb'"TransactionResult"\s*+:\s*+"\w+"\s*+'
    rb'(?:,\s*+"[a-z_]+"\s*+:\s*+'
    rb'(?:"[^"\\]*"|\{\s*+(?:"\w+"\s*+:\s*+"[^"\\]*"\s*+,?\s*+)+\}|\[[\w",\s]++\])\s*+)*\}'
)


def loads_lazy_metadata(body: bytes | bytearray) -> Any:
    """The JSON value in a node's response to one of `METADATA_METHODS`. Raises orjson.JSONDecodeError.

    The metadata of each listed transaction is an `orjson.Fragment` of its text. A response with other metadata than
    rippled's is parsed completely.
    """
    if len(body) < _SMALL:
        return orjson.loads(body)
    spans = find_metadata(body) or _find_spaced(body)
    if not spans:
        return orjson.loads(body)
    view = memoryview(body)
    parts: list[memoryview] = []
    metadata: list[bytes] = []
    done = 0
    for start, end in spans:
        parts.append(view[done:start])
        metadata.append(bytes(view[start:end]))
        done = end
    parts.append(view[done:])
    rest = b'"%b"' % _MARK.encode()
    rest = rest.join(parts)
    del parts, view  # half of a response of 60 MB
    try:
        answer = orjson.loads(rest)
    except orjson.JSONDecodeError:
        return orjson.loads(body)
    return answer if _put_back(answer, metadata) else orjson.loads(body)


def find_metadata(body: bytes | bytearray) -> list[tuple[int, int]]:
    """Where each metadata object begins and ends in a response without blanks; empty if it is not as expected."""
    first = _BEGINS.search(body)
    if first is None:
        return []
    # They all have the same name. To find bytes takes a third of the time of a search.
    begins, name_size = first[0], len(first[1])
    spans: list[tuple[int, int]] = []
    find, match = body.find, _ENDS.match
    start = first.start()
    while start >= 0:
        start += name_size
        result = find(_RESULT, start)
        ends = match(body, result) if result > start else None
        if ends is None:
            return []
        end = ends.end()
        spans.append((start, end))
        start = find(begins, end)
    return spans


def _find_spaced(body: bytes | bytearray) -> list[tuple[int, int]]:
    """The same in a response with blanks."""
    spans: list[tuple[int, int]] = []
    begins = _SPACED_BEGINS.search(body)
    while begins is not None:
        result = _SPACED_RESULT.search(body, begins.end())
        ends = None if result is None else _SPACED_ENDS.match(body, result.start())
        if ends is None:
            return []
        spans.append((begins.end(), ends.end()))
        begins = _SPACED_BEGINS.search(body, ends.end())
    return spans


def _put_back(answer: Any, metadata: list[bytes]) -> bool:
    """Put the metadata back as fragments; return whether all of it was where it is expected."""
    texts = iter(metadata)
    try:
        result = answer["result"]
        fragment = orjson.Fragment
        for entry in result["transactions"] if "transactions" in result else result["ledger"]["transactions"]:
            name = "metaData" if "metaData" in entry else "meta"
            if entry[name] == _MARK:
                entry[name] = fragment(next(texts))
    except (KeyError, TypeError, StopIteration):
        return False
    return next(texts, None) is None
