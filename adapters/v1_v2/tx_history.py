"""tx_history: a method of v1 only, served from ledgers."""

from collections.abc import Generator

from adapters.adapter import Conversation, JsonObject, MethodAdapter, NodeRequest, immediate
from adapters.errors import error_result
from adapters.json_values import as_integer
from adapters.transactions import downgrade_transaction

_PAGE = 20
_DEEPEST_START = 10_000


class TxHistory(MethodAdapter):
    """Removed; the same result comes from the newest transactions, from the newest validated ledger downwards, and
    within a ledger from the last applied (rippled's TxHistory.cpp).

    Loss: v1 lets an administrator start beyond 10000.
    """

    method = "tx_history"

    def serve_older(self, params: JsonObject) -> Conversation:
        if "start" not in params:
            return error_result("invalidParams")
        start = as_integer(params["start"])
        # A fraction between -1 and 0 becomes 0 as an integer, but is refused like any negative number.
        if start is None or start < 0 or (isinstance(params["start"], float) and params["start"] < 0):
            return error_result("internal")
        if start > _DEEPEST_START:
            return error_result("noPermission")
        newest = yield NodeRequest("ledger", {"ledger_index": "validated"})
        if "error" in newest:
            return newest
        page, error = yield from _page(newest.get("ledger_index", 0), start)
        return {"index": start, "txs": page or None} if error is None else error

    def serve_newer(self, params: JsonObject) -> Conversation:
        return immediate(error_result("unknownCmd"))


_Page = tuple[list[JsonObject], JsonObject | None]


def _page(ledger_index: int, skip: int) -> Generator[NodeRequest, JsonObject, _Page]:
    """Up to 20 transactions in v1's form, from the ledger downwards, after skipping `skip` of them.

    They end where the server's ledgers end. Any other error is returned with them: a shortened page would be wrong.
    """
    page: list[JsonObject] = []
    while len(page) < _PAGE and ledger_index > 0:
        asked: JsonObject = {"ledger_index": ledger_index, "transactions": True}
        if skip:
            # Hashes are enough to count skipped transactions.
            counted = yield NodeRequest("ledger", asked)
            if "error" in counted:
                return page, _unless_no_ledger(counted)
            count = len(counted["ledger"].get("transactions", ()))
            if skip >= count:
                skip -= count
                ledger_index -= 1
                continue
        result = yield NodeRequest("ledger", {**asked, "expand": True})
        if "error" in result:
            return page, _unless_no_ledger(result)
        entries = result["ledger"].get("transactions", [])
        entries.sort(key=lambda entry: entry["meta"]["TransactionIndex"], reverse=True)
        for entry in entries[skip : skip + _PAGE - len(page)]:
            entry["tx_json"]["ledger_index"] = ledger_index
            page.append(downgrade_transaction(entry["tx_json"], entry.get("hash")))
        skip = 0
        ledger_index -= 1
    return page, None


def _unless_no_ledger(error: JsonObject) -> JsonObject | None:
    return None if error["error"] == "lgrNotFound" else error
