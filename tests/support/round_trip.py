"""One response as nodes of two neighbouring versions give it, and the node that gives either of them."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters import JsonObject, NodeRequest
from tests.support.generated import Ledger
from tests.support.native import Ask, Miss


@dataclass(frozen=True, slots=True)
class Reported:
    """The result that a node of the `older` and one of the `newer` version give to the same `params`.

    `ledgers` are those whose headers can be looked up; `responses` holds the results of other methods, the same in
    both versions: method to result.
    """

    older: JsonObject
    newer: JsonObject
    params: JsonObject = field(default_factory=dict)
    ledgers: tuple[Ledger, ...] = ()
    responses: Mapping[str, Any] = field(default_factory=dict)

    def node(self, method: str, result: JsonObject) -> Ask:
        """A node that gives `result` for the method."""
        headers = {ledger.index: ledger for ledger in self.ledgers}

        def ask(question: NodeRequest) -> JsonObject:
            if question.method == "ledger" and question.params.keys() == {"ledger_index", "binary"}:
                return _header(headers.get(question.params["ledger_index"]))
            if question.method == method:
                return copy.deepcopy(result)
            if question.method in self.responses:
                answer: JsonObject = copy.deepcopy(self.responses[question.method])
                return answer
            raise Miss(f"{question.method} {question.params}")

        return ask


def same(result: JsonObject, **others: Any) -> Reported:
    """A response that is the same in both versions."""
    return Reported(older=result, newer=result, **others)


def _header(ledger: Ledger | None) -> JsonObject:
    if ledger is None:
        return {"error": "lgrNotFound", "error_code": 21, "error_message": "ledgerNotFound"}
    header = {"closed": True, "ledger_data": ledger.ledger_data}
    return {"ledger": header, "ledger_hash": ledger.hash, "ledger_index": ledger.index, "validated": True}
