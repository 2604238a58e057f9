"""tx: the transaction moved from the top of the result into `tx_json`."""

import re
from collections.abc import Generator
from datetime import datetime
from typing import Any, ClassVar

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest
from adapters.clio import refused_by_validation
from adapters.errors import error_result
from adapters.json_values import is_boolean_or_absent, is_unsigned, with_boolean
from adapters.ledger_time import iso_time, ledger_seconds
from adapters.ledgers import header_request, read_header
from adapters.transactions import downgrade_transaction, is_transaction_field, ledger_place, upgrade_transaction

_ALSO_IN_TX_JSON = ("ctid", "date", "ledger_index")
_LEDGER = ("inLedger", "ledger_index", "date")
_INNER_BATCH_FLAG = 0x4000_0000
# In seconds: how long rippled caches a transaction (tx_hash and tx_cache in its TransactionMaster.cpp).
_CACHED = 30 * 60
_TIME = re.compile(r"(\d{4}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2})(?:\.\d+)? UTC")


class Tx(MethodAdapter):
    """The transaction is `tx_json`, or `tx_blob` and `meta_blob`, with the members about its ledger next to it; v1 has
    everything at the top of the result, and a binary one as `tx` and `meta` (rippled's Tx.cpp).

    Loss: of a binary transaction in a ledger that is not validated yet, v2 does not report the ledger, which v1 does.

    Loss: rippled 2.x and later have `tx_json.ctid` only while they cache the transaction, up to 30 minutes, and not for
    an inner transaction of a Batch, which v1 does not show. It is left out of an inner transaction, and of one whose
    ledger closed more than 30 minutes before the server's time. Clio always has it, from 2.4 on.

    Clio refuses a `binary` that is not a boolean in v2, before any look-up; v1 reads it as one.
    """

    method = "tx"
    inexact: ClassVar = frozenset({"/tx_json/ctid"})

    def upgrade_request(self, params: JsonObject) -> JsonObject:
        return with_boolean(params, "binary") if self.node.is_clio else params

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        place = ledger_place(result)
        if "tx_json" in result:
            for name in ("close_time_iso", "ledger_hash", "ledger_index"):
                result.pop(name, None)
            transaction = {**place, **result.pop("tx_json")}
            result.update(downgrade_transaction(transaction, result.pop("hash", None)))
        elif "tx_blob" in result:
            for name in ("close_time_iso", "ledger_hash"):
                result.pop(name, None)
            result["tx"] = result.pop("tx_blob")
            if "meta_blob" in result:
                result["meta"] = result.pop("meta_blob")
            if "ledger_index" in place:
                result["inLedger"] = place["ledger_index"]
            if "date" in place:
                result["date"] = place["date"]
        return result

    def serve_newer(self, params: JsonObject) -> Conversation:
        if self.node.is_clio and not is_boolean_or_absent(params, "binary"):
            result = yield NodeRequest(self.method, params)
            return result if refused_by_validation(result) else self.error("invalidParams")
        result = yield NodeRequest(self.method, params)
        if "error" in result:
            return _with_token(result)
        if isinstance(result.get("tx"), str):
            upgraded = _upgrade_binary(result)
        elif "TransactionType" in result:
            upgraded = _upgrade_inlined(result)
            if "ctid" in upgraded["tx_json"] and not (yield from self._has_ctid_inside(result)):
                del upgraded["tx_json"]["ctid"]
        else:
            return result
        return (yield from _with_ledger(upgraded, result))

    def _has_ctid_inside(self, result: JsonObject) -> Generator[NodeRequest, JsonObject, bool]:
        """Whether the server would include `ctid` in `tx_json` in v2, for the transaction of a v1 result."""
        if self.node.is_clio:
            return not self.node.is_clio_before(2, 4)
        if self.node.predates_v2 or self.node.software == "other":
            return True
        if _is_inner(result):
            return False
        date = result.get("date")
        if is_unsigned(date):
            server = yield NodeRequest("server_info", {})
            now = _server_time(server.get("info"))
            return now is None or now - date <= _CACHED
        return True


def _with_token(result: JsonObject) -> JsonObject:
    """An error with the token `wrongNetwork`, which rippled before 2.0 does not have for its code."""
    message = result.get("error_message")
    if result["error"] == "unknown" and isinstance(message, str) and message.startswith("Wrong network."):
        result.update(error_result("wrongNetwork", message))
    return result


def _is_inner(result: JsonObject) -> bool:
    """Whether the transaction was applied as part of a Batch (XLS-56)."""
    flags, meta = result.get("Flags"), result.get("meta")
    inner = is_unsigned(flags) and flags & _INNER_BATCH_FLAG != 0
    return inner or (isinstance(meta, dict) and "ParentBatchID" in meta)


def _server_time(info: Any) -> int | None:
    """`time` of a `server_info`, in seconds of the ledger's clock; None if it has none."""
    time = info.get("time") if isinstance(info, dict) else None
    found = _TIME.fullmatch(time) if isinstance(time, str) else None
    if found is None:
        return None
    return ledger_seconds(f"{datetime.strptime(found[1], '%Y-%b-%d %H:%M:%S').isoformat()}Z")


def _upgrade_binary(result: JsonObject) -> JsonObject:
    names = {"tx": "tx_blob", "meta": "meta_blob"}
    return {names.get(name, name): value for name, value in result.items() if name not in _LEDGER}


def _upgrade_inlined(result: JsonObject) -> JsonObject:
    fields = {name: value for name, value in result.items() if is_transaction_field(name) or name in _ALSO_IN_TX_JSON}
    ledger_members = {k: v for k, v in result.items() if not is_transaction_field(k) and k not in _LEDGER}
    return {"tx_json": upgrade_transaction(fields)[0], **ledger_members}


def _with_ledger(upgraded: JsonObject, result: JsonObject) -> Conversation:
    """Add v2's members about the transaction's ledger; v1 does not report its hash."""
    ledger_index = result.get("ledger_index", result.get("inLedger"))
    if ledger_index is None:
        return upgraded
    ledger = yield header_request(ledger_index)
    if "error" not in ledger:
        upgraded["ledger_hash"] = read_header(ledger).ledger_hash
    elif ledger["error"] != "lgrNotFound":
        return ledger
    if result.get("validated"):
        upgraded["ledger_index"] = ledger_index
        if "date" in result:
            upgraded["close_time_iso"] = iso_time(result["date"])
    return upgraded
