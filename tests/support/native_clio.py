"""A Clio in memory, for conversations driven without a socket."""

import copy
from functools import cache
from pathlib import Path

import orjson

from adapters import JsonObject, NodeRequest
from proxy.demo.clio import clio_cases
from tests.support.native import Miss

STREAMS = Path(__file__).parents[1] / "adapters" / "clio_streams.json"
Asked = tuple[str, bytes]


@cache
def _answers(version: int) -> dict[Asked, JsonObject]:
    return {_key(case["method"], case["params"]): _answer(case[f"v{version}"]) for case in clio_cases()}


def _answer(reported: JsonObject) -> JsonObject:
    result: JsonObject = reported["result"] if "result" in reported else {**reported["error"], "type": "response"}
    return result


def _key(method: str, params: JsonObject) -> Asked:
    return method, orjson.dumps(params, option=orjson.OPT_SORT_KEYS)


def clio_requests() -> list[NodeRequest]:
    """The request of each case, once; without those whose name says that only an adapter makes them."""
    cases = (case for case in clio_cases() if not case["name"].startswith("("))
    return [NodeRequest(case["method"], case["params"]) for case in cases]


@cache
def clio_streams() -> dict[str, JsonObject]:
    """What Clio pushes, by kind of message: `{"v1", "v2", …}`, `v2` missing where it is the same."""
    streams: dict[str, JsonObject] = orjson.loads(STREAMS.read_bytes())
    return streams


class ClioNode:
    """A Clio of one API version that answers its cases, and any ledger's header."""

    def __init__(self, version: int) -> None:
        self._answers = _answers(version)

    def ask(self, question: NodeRequest) -> JsonObject:
        """The case's result or error. Raises Miss where there is none."""
        found = self._answers.get(_key(question.method, question.params))
        if found is not None:
            return copy.deepcopy(found)
        if question.method == "ledger" and question.params.keys() == {"ledger_index", "binary"}:
            index = question.params["ledger_index"]
            header = {"closed": True, "ledger_data": (index.to_bytes(4) + bytes(114)).hex().upper()}
            return {"ledger": header, "ledger_hash": f"{index:064X}", "ledger_index": index, "validated": True}
        raise Miss(f"{question.method} {question.params}")
