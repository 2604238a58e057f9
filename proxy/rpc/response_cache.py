"""The cache of responses that never change: transactions of validated ledgers, and validated ledgers themselves."""

import re
from typing import Any

import orjson
from cachetools import LRUCache

from adapters import JsonObject
from proxy.envelope import Call, InvalidAnswer, read_jsonrpc_answer
from proxy.envelope.written_json import write_sorted
from proxy.eventloop.compact_bytes import compact
from proxy.telemetry.metrics import Metrics
from proxy.versions.own import request_in_own_version
from proxy.versions.translator import TranslatedResult

_HASH = re.compile(r"[0-9A-Fa-f]{64}")
_FLAGS = {"tx": frozenset({"binary"}), "ledger": frozenset({"transactions", "expand", "binary", "owner_funds"})}
"""The methods whose responses are cached, with their boolean parameters."""
_NUMBERS = {"tx": frozenset({"min_ledger", "max_ledger"}), "ledger": frozenset({"ledger_index"})}
_CLIO = 2001
"""The warning that Clio adds to every response. Any other is about the moment."""

_OVERHEAD = 250
"""Bytes of memory that an entry takes in addition to its text."""
_LARGEST_SHARE = 8
"""No response may take more than this fraction of the cache, or one ledger would evict everything."""


class ResponseCache:
    """A least-recently-used cache of at most `max_bytes`; 0 disables it.

    The key is the client's version, the method, and the parameters. These are an allow-list: a request with any other
    parameter, which might be a secret or change the result, is not cached.
    """

    def __init__(self, max_bytes: int, metrics: Metrics) -> None:
        self._largest = max_bytes // _LARGEST_SHARE
        self._metrics = metrics
        self._cache: LRUCache[bytes, bytes] = LRUCache(max_bytes, getsizeof=lambda text: len(text) + _OVERHEAD)
        metrics.cache_bytes.set(0)

    def key(self, call: Call) -> bytes | None:
        """The cache key of `call`, None if its response cannot be cached."""
        if not self._largest or call.method not in _FLAGS:
            return None
        own = request_in_own_version(call.version, call.method, call.params)
        params = _cache_params(call.method, own)
        if params is None:
            return None
        # An adapter's result may depend on the client's parameters.
        asked = None if own is call.params else write_sorted(call.params).decode()
        return orjson.dumps([call.version, call.method, params, asked], option=orjson.OPT_SORT_KEYS)

    def get(self, key: bytes, method: str) -> TranslatedResult | None:
        """The cached response, None if there is none."""
        text = self._cache.get(key)
        self._metrics.cache_looked_up(method, hit=text is not None)
        if text is None:
            return None
        cached = orjson.loads(text)
        return TranslatedResult(cached["result"], cached["extras"])

    def put(self, key: bytes, answer: TranslatedResult | bytes) -> None:
        """Cache a response if it never changes: a translated result, or the bytes of a node's JSON-RPC response."""
        if not isinstance(answer, TranslatedResult) and len(answer) > self._largest:
            return  # without parsing it
        result, extras = _unwrap(answer)
        if result.get("validated") is not True or "error" in result:
            return
        extras = {name: value for name, value in extras.items() if name != "warning"}  # about the client
        if any(name != "warnings" or not _is_clio_notice(value) for name, value in extras.items()):
            return
        try:
            text = orjson.dumps({"result": result, "extras": extras})
        except TypeError:  # nested deeper than can be written
            return
        if len(text) + _OVERHEAD <= self._largest:
            self._cache[compact(key)] = compact(text)
            self._metrics.cache_bytes.set(self._cache.currsize)


def _cache_params(method: str, params: JsonObject) -> JsonObject | None:
    """The parameters in normal form if they name one thing that never changes, and nothing else; otherwise None."""
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
