"""Responses about ledgers after the recorded ones, in the form of the node's release and API version."""

from collections.abc import Callable, Mapping
from typing import Any

from adapters.ctid import ctid
from adapters.errors import error_result
from adapters.ledger_time import iso_time
from adapters.ledgers import serialised_header
from proxy.demo.live_ledger import Header, JsonObject, LiveLedger, Submission, Transaction, state_root, transaction_root
from proxy.demo.paging import WHOLE_LIMIT, page

Recorded = Callable[[str, Mapping[str, Any]], JsonObject | None]
"""The recorded result of a request; None if nothing, or an error, was recorded."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_INVALID: JsonObject = {"error": "invalidTransaction"}


class LiveAnswers:
    """Results about the live ledger in one API version, without an envelope.

    has_v2: whether the release has API version 2 at all: from 2.0 on, `DeliverMax`, `ctid` and `close_time_iso` are in
    both versions.
    recorded: what the node's recordings hold, for accounts and state that no transaction has changed.
    """

    def __init__(self, ledger: LiveLedger, version: int, has_v2: bool, recorded: Recorded) -> None:
        self._ledger = ledger
        self._version = version
        self._has_v2 = has_v2
        self._recorded = recorded
        self._methods: dict[str, Callable[[Mapping[str, Any]], JsonObject | None]] = {
            "account_info": self._account_info,
            "account_tx": self._account_tx,
            "fee": self._fee,
            "ledger": self._ledger_result,
            "ledger_closed": self._ledger_closed,
            "ledger_current": self._ledger_current,
            "server_info": lambda params: self._server("server_info", "info", params),
            "server_state": lambda params: self._server("server_state", "state", params),
            "tx": self._tx,
        }

    def answer(self, method: str, params: Mapping[str, Any]) -> JsonObject | None:
        """A result or an error; None if the recordings have it."""
        if method == "submit" and isinstance(params.get("tx_blob"), str):
            return self._submit(params["tx_blob"])
        answer = self._methods.get(method)
        return answer(params) if answer is not None and self._ledger.has_begun else None

    def closed_ledger(self, index: int) -> JsonObject:
        """The result of `ledger` for a ledger that closed, with its transactions expanded."""
        closed = self._ledger.closed[index]
        ledger = self._header(closed.header, closed.transactions)
        entries = [self._in_ledger(each, closed.header) for each in closed.transactions]
        return {**_place(closed.header), "ledger": {**ledger, "transactions": entries}}

    def _submit(self, blob: str) -> JsonObject:
        try:
            submitted = self._ledger.submit(blob)
        except ValueError as error:
            return {**_INVALID, "error_exception": str(error)}
        return self._submitted(submitted)

    def _submitted(self, submitted: Submission) -> JsonObject:
        applied, sequence = submitted.is_applied, submitted.account.sequence if submitted.account else 0
        tx_json = {**submitted.fields, "hash": submitted.hash}
        if self._has_v2 and "Amount" in tx_json and tx_json["TransactionType"] == "Payment":
            tx_json["DeliverMax"] = tx_json["Amount"]
        return {
            "accepted": True,
            "account_sequence_available": sequence,
            "account_sequence_next": sequence,
            "applied": applied,
            "broadcast": applied,
            "engine_result": submitted.result,
            "engine_result_code": submitted.code,
            "engine_result_message": submitted.message,
            "kept": True,
            "open_ledger_cost": "10",
            "queued": False,
            "tx_blob": submitted.blob,
            "tx_json": tx_json,
            "validated_ledger_index": self._ledger.newest.index,
        }

    def _header(self, header: Header, transactions: tuple[Transaction, ...]) -> JsonObject:
        iso = iso_time(header.close_time)
        ledger: JsonObject = {
            "account_hash": state_root(header),
            "close_flags": 0,
            "close_time": header.close_time,
            "close_time_human": f"{iso[:4]}-{_MONTHS[int(iso[5:7]) - 1]}-{iso[8:10]} {iso[11:19]}.000000000 UTC",
            "close_time_resolution": 10,
            "closed": True,
            "ledger_hash": header.hash,
            "ledger_index": str(header.index) if self._version == 1 else header.index,
            "parent_close_time": header.parent_close_time,
            "parent_hash": header.parent_hash,
            "total_coins": str(header.total_coins),
            "transaction_hash": transaction_root(transactions),
        }
        return {**ledger, "close_time_iso": iso} if self._has_v2 else ledger

    def _fields(self, tx: Transaction) -> JsonObject:
        """The transaction's own fields, a Payment's amount under the version's name or names."""
        fields = dict(tx.fields)
        if self._has_v2 and fields["TransactionType"] == "Payment" and "Amount" in fields:
            fields["DeliverMax"] = fields["Amount"] if self._version == 1 else fields.pop("Amount")
        return fields

    def _in_ledger(self, tx: Transaction, header: Header) -> JsonObject:
        if self._version == 1:
            return {**self._fields(tx), "hash": tx.hash, "metaData": tx.meta}
        ledger_members = {"close_time_iso": iso_time(header.close_time), **_place(header)}
        return {**ledger_members, "hash": tx.hash, "meta": tx.meta, "tx_json": self._fields(tx)}

    def _in_history(self, tx: Transaction, header: Header) -> JsonObject:
        fields = self._fields(tx) | {"date": header.close_time, "ledger_index": header.index}
        if self._has_v2:
            fields["ctid"] = _ctid(tx, header)
        if self._version == 1:
            inside = {**fields, "hash": tx.hash, "inLedger": header.index}
            return {"meta": tx.meta, "tx": inside, "validated": True}
        ledger_members = {"close_time_iso": iso_time(header.close_time), **_place(header)}
        return {**ledger_members, "hash": tx.hash, "meta": tx.meta, "tx_json": fields}

    def _tx(self, params: Mapping[str, Any]) -> JsonObject | None:
        tx_hash = params.get("transaction")
        if not isinstance(tx_hash, str) or params.get("binary") or self._recorded("tx", params) is not None:
            return None
        found = self._ledger.place(tx_hash.upper())
        if found is None:
            return error_result("txnNotFound")
        tx, header = found
        if header is None:
            fields = self._fields(tx)
            inside = {**fields, "hash": tx.hash} if self._version == 1 else {"tx_json": fields, "hash": tx.hash}
            return {**inside, "validated": False}
        entry = self._in_history(tx, header)
        result = {**entry.pop("tx"), **entry} if self._version == 1 else entry
        return {**result, "ctid": _ctid(tx, header)}

    def _account_info(self, params: Mapping[str, Any]) -> JsonObject | None:
        is_validated = self._is_closed(params)
        if is_validated is None or not isinstance(params.get("account"), str):
            return None
        of_ledger = {name: value for name, value in params.items() if name not in ("ledger_index", "ledger_hash")}
        place = _place(self._ledger.newest) if is_validated else self._open()
        account = self._ledger.account(params["account"], is_validated=is_validated)
        if account is None:
            return {**error_result("actNotFound"), "account": params["account"], **place}
        recorded = self._recorded("account_info", of_ledger) or {"account_data": {"Account": params["account"]}}
        result = {k: v for k, v in recorded.items() if k not in ("ledger_current_index", "ledger_index", "ledger_hash")}
        data = {"LedgerEntryType": "AccountRoot", **recorded["account_data"]}
        data |= {"Balance": str(account.balance), "Sequence": account.sequence, "Flags": account.flags}
        data["OwnerCount"] = account.owner_count
        if account.previous is not None:
            data |= {"PreviousTxnID": account.previous, "PreviousTxnLgrSeq": account.previous_ledger}
        return {**result, "account_data": data, **place}

    def _account_tx(self, params: Mapping[str, Any]) -> JsonObject | None:
        account, newest = params.get("account"), self._ledger.newest.index
        low, high = params.get("ledger_index_min", -1), params.get("ledger_index_max", -1)
        simple = isinstance(account, str) and type(low) is int and type(high) is int
        if not simple or params.get("binary") or not params.keys().isdisjoint(("ledger_index", "ledger_hash")):
            return None
        whole = self._recorded("account_tx", {"account": account, "limit": WHOLE_LIMIT})
        if whole is None:
            if self._ledger.account(str(account)) is None:
                return {**error_result("actNotFound"), "account": account}
            whole = {"account": account, "ledger_index_min": 2, "limit": WHOLE_LIMIT, "transactions": []}
            whole["validated"] = True
        entries = [
            self._in_history(tx, closed.header)
            for closed in reversed(self._ledger.closed.values())
            for tx in reversed(closed.transactions)
            if tx.concerns(str(account))
        ]
        first, last = max(low, whole["ledger_index_min"]), newest if high < 0 else min(high, newest)
        transactions = [each for each in (*entries, *whole["transactions"]) if first <= _index(each) <= last]
        history = {"ledger_index_min": first, "ledger_index_max": last, "transactions": transactions}
        return page({**whole, **history}, params)

    def _ledger_result(self, params: Mapping[str, Any]) -> JsonObject | None:
        index = self._named(params)
        if index is None:
            return None
        if index == self._ledger.newest.index + 1:
            header: JsonObject = {"closed": False, "parent_hash": self._ledger.newest.hash}
            header["ledger_index"] = str(index) if self._version == 1 else index
            if params.get("transactions"):
                header["transactions"] = [each.hash for each in self._ledger.open_transactions]
            return {"ledger": header, **self._open()}
        if index not in self._ledger.closed:
            return error_result("lgrNotFound", "ledgerNotFound") if index > self._ledger.newest.index else None
        result = self.closed_ledger(index)
        closed = self._ledger.closed[index]
        if not params.get("transactions"):
            del result["ledger"]["transactions"]
        elif not params.get("expand"):
            result["ledger"]["transactions"] = [each.hash for each in closed.transactions]
        if params.get("binary"):
            blobs = {"transactions": [{"tx_blob": each.blob, "meta": ""} for each in closed.transactions]}
            extra = blobs if params.get("transactions") and params.get("expand") else {}
            result["ledger"] = {"closed": True, "ledger_data": serialised_header(result["ledger"]), **extra}
        return result

    def _ledger_closed(self, _params: Mapping[str, Any]) -> JsonObject:
        return {"ledger_hash": self._ledger.newest.hash, "ledger_index": self._ledger.newest.index}

    def _ledger_current(self, _params: Mapping[str, Any]) -> JsonObject:
        return {"ledger_current_index": self._ledger.newest.index + 1}

    def _fee(self, params: Mapping[str, Any]) -> JsonObject | None:
        recorded = self._recorded("fee", params)
        return {**recorded, **self._ledger_current(params)} if recorded is not None else None

    def _server(self, method: str, name: str, params: Mapping[str, Any]) -> JsonObject | None:
        recorded, newest = self._recorded(method, params), self._ledger.newest
        if recorded is None:
            return None
        state = recorded[name]
        validated = {**state["validated_ledger"], "hash": newest.hash, "seq": newest.index}
        if "close_time" in validated:
            validated["close_time"] = newest.close_time
        lowest = state["complete_ledgers"].split("-")[0]
        state = {**state, "validated_ledger": validated, "complete_ledgers": f"{lowest}-{newest.index}"}
        return {**recorded, name: state}

    def _named(self, params: Mapping[str, Any]) -> int | None:
        """The index of the ledger that a request names, if it may be a live one."""
        if isinstance(params.get("ledger_hash"), str):
            wanted = params["ledger_hash"].upper()
            return next((index for index, each in self._ledger.closed.items() if each.header.hash == wanted), None)
        named, newest = params.get("ledger_index"), self._ledger.newest.index
        if named in ("validated", "closed"):
            return newest
        if named == "current":
            return newest + 1
        if isinstance(named, str) and named.isdigit():
            named = int(named)
        is_live = type(named) is int and (named in self._ledger.closed or named > newest)
        return named if is_live else None

    def _is_closed(self, params: Mapping[str, Any]) -> bool | None:
        """Whether a request is about a closed ledger, True, or the open one, False; None for one that was recorded."""
        if params.keys().isdisjoint(("ledger_index", "ledger_hash")):
            return False
        index = self._named(params)
        return index <= self._ledger.newest.index if index is not None else None

    def _open(self) -> JsonObject:
        return {"ledger_current_index": self._ledger.newest.index + 1, "validated": False}


def _place(header: Header) -> JsonObject:
    return {"ledger_hash": header.hash, "ledger_index": header.index, "validated": True}


def _ctid(tx: Transaction, header: Header) -> str | None:
    return ctid(header.index, tx.meta["TransactionIndex"], 0)


def _index(entry: Mapping[str, Any]) -> int:
    index: int = entry["tx"]["ledger_index"] if "tx" in entry else entry["ledger_index"]
    return index
