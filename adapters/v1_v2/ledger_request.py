"""ledger_request: the type of the index of the ledger that it tells of."""

from adapters.adapter import JsonObject, MethodAdapter
from adapters.ledgers import downgrade_ledger_index, upgrade_ledger_index

_LEDGERS = ("ledger", "acquiring")


class LedgerRequest(MethodAdapter):
    """`ledger.ledger_index` is a number, where v1 has a string; so in what an error says is being acquired
    (rippled's LedgerRequest.cpp and getLedgerByContext).
    """

    method = "ledger_request"

    def downgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        for name in _LEDGERS:
            downgrade_ledger_index(result.get(name))
        return result

    def upgrade_result(self, result: JsonObject, params: JsonObject) -> JsonObject:
        for name in _LEDGERS:
            upgrade_ledger_index(result.get(name))
        return result
