"""The models that version 3 changes."""

from typing import Literal

from adapters.models.formats import Hash256
from adapters.models.ledger import LedgerEntryRequestBase


class LedgerEntryRequestV3(LedgerEntryRequestBase):
    """Besides an id, `index` takes a name of the entries that exist once."""

    index: Hash256 | Literal["amendments", "fee", "nunl", "hashes"] | None = None
