"""Where each API version puts a transaction in an answer, and xrpl-py's own model of it."""

import hashlib
from dataclasses import dataclass
from typing import Any

from xrpl.core.binarycodec import encode  # type: ignore[import-not-found]
from xrpl.models.exceptions import XRPLModelException  # type: ignore[import-not-found]
from xrpl.models.transactions.transaction import Transaction  # type: ignore[import-not-found]
from xrpl.utils import get_balance_changes  # type: ignore[import-not-found]

# What a server tells about a transaction among its own fields, which the model knows nothing of.
REPORTED = {"hash", "date", "ledger_index", "inLedger", "ctid", "meta", "metaData", "owner_funds", "validated"}
HASH_PREFIX = b"TXN\0"  # what rippled (HashPrefix.h) puts before a transaction's bytes to hash them
# The place of the transaction in version 1; None where its fields stand in the answer itself.
V1_PLACES = {"account_tx": "tx", "tx": None, "ledger": None, "transaction": "transaction"}


@dataclass
class Reported:
    """A transaction of a response: its fields as reported, its hash, its metadata (None before it is in a ledger)."""

    fields: dict[str, Any]
    hash: str
    meta: dict[str, Any] | None

    @property
    def blob(self) -> str:
        """The transaction as the library serialises it (hex), whose hash has to be the reported one."""
        signed = {name: value for name, value in self.fields.items() if name not in REPORTED}
        if "DeliverMax" in signed:
            signed["Amount"] = signed.pop("DeliverMax")
        blob: str = encode(signed)
        digest = hashlib.sha512(HASH_PREFIX + bytes.fromhex(blob)).hexdigest()[:64].upper()
        assert digest == self.hash, f"{digest} is not {self.hash}"
        return blob

    def model(self, version: int) -> Transaction:
        """The library's model. Raises XRPLModelException where the library takes less than the ledger took."""
        fields = {name: value for name, value in self.fields.items() if name not in REPORTED}
        if version == 1:
            fields.pop("DeliverMax", None)  # xrpl-py 2 is older than this name
        return Transaction.from_xrpl(fields)

    def summary(self, version: int) -> tuple[str, str, Any]:
        """What the library makes of it: its blob, the name of its model (or why it has none), the balances changed."""
        changes = get_balance_changes(self.meta) if self.meta is not None else None
        try:
            modelled = type(self.model(version)).__name__
        except XRPLModelException as problem:
            if "not a valid Transaction type" in str(problem):
                return "", str(problem), changes  # the library is older than this type
            modelled = str(problem)
        return self.blob, modelled, changes


def reported(entry: dict[str, Any], kind: str, version: int) -> Reported:
    """The transaction in `entry`, which is of `kind` (a key of V1_PLACES), checked to be where `version` has it."""
    if version == 1:
        place = V1_PLACES[kind]
        fields = entry if place is None else entry[place]
        assert "tx_json" not in entry
        hash_, meta = fields["hash"], entry.get("metaData" if kind == "ledger" else "meta")
    else:
        fields, hash_, meta = entry["tx_json"], entry["hash"], entry.get("meta")
        assert not {"hash", "inLedger"} & fields.keys()
        assert not {"tx", "transaction", "metaData"} & entry.keys()
    if fields["TransactionType"] == "Payment":
        assert "DeliverMax" in fields
        assert fields.get("Amount") == (fields["DeliverMax"] if version == 1 else None)
    return Reported(fields, hash_, meta)
