"""The streams of a node, and the stream of a pushed message."""

import re
from typing import Any

STREAMS = frozenset(
    {
        "book_changes",
        "consensus",
        "ledger",
        "manifests",
        "peer_status",
        "server",
        "transactions",
        "transactions_proposed",
        "validations",
    }
)
SHAREABLE_STREAMS = STREAMS - {"peer_status"}
"""The streams that are the same for every client; `peer_status` is for administrators."""

RENAMED = {"rt_transactions": "transactions_proposed", "rt_accounts": "accounts_proposed"}
"""Older names of streams and of a request's members."""

_STREAM_OF_TYPE = {
    "ledgerClosed": "ledger",
    "transaction": "transactions",
    "validationReceived": "validations",
    "manifestReceived": "manifests",
    "serverStatus": "server",
    "consensusPhase": "consensus",
    "bookChanges": "book_changes",
    "peerStatusChange": "peer_status",
    "path_find": "path_find",
}
"""Types of pushed messages, and the stream under which each is counted; several streams push transactions."""
_STREAM_OF_TYPE_TEXT = {kind.encode(): stream for kind, stream in _STREAM_OF_TYPE.items()}

_LEDGER_INDEX = re.compile(rb'"ledger_index":\s*(\d{1,10})(?!\d)')
"""A ledger index is an unsigned number of 32 bits."""


def stream_of_text(message: bytes) -> str | None:
    """The stream that pushed a node's message, if its text shows that without parsing.

    A response may contain anything, also in the `request` that it echoes, but it has the type `response`.
    """
    at = message.rfind(b'"type":"')
    if at < 0 or message.find(b'"type":"response"') >= 0:  # `in` first tries the pattern as a number, and raises
        return None
    kind = message[at + 8 : message.find(b'"', at + 8)]
    return _STREAM_OF_TYPE_TEXT.get(bytes(kind))  # a message of megabytes is a bytearray


def stream_of_type(kind: str) -> str:
    """The stream that pushes messages of this type; `other` for an unknown type."""
    return _STREAM_OF_TYPE.get(kind, "other")


def stream_name(named: Any) -> str:
    """The current name of the stream that a request calls `name`; empty for an unknown one."""
    name = RENAMED.get(named, named) if isinstance(named, str) else ""
    return name if name in STREAMS else ""


def is_validated(message: bytes) -> bool:
    """Whether a pushed message is of a validated ledger, as its text says, mostly near the end."""
    return message.rfind(b'"validated":true') >= 0


def ledger_index_in(message: bytes) -> int | None:
    """The ledger index in a pushed message's text, if it has one."""
    begin = message.find(b'"ledger_index":')  # much faster than the pattern
    found = None if begin < 0 else _LEDGER_INDEX.search(message, begin)
    return None if found is None else int(found[1])
