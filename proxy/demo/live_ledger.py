"""Ledgers after the recorded ones: a demo node's ledger stands still until a transaction is submitted.

XRP moves, accounts are created, fees are burned and sequence numbers advance; other effects are not simulated.
Signatures are not verified, and only the newest ledgers are retained.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.transactions import transaction_hash
from proxy.demo.signed import account_id, decode_transaction, definitions

JsonObject = dict[str, Any]

LEDGERS_PER_SUBMISSION = 30
"""How many close after a submission: enough to be past a `LastLedgerSequence` that a library has set."""
_RETAINED_LEDGERS = 1000
_MAX_OPEN_TRANSACTIONS = 1000
_CLOSE_SECONDS = 4
_BASE_FEE, _RESERVE = 10, 10_000_000
_LEDGER_PREFIX, _ACCOUNT_SPACE = b"LWR\0", b"\0a"
_MESSAGES = {
    "tesSUCCESS": "The transaction was applied. Only final in a validated ledger.",
    "tecUNFUNDED_PAYMENT": "Insufficient XRP balance to send.",
    "tecNO_DST_INSUF_XRP": "Destination does not exist. Too little XRP sent to create it.",
    "tefALREADY": "The exact transaction was already in this ledger.",
    "tefMAX_LEDGER": "Ledger sequence too high.",
    "tefPAST_SEQ": "This sequence number has already passed.",
    "telINSUF_FEE_P": "Fee insufficient.",
    "temBAD_AMOUNT": "Can only send positive amounts.",
    "terINSUF_FEE_B": "Account balance can't pay fee.",
    "terNO_ACCOUNT": "The source account does not exist.",
    "terPRE_SEQ": "Missing/inapplicable prior transaction.",
    "terQUEUED": "Held until escalated fee drops.",
}
"""rippled's TER.cpp."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account's root entry, as far as it changes. `balance` in drops; `previous` is its last transaction's hash."""

    balance: int
    sequence: int
    flags: int = 0
    owner_count: int = 0
    previous: str | None = None
    previous_ledger: int = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Account":
        """From `account_data` of an `account_info`."""
        counts = (data.get("Flags", 0), data.get("OwnerCount", 0))
        place = (data.get("PreviousTxnID"), data.get("PreviousTxnLgrSeq", 0))
        return cls(int(data["Balance"]), data["Sequence"], *counts, *place)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that was applied: as it was signed, with `Amount`, and what it changed."""

    fields: JsonObject
    hash: str
    blob: str
    meta: JsonObject

    def concerns(self, account: str) -> bool:
        """Whether it belongs to the account's history."""
        return account in (self.fields["Account"], self.fields.get("Destination"))


@dataclass(frozen=True, slots=True)
class Header:
    """A closed ledger without its transactions. Times in seconds of the ledger's clock, `total_coins` in drops."""

    index: int
    hash: str
    parent_hash: str
    close_time: int
    parent_close_time: int
    total_coins: int

    @classmethod
    def from_json(cls, ledger: Mapping[str, Any]) -> "Header":
        """From the `ledger` of a `ledger` result."""
        hashes = (ledger["ledger_hash"], ledger["parent_hash"])
        times = (ledger["close_time"], ledger.get("parent_close_time", ledger["close_time"] - 1))
        return cls(int(ledger["ledger_index"]), *hashes, *times, int(ledger.get("total_coins", 10**17)))


@dataclass(frozen=True, slots=True)
class ClosedLedger:
    """A ledger that closed after the recorded ones."""

    header: Header
    transactions: tuple[Transaction, ...]


@dataclass(frozen=True, slots=True)
class Submission:
    """The state of a submitted transaction. `account` is its sender's account after it."""

    result: str
    fields: JsonObject
    hash: str
    blob: str
    account: Account | None

    @property
    def is_applied(self) -> bool:
        """Whether it is in the open ledger."""
        return self.result.startswith(("tes", "tec"))

    @property
    def code(self) -> int:
        """The result as a number."""
        return definitions().results[self.result]

    @property
    def message(self) -> str:
        """The result in words."""
        return _MESSAGES[self.result]


@dataclass
class LiveLedger:
    """The open ledger and those that closed since the recordings end.

    `newest_recorded` returns the last recorded ledger; `find_account` an account's data at its end, None for none.
    Both are called once a transaction has been submitted, not before.
    """

    newest_recorded: Callable[[], Header]
    find_account: Callable[[str], Mapping[str, Any] | None]
    closed: dict[int, ClosedLedger] = field(default_factory=dict)
    open_transactions: list[Transaction] = field(default_factory=list)
    due: int = 0
    _accounts: dict[str, Account] = field(default_factory=dict)
    _validated: dict[str, Account] = field(default_factory=dict)
    _newest: Header | None = None
    _seen: dict[str, int | None] = field(default_factory=dict)
    _burned: int = 0

    @property
    def has_begun(self) -> bool:
        """Whether anything has been submitted: until then only the recordings count."""
        return self._newest is not None

    @property
    def newest(self) -> Header:
        """The newest closed ledger, which is validated as well."""
        if self._newest is None:
            self._newest = self.newest_recorded()
        return self._newest

    def account(self, address: str, *, is_validated: bool = False) -> Account | None:
        """An account in the open ledger, or in the newest validated one; None if there is none."""
        known = self._validated if is_validated else self._accounts
        if address in known:
            return known[address]
        data = self.find_account(address)
        return Account.from_json(data) if data is not None else None

    def place(self, tx_hash: str) -> tuple[Transaction, Header | None] | None:
        """A transaction and the ledger that it is in, None for the open one; None for one that is not known."""
        if tx_hash not in self._seen:
            return None
        index = self._seen[tx_hash]
        if index is None:
            return next((tx, None) for tx in self.open_transactions if tx.hash == tx_hash)
        ledger = self.closed[index]
        return next((tx, ledger.header) for tx in ledger.transactions if tx.hash == tx_hash)

    def submit(self, blob: str) -> Submission:
        """Apply a signed transaction to the open ledger, if possible. Raises ValueError for an invalid one."""
        fields = decode_transaction(bytes.fromhex(blob))
        if not fields.get("TxnSignature") and not fields.get("Signers"):
            raise ValueError("fails local checks: Invalid signature.")
        if not isinstance(fields.get("Fee"), str):
            raise ValueError("fails local checks: Invalid fee.")
        tx_hash, sender = transaction_hash(blob), fields["Account"]
        current = self.newest.index + 1
        self.due = LEDGERS_PER_SUBMISSION
        account = self.account(sender)
        result = self._refusal(fields, tx_hash, account, current)
        if result is None and account is not None:
            result = self._apply(Transaction(fields, tx_hash, blob.upper(), {}), account)
        return Submission(result or "terNO_ACCOUNT", fields, tx_hash, blob.upper(), self.account(sender))

    def _refusal(self, fields: JsonObject, tx_hash: str, account: Account | None, current: int) -> str | None:
        """Why a transaction does not get into the open ledger; None if it does."""
        fee, amount = int(fields["Fee"]), fields.get("Amount")
        if fields["TransactionType"] == "Payment" and isinstance(amount, str) and int(amount) <= 0:
            return "temBAD_AMOUNT"
        if account is None:
            return "terNO_ACCOUNT"
        if "TicketSequence" not in fields and fields.get("Sequence", 0) != account.sequence:
            return "tefPAST_SEQ" if fields.get("Sequence", 0) < account.sequence else "terPRE_SEQ"
        if tx_hash in self._seen:
            return "tefALREADY"
        if fields.get("LastLedgerSequence", current) < current:
            return "tefMAX_LEDGER"
        if fee < _BASE_FEE:
            return "telINSUF_FEE_P"
        if account.balance < fee:
            return "terINSUF_FEE_B"
        if len(self.open_transactions) >= _MAX_OPEN_TRANSACTIONS:
            return "terQUEUED"
        return None

    def _apply(self, transaction: Transaction, account: Account) -> str:
        fields, tx_hash = transaction.fields, transaction.hash
        fee, current = int(fields["Fee"]), self.newest.index + 1
        uses_sequence = "TicketSequence" not in fields
        sender, destination = fields["Account"], fields.get("Destination")
        paid = {sender: replace(account, balance=account.balance - fee, sequence=account.sequence + uses_sequence)}
        result = "tesSUCCESS"
        if fields["TransactionType"] == "Payment" and isinstance(fields.get("Amount"), str) and destination != sender:
            result = self._pay(paid, sender, str(destination), int(fields["Amount"]))
        nodes = [
            _affected(name, self.account(name), each, (tx_hash, current))
            for name, each in sorted(paid.items(), key=lambda item: _entry_id(item[0]))
        ]
        for name, each in paid.items():
            self._accounts[name] = replace(each, previous=tx_hash, previous_ledger=current)
        meta = {"AffectedNodes": nodes, "TransactionIndex": len(self.open_transactions), "TransactionResult": result}
        if fields["TransactionType"] == "Payment" and result == "tesSUCCESS":
            meta["delivered_amount"] = fields.get("Amount")
        self.open_transactions.append(replace(transaction, meta=meta))
        self._seen[tx_hash] = None
        self._burned += fee
        return result

    def _pay(self, paid: dict[str, Account], sender: str, destination: str, drops: int) -> str:
        """Move XRP in `paid` if possible; return the result."""
        source, recipient = paid[sender], self.account(destination)
        if source.balance < drops + _RESERVE:
            return "tecUNFUNDED_PAYMENT"
        if recipient is None and drops < _RESERVE:
            return "tecNO_DST_INSUF_XRP"
        recipient = recipient or Account(0, self.newest.index + 1)
        paid[sender] = replace(source, balance=source.balance - drops)
        paid[destination] = replace(recipient, balance=recipient.balance + drops)
        return "tesSUCCESS"

    def close(self) -> ClosedLedger:
        """Close the open ledger, and start the next."""
        parent, self.due = self.newest, max(self.due - 1, 0)
        index = parent.index + 1
        transactions, self.open_transactions = tuple(self.open_transactions), []
        coins, self._burned = parent.total_coins - self._burned, 0
        ledger_hash = _hash(_LEDGER_PREFIX, index.to_bytes(4), bytes.fromhex(parent.hash), _root(transactions))
        times = (parent.close_time + _CLOSE_SECONDS, parent.close_time)
        self._newest = Header(index, ledger_hash, parent.hash, *times, coins)
        ledger = ClosedLedger(self._newest, transactions)
        self._validated = dict(self._accounts)
        self.closed[index] = ledger
        self._seen.update({each.hash: index for each in transactions})
        if len(self.closed) > _RETAINED_LEDGERS:
            for each in self.closed.pop(next(iter(self.closed))).transactions:
                del self._seen[each.hash]
        return ledger


def transaction_root(transactions: tuple[Transaction, ...]) -> str:
    """A substitute for the hash of a ledger's transaction tree: zeros if there are no transactions."""
    return _root(transactions).hex().upper()


def state_root(header: Header) -> str:
    """A substitute for the hash of a ledger's state tree."""
    return _hash(b"state", bytes.fromhex(header.hash))


def _root(transactions: tuple[Transaction, ...]) -> bytes:
    if not transactions:
        return bytes(32)
    return hashlib.sha512(b"".join(bytes.fromhex(each.hash) for each in transactions)).digest()[:32]


def _hash(*parts: bytes) -> str:
    return hashlib.sha512(b"".join(parts)).hexdigest()[:64].upper()


def _entry_id(address: str) -> str:
    """The id of an account's root entry: SHA-512Half of its space and the account."""
    return _hash(_ACCOUNT_SPACE, account_id(address))


def _affected(address: str, before: Account | None, after: Account, place: tuple[str, int]) -> JsonObject:
    """The entry of `AffectedNodes` for an account."""
    final = {"Account": address, "Balance": str(after.balance), "Flags": after.flags}
    final |= {"OwnerCount": after.owner_count, "Sequence": after.sequence}
    entry: JsonObject = {"LedgerEntryType": "AccountRoot", "LedgerIndex": _entry_id(address)}
    if before is None:
        fields = {name: final[name] for name in ("Account", "Balance", "Sequence")}
        return {"CreatedNode": {**entry, "NewFields": fields}}
    previous: JsonObject = {"Balance": str(before.balance)}
    if before.sequence != after.sequence:
        previous["Sequence"] = before.sequence
    entry |= {"FinalFields": final, "PreviousFields": previous}
    if before.previous is not None:
        entry |= {"PreviousTxnID": before.previous, "PreviousTxnLgrSeq": before.previous_ledger}
    return {"ModifiedNode": entry}
