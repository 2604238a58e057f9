"""Answers that never change, kept in memory: a transaction of a validated ledger, and a validated ledger itself."""

import re
from typing import Any

import orjson
from cachetools import LRUCache

from adapters import JsonObject
from proxy.envelope import Call, InvalidAnswer, read_jsonrpc_answer
from proxy.telemetry.metrics import Metrics
from proxy.versions.translator import TranslatedResult

_HASH = re.compile(r"[0-9A-Fa-f]{64}")
_FLAGS = {"tx": frozenset({"binary"}), "ledger": frozenset({"transactions", "expand", "binary", "owner_funds"})}
"""The methods whose answers are kept, with the parameters that change their form and may only be true or false."""
_NUMBERS = {"tx": frozenset({"min_ledger", "max_ledger"}), "ledger": frozenset({"ledger_index"})}
_CLIO = 2001
"""The warning that a Clio puts beside every answer. All others are about the moment."""

_OVERHEAD = 250
"""Bytes that an entry takes besides its key and its text."""
_LARGEST_SHARE = 8
"""No answer may take more than this part of all the bytes, or one ledger would push out everything."""


class ResponseCache:
    """The answers in use last, as many as fit into `most_bytes`; 0 keeps none.

    Keyed by the client's version, the method, and the parameters; these are an allow-list, so that nothing secret, and
    nothing that nobody has thought about, is ever part of a key.
    """

    def __init__(self, most_bytes: int, metrics: Metrics) -> None:
        self._largest = most_bytes // _LARGEST_SHARE
        self._metrics = metrics
        self._kept: LRUCache[bytes, bytes] = LRUCache(most_bytes, getsizeof=lambda text: len(text) + _OVERHEAD)
        metrics.cache_bytes.set(0)

    def key(self, call: Call) -> bytes | None:
        """What the answer to `call` is kept under, None where it is not one to keep."""
        if not self._largest or call.method not in _FLAGS:
            return None
        params = _cache_params(call.method, call.params)
        if params is None:
            return None
        return orjson.dumps([call.version, call.method, params], option=orjson.OPT_SORT_KEYS)

    def get(self, key: bytes, method: str) -> TranslatedResult | None:
        """The answer kept under `key`."""
        text = self._kept.get(key)
        self._metrics.cache_looked_up(method, hit=text is not None)
        if text is None:
            return None
        kept = orjson.loads(text)
        return TranslatedResult(kept["result"], kept["beside"])

    def put(self, key: bytes, answer: TranslatedResult | bytes) -> None:
        """Keep an answer, a result or the bytes of a node's JSON-RPC answer, if it is one that never changes."""
        result, beside = _unwrap(answer)
        if result.get("validated") is not True or "error" in result:
            return
        beside = {name: value for name, value in beside.items() if name != "warning"}  # which is about the client
        if any(name != "warnings" or not _is_clio_notice(value) for name, value in beside.items()):
            return
        try:
            text = orjson.dumps({"result": result, "beside": beside})
        except TypeError:  # nested deeper than can be written
            return
        if len(text) + _OVERHEAD <= self._largest:
            self._kept[key] = text
            self._metrics.cache_bytes.set(self._kept.currsize)


def _cache_params(method: str, params: JsonObject) -> JsonObject | None:
    """The parameters, in one form, where they name one thing that never changes and nothing else; else None."""
    known: JsonObject = {}
    for name, value in params.items():
        if _is_hash(method, name, value):
            known[name] = value.upper()
        elif (name in _FLAGS[method] and type(value) is bool) or (name in _NUMBERS[method] and type(value) is int):
            known[name] = value
        else:
            return None
    named = known.keys() & {"transaction", "ledger_hash", "ledger_index"}
    return known if len(named) == 1 else None


def _is_hash(method: str, name: str, value: Any) -> bool:
    wanted = "transaction" if method == "tx" else "ledger_hash"
    return name == wanted and isinstance(value, str) and _HASH.fullmatch(value) is not None


def _unwrap(answer: TranslatedResult | bytes) -> tuple[JsonObject, JsonObject]:
    if isinstance(answer, TranslatedResult):
        return answer.result, answer.extras
    try:
        return read_jsonrpc_answer(200, answer)
    except InvalidAnswer:
        return {}, {}


def _is_clio_notice(warnings: Any) -> bool:
    return isinstance(warnings, list) and all(isinstance(each, dict) and each.get("id") == _CLIO for each in warnings)
