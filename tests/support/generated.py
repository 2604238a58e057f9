"""What round trips are made of: generated transactions, metadata and ledgers, as the ledger itself knows them.

Nothing here is of one API version: how a version shows it is defined in `round_trips`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha512
from typing import Any

from hypothesis import strategies as st

from adapters import JsonObject

ACCOUNTS = (
    "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY",
    "rhYXAoHXvKTvD6TptHJXxvB6p6zyS2w6Kc",
    "rMzP2VnvYTauuRtGxJxJ6imu2qz5WNSTwg",
    "rrrrrrrrrrrrrrrrrrrrBZbvji",
)


@dataclass(frozen=True, slots=True)
class Ledger:
    """A closed ledger; `close_time` in seconds of the ledger's clock."""

    index: int
    hash: str
    close_time: int

    @property
    def close_time_iso(self) -> str:
        """The close time as API versions from 2 on write it."""
        moment = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=self.close_time)
        return moment.isoformat().replace("+00:00", "Z")

    @property
    def ledger_data(self) -> str:
        """The header's serialisation, of which only index and close time matter here."""
        times = (self.close_time - 1 if self.close_time else 0).to_bytes(4, "big") + self.close_time.to_bytes(4, "big")
        return (self.index.to_bytes(4, "big") + bytes(8 + 32 * 3) + times + b"\x0a\x00").hex().upper()


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction's fields, its amount under `amount` where it is a Payment's, and what became of it."""

    fields: JsonObject
    amount: Any
    hash: str
    blob: str
    meta: JsonObject
    meta_blob: str
    ctid: str | None
    owner_funds: str | None


def hexes(length: int) -> st.SearchStrategy[str]:
    """Hexadecimal of so many bytes."""
    return st.binary(min_size=length, max_size=length).map(lambda value: value.hex().upper())


hashes = hexes(32)
accounts = st.sampled_from(ACCOUNTS)
uint32 = st.integers(0, 2**32 - 1)
drops = st.integers(0, 10**17).map(str)
issued = st.fixed_dictionaries(
    {"currency": st.sampled_from(["USD", "EUR", "0158415500000000C1F76FF6ECB0BAC600000000"]), "issuer": accounts}
    | {"value": st.sampled_from(["0", "1", "-3.5", "1e-20", "9999999999999999e80"])}
)
tokens = st.fixed_dictionaries({"mpt_issuance_id": hexes(24), "value": st.integers(0, 2**63 - 1).map(str)})
amounts = st.one_of(drops, issued, tokens)
memos = st.lists(st.fixed_dictionaries({"Memo": st.fixed_dictionaries({"MemoData": hexes(4)})}), min_size=1, max_size=2)
common = st.fixed_dictionaries(
    {"Account": accounts, "Fee": drops, "Sequence": uint32, "SigningPubKey": hexes(33), "TxnSignature": hexes(8)},
    optional={"Flags": uint32, "Memos": memos, "SourceTag": uint32, "LastLedgerSequence": uint32},
)
# Types whose `Amount` is no alias of anything, and some without one.
_OF_TYPE: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "AMMDeposit": {"Amount": amounts, "Amount2": amounts},
    "AccountSet": {"SetFlag": st.integers(1, 16)},
    "CheckCash": {"Amount": amounts, "CheckID": hashes},
    "CheckCreate": {"SendMax": amounts, "Destination": accounts},
    "Clawback": {"Amount": tokens, "Holder": accounts},
    "EscrowCreate": {"Amount": drops, "Destination": accounts},
    "NFTokenCreateOffer": {"Amount": amounts, "NFTokenID": hashes},
    "OfferCreate": {"TakerGets": amounts, "TakerPays": amounts},
    "PaymentChannelClaim": {"Amount": drops, "Channel": hashes},
    "TrustSet": {"LimitAmount": issued},
}
_paths = st.just([[{"currency": "XRP"}]])
_payments = st.fixed_dictionaries(
    {"TransactionType": st.just("Payment"), "Destination": accounts},
    optional={
        "SendMax": amounts,
        "DeliverMin": amounts,
        "InvoiceID": hashes,
        "Paths": st.just([[{"currency": "XRP"}]]),
    },
)
_others = st.sampled_from(sorted(_OF_TYPE)).flatmap(
    lambda kind: st.fixed_dictionaries({"TransactionType": st.just(kind), **_OF_TYPE[kind]})
)
metadata = st.fixed_dictionaries(
    {
        "AffectedNodes": st.just([{"ModifiedNode": {"FinalFields": {"Amount": "1", "hash": "2"}, "LedgerIndex": "A"}}]),
        "TransactionIndex": st.integers(0, 500),
        "TransactionResult": st.sampled_from(["tesSUCCESS", "tecPATH_DRY"]),
    },
    optional={"delivered_amount": amounts, "DeliveredAmount": amounts},
)


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    """Transactions of many types, half of them Payments."""
    payment = draw(st.booleans())
    fields = draw(common) | draw(_payments if payment else _others)
    blob = draw(hexes(12))
    offer = fields["TransactionType"] == "OfferCreate"
    return Transaction(
        fields=fields,
        amount=draw(amounts) if payment else None,
        hash=sha512(b"TXN\0" + bytes.fromhex(blob)).hexdigest()[:64].upper(),
        blob=blob,
        meta=draw(metadata),
        meta_blob=draw(hexes(6)),
        ctid=draw(st.none() | hexes(8)),
        owner_funds=draw(st.none() | drops) if offer else None,
    )


ledgers = st.builds(Ledger, index=st.integers(1, 2**32 - 2), hash=hashes, close_time=st.integers(0, 2**31))
ledger_lists = st.lists(ledgers, min_size=1, max_size=3, unique_by=lambda ledger: ledger.index)
