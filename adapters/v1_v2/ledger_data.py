"""ledger_data: the type of the ledger index in the header that the first page begins with."""

from adapters.adapter import JsonObject, MethodAdapter
from adapters.ledgers import add_close_time_iso, downgrade_ledger_index, upgrade_ledger_index


class LedgerData(MethodAdapter):
    """`ledger.ledger_index` is a number, where v1 has a string."""

    method = "ledger_data"

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        downgrade_ledger_index(result.get("ledger"))
        return result

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        ledger = result.get("ledger")
        upgrade_ledger_index(ledger)
        if self.node.may_predate_v2:
            add_close_time_iso(ledger)
        return result
