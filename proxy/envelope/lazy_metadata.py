"""Reading a large response without parsing its metadata, which is most of it and the same in all versions."""

import re
import secrets
from typing import Any

import orjson

_MARK = secrets.token_hex(8)
"""A placeholder for metadata while the rest is parsed; no node sends it."""

_SMALL = 4_096
"""Responses below this many bytes are parsed completely."""
# rippled writes members in alphabetical order and without spaces. No ledger entry has a TransactionResult.
_BEGINS = re.compile(rb'("meta(?:Data)?":)\{"AffectedNodes":')
_RESULT = b'"TransactionResult":"'
# What may follow: members that rippled adds (strings, amounts or lists of strings), and the end.
_ENDS = re.compile(rb'"TransactionResult":"\w+"(?:,"[a-z_]+":(?:"[^"\\]*"|\{(?:"\w+":"[^"\\]*",?)+\}|\["[\w",]+\]))*\}')


def loads_lazy_metadata(body: bytes | bytearray) -> Any:
    """The JSON value in a node's response to one of `METADATA_METHODS`. Raises orjson.JSONDecodeError.

    The metadata of each listed transaction is an `orjson.Fragment` of its text. A response that is not formatted as
    rippled formats it is parsed completely.
    """
    if len(body) < _SMALL:
        return orjson.loads(body)
    first = _BEGINS.search(body)
    if first is None:
        return orjson.loads(body)
    # They all have the same name. To find bytes takes a third of the time of a search.
    begins, name_size = first[0], len(first[1])
    view = memoryview(body)
    parts: list[memoryview] = []
    metadata: list[bytes] = []
    done, start = 0, first.start()
    while start >= 0:
        start += name_size
        ends = _ENDS.match(body, max(start, body.find(_RESULT, start)))
        if ends is None:
            return orjson.loads(body)
        parts.append(view[done:start])
        done = ends.end()
        metadata.append(bytes(view[start:done]))
        start = body.find(begins, done)
    parts.append(view[done:])
    rest = b'"%b"' % _MARK.encode()
    rest = rest.join(parts)
    del parts, view  # half of a response of 60 MB
    try:
        answer = orjson.loads(rest)
    except orjson.JSONDecodeError:
        return orjson.loads(body)
    return answer if _put_back(answer, metadata) else orjson.loads(body)


def _put_back(answer: Any, metadata: list[bytes]) -> bool:
    """Put the metadata back as fragments; return whether all of it was where it is expected."""
    texts = iter(metadata)
    try:
        result = answer["result"]
        for entry in result["transactions"] if "transactions" in result else result["ledger"]["transactions"]:
            name = "metaData" if "metaData" in entry else "meta"
            if entry[name] == _MARK:
                entry[name] = orjson.Fragment(next(texts))
    except (KeyError, TypeError, StopIteration):
        return False
    return next(texts, None) is None
