"""ledger_request: the type of the index in the ledger header that it returns."""

from adapters.adapter import JsonObject, MethodAdapter
from adapters.ledgers import downgrade_ledger_index, upgrade_ledger_index


class LedgerRequest(MethodAdapter):
    """`ledger.ledger_index` is a number, where v1 has a string; likewise in `acquiring`, which an error has (rippled's
    LedgerRequest.cpp and getLedgerByContext).
    """

    method = "ledger_request"

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        downgrade_ledger_index(result.get("ledger"))
        downgrade_ledger_index(result.get("acquiring"))
        return result

    def downgrade_error(self, result: JsonObject, params: JsonObject) -> JsonObject:
        downgrade_ledger_index(result.get("acquiring"))
        return result

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        upgrade_ledger_index(result.get("ledger"))
        upgrade_ledger_index(result.get("acquiring"))
        return result

    def upgrade_error(self, result: JsonObject, params: JsonObject) -> JsonObject:
        upgrade_ledger_index(result.get("acquiring"))
        return result
