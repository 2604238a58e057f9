"""Transactions of a ledger that are not parsed."""

from collections.abc import Sequence
from typing import NamedTuple

METADATA_NAME = b'"metaData":'
"""What precedes the metadata of a transaction in version 1."""


class UnparsedTransactions(NamedTuple):
    """The list of a ledger's transactions in version 1, in the text of a response.

    The first begins at `start`. `metadata`: where the metadata of each begins and ends; it is the last member of its
    transaction, which ends one byte later. A comma and the next transaction follow.
    """

    text: bytes | bytearray
    start: int
    metadata: Sequence[tuple[int, int]]
