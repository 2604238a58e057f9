"""Reading a large response without parsing its metadata, which is most of it and the same in all versions."""

import re
import secrets
from typing import Any

import orjson

_MARK_TEXT = secrets.token_hex(8)
_MARK = _MARK_TEXT.encode()
"""A placeholder for metadata while the rest is parsed; no node sends it."""

_SMALL = 4_096
"""Responses below this many bytes are parsed completely."""
# rippled writes members in alphabetical order and without spaces. No ledger entry has a TransactionResult.
_BEGINS = re.compile(rb'"meta(?:Data)?":(?=\{"AffectedNodes":)')
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
    parts: list[bytes | bytearray] = []
    metadata: list[bytes] = []
    done = 0
    while (begins := _BEGINS.search(body, done)) is not None:
        start = begins.end()
        ends = _ENDS.match(body, max(start, body.find(_RESULT, start)))
        if ends is None:
            return orjson.loads(body)
        parts += (body[done:start], b'"%b%d"' % (_MARK, len(metadata)))
        done = ends.end()
        metadata.append(bytes(body[start:done]))  # orjson writes nothing but bytes
    if not metadata:
        return orjson.loads(body)
    parts.append(body[done:])
    rest = b"".join(parts)
    del parts  # half of a response of 60 MB
    try:
        answer = orjson.loads(rest)
    except orjson.JSONDecodeError:
        return orjson.loads(body)
    return answer if _put_back(answer, metadata) else orjson.loads(body)


def _put_back(answer: Any, metadata: list[bytes]) -> bool:
    """Put the metadata back as fragments; return whether all of it was where it is expected."""
    count = 0
    try:
        result = answer["result"]
        for entry in result["transactions"] if "transactions" in result else result["ledger"]["transactions"]:
            name = "metaData" if "metaData" in entry else "meta"
            text = entry[name]
            if type(text) is str and text.startswith(_MARK_TEXT):
                entry[name] = orjson.Fragment(metadata[int(text[len(_MARK_TEXT) :])])
                count += 1
    except (KeyError, TypeError):
        return False
    return count == len(metadata)
